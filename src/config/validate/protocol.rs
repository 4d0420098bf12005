//! `protocol`, `http2` and `tls` of an upstream: what its servers are spoken to in, and how they prove who
//! they are.

use std::net::IpAddr;

use super::{scalar, tls};
use crate::config::model::{Protocol, UpstreamServer, UpstreamTls};
use crate::config::node::At;
use crate::config::raw;
use crate::config::report::{Problem, Report};
use crate::net::UpstreamAddr;

const WORDS: &[(&str, Protocol)] =
    &[("http", Protocol::Http), ("h2c", Protocol::H2c), ("https", Protocol::Https)];

/// Words of later releases.
const LATER: &[&str] = &["uwsgi", "fastcgi"];

/// What is expected of servers of which nothing is said.
const TLS: UpstreamTls = UpstreamTls { name: None, authorities: None, verify: true, identity: None };

/// Of a server that `proxy` wrote in place.
pub fn in_place(protocol: Protocol) -> Option<UpstreamTls> {
    is_secured(protocol).then_some(TLS)
}

/// Of `[upstream.NAME]`.
pub fn protocol(
    raw: &raw::Upstream,
    servers: &[At<UpstreamServer>],
    report: &mut Report,
) -> (Protocol, Option<UpstreamTls>) {
    let written = word(raw.protocol.as_ref(), report);
    let protocol = http2(raw, written, report);
    if !is_secured(protocol) {
        if let Some(at) = &raw.tls {
            let message = "`tls` is nothing without `protocol = \"https\"`";
            report.push(Problem::error(at.key, message).absent());
        }
        return (protocol, None);
    }
    let tls = raw.tls.as_ref().map_or(TLS, |at| upstream_tls(&at.value, report));
    refuse_nameless(&tls, servers, report);
    (protocol, Some(tls))
}

const fn is_secured(protocol: Protocol) -> bool {
    matches!(protocol, Protocol::Https | Protocol::H2)
}

fn word(written: Option<&At<String>>, report: &mut Report) -> Protocol {
    if let Some(at) = written.filter(|at| LATER.contains(&at.value.as_str())) {
        let message = format!("`protocol = \"{}\"` is not yet supported", at.value);
        let help = "this release knows \"http\", \"h2c\" and \"https\"";
        report.push(Problem::error(at.spot, message).help(help));
        return Protocol::Http;
    }
    scalar::choice("protocol", written, WORDS, Protocol::Http, report)
}

fn http2(raw: &raw::Upstream, protocol: Protocol, report: &mut Report) -> Protocol {
    let Some(at) = raw.http2.as_ref().filter(|at| at.value) else { return protocol };
    if protocol == Protocol::Https {
        return Protocol::H2;
    }
    let help = match protocol {
        Protocol::H2c => "\"h2c\" is HTTP/2 already",
        _ => "write `protocol = \"h2c\"` for HTTP/2 without TLS",
    };
    let message = "`http2` is nothing without `protocol = \"https\"`";
    report.push(Problem::error(at.key, message).help(help).absent());
    protocol
}

fn upstream_tls(raw: &raw::UpstreamTls, report: &mut Report) -> UpstreamTls {
    let verify = raw.verify.as_ref().is_none_or(|at| at.value);
    if !verify {
        warn_of_no_check(raw, report);
    }
    let identity = match (&raw.cert, &raw.key) {
        (Some(cert), Some(key)) => tls::pair(cert, key, report),
        (cert, key) => {
            tls::lacks_other(cert.as_ref(), key.as_ref(), report);
            None
        }
    };
    UpstreamTls {
        name: raw.name.as_ref().and_then(|at| name(at, report)),
        authorities: raw.ca.as_ref().and_then(|at| tls::authorities("ca", at, report)),
        verify,
        identity: identity.map(|at| at.value),
    }
}

fn warn_of_no_check(raw: &raw::UpstreamTls, report: &mut Report) {
    if let Some(at) = &raw.verify {
        let message =
            "nobody checks who the servers are: whoever is on the way can read and change everything";
        let help = "write `ca = \"ca.pem\"` of whom their certificates are from instead";
        report.push(Problem::warning(at.key, message).help(help));
    }
    for (name, key) in
        [("name", raw.name.as_ref().map(|at| at.key)), ("ca", raw.ca.as_ref().map(|at| at.key))]
    {
        if let Some(key) = key {
            let message = format!("with `verify = false` nothing is checked against `{name}`");
            report.push(Problem::warning(key, message));
        }
    }
}

/// What SNI can say, or an address that a certificate is for.
fn name(at: &At<String>, report: &mut Report) -> Option<String> {
    let text = at.value.trim_matches(['[', ']']);
    let host = format!("{text}:443").parse();
    let is_name = text.parse::<IpAddr>().is_ok() || matches!(host, Ok(UpstreamAddr::Name { .. }));
    if !is_name {
        let message = format!("`{}` is not a name that a certificate could be for", at.value);
        report.push(Problem::error(at.spot, message).help("write one like \"app.internal\", without a port"));
    }
    is_name.then(|| text.to_ascii_lowercase())
}

/// A socket has no name of its own to check.
fn refuse_nameless(tls: &UpstreamTls, servers: &[At<UpstreamServer>], report: &mut Report) {
    if tls.name.is_some() || !tls.verify {
        return;
    }
    for server in servers.iter().filter(|at| at.value.address.unix_path().is_some()) {
        let message = format!("whose name is in the certificate of `{}`?", server.value.address);
        let help = "a socket has none: write `tls = { name = \"app.internal\" }`";
        report.push(Problem::error(server.spot, message).help(help).absent());
    }
}
