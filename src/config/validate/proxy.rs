//! A location's `proxy`: the name of an upstream, or an address in its place; and what goes with it.

use super::servers::address;
use super::upstream::Upstreams;
use crate::config::model::{Protocol, RequestBuffering};
use crate::config::names;
use crate::config::node::{At, Either};
use crate::config::raw;
use crate::config::report::{Problem, Report};
use crate::net::UpstreamAddr;

const HELP: &str = "write the name of an upstream, \"http://host:port\", \"https://host\" or \"unix:/path\"";

/// What can stand before a server, what is spoken to it then, and where it listens if nothing is said.
const SCHEMES: [(&str, Protocol, u16); 3] =
    [("http://", Protocol::Http, 80), ("https://", Protocol::Https, 443), ("h2c://", Protocol::H2c, 80)];

/// The index of the upstream that is meant.
pub fn proxy(at: &At<String>, upstreams: &mut Upstreams, report: &mut Report) -> Option<usize> {
    let text = at.value.as_str();
    for (scheme, protocol, port) in SCHEMES {
        if let Some(rest) = text.strip_prefix(scheme) {
            let authority = authority(at, scheme, rest, port, report)?;
            return in_place(at, authority, (scheme, protocol), upstreams, report);
        }
    }
    if text.is_empty() {
        report.push(Problem::error(at.spot, "`proxy` is empty").help(HELP));
        return None;
    }
    if text.starts_with("unix:") {
        return in_place(at, text.to_owned(), ("", Protocol::Http), upstreams, report);
    }
    if text.contains("://") {
        report.push(Problem::error(at.spot, format!("`{text}` cannot be proxied to")).help(HELP));
        return None;
    }
    let found = upstreams.claim(text);
    if found.is_none() {
        report.push(unknown(at, upstreams));
    }
    found
}

/// `buffer_request`
pub fn buffering(written: Option<&At<raw::Buffering>>, report: &mut Report) -> RequestBuffering {
    let Some(at) = written else { return RequestBuffering::On };
    let word = match &at.value.0 {
        Either::A(true) => return RequestBuffering::On,
        Either::A(false) => return RequestBuffering::Off,
        Either::B(word) if word == "required" => return RequestBuffering::Required,
        Either::B(word) => word,
    };
    let help = match word.as_str() {
        "true" | "false" => format!("write `{word}` without quotes"),
        _ => "write `true`, `false` or `\"required\"`".into(),
    };
    report.push(Problem::error(at.spot, format!("`buffer_request` cannot be \"{word}\"")).help(help));
    RequestBuffering::On
}

/// The `host:port` of what stands behind the scheme.
fn authority(at: &At<String>, scheme: &str, rest: &str, port: u16, report: &mut Report) -> Option<String> {
    if let Some(path) = rest.strip_prefix("unix:") {
        report.push(socket_with_scheme(at, scheme, path.trim_end_matches([':', '/'])));
        return None;
    }
    let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
    let (authority, uri) = rest.split_at(end);
    if !uri.is_empty() {
        let help = match uri {
            "/" => format!("leave the slash out: \"{scheme}{authority}\""),
            _ => format!(
                "the path is changed by `rewrite = {{ from = \"^/(.*)$\", to = \"{}/$1\" }}`",
                uri.trim_end_matches('/')
            ),
        };
        report.push(
            Problem::error(at.spot, format!("`{uri}` cannot stand behind the server of `proxy`")).help(help),
        );
        return None;
    }
    if authority.contains('$') {
        report.push(Problem::error(at.spot, "`proxy` cannot have variables: its server is always the same"));
        return None;
    }
    if authority.is_empty() {
        let message = format!("the server is missing; write \"{scheme}127.0.0.1:8000\"");
        report.push(Problem::error(at.spot, message));
        return None;
    }
    let has_port = authority.rfind(':') > authority.rfind(']');
    Some(if has_port { authority.to_owned() } else { format!("{authority}:{port}") })
}

fn socket_with_scheme(at: &At<String>, scheme: &str, path: &str) -> Problem {
    let message = format!("a Unix socket is written without `{scheme}`");
    let problem = Problem::error(at.spot, message);
    if scheme == "http://" {
        return problem.help(format!("write \"unix:{path}\""));
    }
    problem.help(format!("write an upstream with its `protocol` and `servers = [\"unix:{path}\"]`"))
}

fn in_place(
    at: &At<String>,
    text: String,
    (scheme, protocol): (&str, Protocol),
    upstreams: &mut Upstreams,
    report: &mut Report,
) -> Option<usize> {
    let server = address(&at.with(text), report)?;
    let name = format!("{scheme}{}", server.value);
    Some(upstreams.unnamed(name, protocol, &server, report))
}

fn unknown(at: &At<String>, upstreams: &Upstreams) -> Problem {
    let name = at.value.as_str();
    let problem = Problem::error(at.spot, format!("there is no upstream `{name}`")).absent();
    if name.parse::<UpstreamAddr>().is_ok() {
        return problem.help(format!("an address is written \"http://{name}\""));
    }
    let known: Vec<&str> = upstreams.names().collect();
    let none = || format!("write `[upstream.{name}]` with its `servers`");
    problem.help(names::did_you_mean_or_all(name, &known).unwrap_or_else(none))
}
