//! `balance`: which of an upstream's servers a request goes to.

use super::location::before_the_answer;
use super::{required, scalar};
use crate::config::model::Balance;
use crate::config::node::{At, Either};
use crate::config::raw;
use crate::config::report::{Problem, Report};

const WORDS: &[(&str, Word)] = &[
    ("round_robin", Word::RoundRobin),
    ("least_conn", Word::LeastConn),
    ("random", Word::Random),
    ("p2c", Word::P2c),
];

/// As long as a key of 128 bits is in hexadecimal digits.
const SHORTEST_SECRET: usize = 16;

const COOKIE: &str = "write what it is to be called, like `{ cookie = \"route\" }`";

const HASH: &str = "write what tells clients apart, like `{ hash = \"$remote_addr\" }`";

#[derive(Clone, Copy)]
enum Word {
    RoundRobin,
    LeastConn,
    Random,
    P2c,
}

pub fn balance(written: Option<&At<Either<String, raw::Balance>>>, report: &mut Report) -> Balance {
    match written.map(|at| (at, &at.value)) {
        None => Balance::RoundRobin,
        Some((at, Either::A(word))) => by_word(&at.with(word.clone()), report),
        Some((at, Either::B(table))) => by_key(at, table, report).unwrap_or(Balance::RoundRobin),
    }
}

fn by_word(at: &At<String>, report: &mut Report) -> Balance {
    let needs = match at.value.as_str() {
        "hash" => Some(("`hash` needs to know of what", HASH)),
        "cookie" => Some(("`cookie` needs a name", COOKIE)),
        _ => None,
    };
    if let Some((message, help)) = needs {
        report.push(Problem::error(at.spot, message).help(help));
        return Balance::RoundRobin;
    }
    match scalar::choice("balance", Some(at), WORDS, Word::RoundRobin, report) {
        Word::RoundRobin => Balance::RoundRobin,
        Word::LeastConn => Balance::LeastConn,
        Word::Random => Balance::Random,
        Word::P2c => Balance::P2c,
    }
}

fn by_key<T>(at: &At<T>, table: &raw::Balance, report: &mut Report) -> Option<Balance> {
    if let (Some(hash), Some(cookie)) = (&table.hash, &table.cookie) {
        let (first, second) = if hash.key < cookie.key { (hash, cookie) } else { (cookie, hash) };
        let message = "`balance` goes either by `hash` or by `cookie`, not both";
        report.push(Problem::error(second.key, message).also(first.key, "it has this"));
        return None;
    }
    if let Some(cookie) = &table.cookie {
        return by_cookie(cookie, table.secret.as_ref(), report);
    }
    if let Some(secret) = &table.secret {
        report.push(Problem::error(secret.key, "`secret` goes with `cookie` only"));
    }
    by_hash(at, table, report)
}

/// A cookie's name is a token (RFC 6265 4.1.1, RFC 9110 5.6.2).
fn by_cookie(cookie: &At<String>, secret: Option<&At<String>>, report: &mut Report) -> Option<Balance> {
    let is_valid = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte);
    let is_name = !cookie.value.is_empty() && cookie.value.bytes().all(is_valid);
    if !is_name {
        let message = match cookie.value.as_str() {
            "" => "the cookie's name is empty".to_owned(),
            name => format!("`{name}` cannot be the cookie's name"),
        };
        report.push(Problem::error(cookie.spot, message).help("it is made of letters, digits, `-` and `_`"));
    }
    let short = secret.filter(|secret| secret.value.len() < SHORTEST_SECRET);
    if let Some(secret) = short {
        let message =
            format!("`secret` is too short: it takes {SHORTEST_SECRET} characters that nobody guesses");
        report.push(Problem::error(secret.spot, message).help("`openssl rand -hex 32` prints one"));
    }
    let secret = secret.map(|secret| secret.value.clone());
    (is_name && short.is_none()).then(|| Balance::Cookie { name: cookie.value.clone(), secret })
}

fn by_hash<T>(at: &At<T>, table: &raw::Balance, report: &mut Report) -> Option<Balance> {
    let hash = required("hash", table.hash.as_ref(), at.spot, "`balance`", HASH, report)?;
    // Locations with groups of their own share the upstream, so there are none to use.
    let key = before_the_answer(hash, None, report)?;
    if key.is_literal() {
        let message = "`hash` has no variable, so one server would have all requests";
        report.push(Problem::error(hash.spot, message).help(HASH));
        return None;
    }
    Some(Balance::Hash(key))
}
