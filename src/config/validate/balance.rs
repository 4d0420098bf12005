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
        Some((at, Either::B(table))) => by_hash(at, table, report).unwrap_or(Balance::RoundRobin),
    }
}

fn by_word(at: &At<String>, report: &mut Report) -> Balance {
    if at.value == "hash" {
        report.push(Problem::error(at.spot, "`hash` needs to know of what").help(HASH));
        return Balance::RoundRobin;
    }
    match scalar::choice("balance", Some(at), WORDS, Word::RoundRobin, report) {
        Word::RoundRobin => Balance::RoundRobin,
        Word::LeastConn => Balance::LeastConn,
        Word::Random => Balance::Random,
        Word::P2c => Balance::P2c,
    }
}

fn by_hash<T>(at: &At<T>, table: &raw::Balance, report: &mut Report) -> Option<Balance> {
    if let Some(cookie) = &table.cookie {
        let refused = Problem::error(cookie.key, "`cookie` is not yet supported");
        report.push(refused.help("the same client has the same server with `{ hash = \"$remote_addr\" }`"));
        return None;
    }
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
