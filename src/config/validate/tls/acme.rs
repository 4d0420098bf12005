//! `acme`: which authority is asked, and how it is shown that the names are ours.

use super::{authorities, hosts};
use crate::config::model::{Acme, Challenge};
use crate::config::node::At;
use crate::config::raw;
use crate::config::report::{Problem, Report};
use crate::config::validate::listeners::{Claim, Hosts};
use crate::config::validate::{process, required, scalar};
use crate::router::HostPattern;

/// Let's Encrypt, for everybody and free.
const DIRECTORY: &str = "https://acme-v02.api.letsencrypt.org/directory";

const HOOK_HELP: &str = "write the command that sets and removes the record: `hook = [\"./dns-hook\"]`";

#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Http01,
    TlsAlpn01,
    Dns01,
}

const KINDS: [(&str, Kind); 3] =
    [("http-01", Kind::Http01), ("tls-alpn-01", Kind::TlsAlpn01), ("dns-01", Kind::Dns01)];

pub fn acme(at: &At<raw::Acme>, claim: &Claim, report: &mut Report) -> Option<Acme> {
    let raw = &at.value;
    let kind = scalar::choice("challenge", raw.challenge.as_ref(), &KINDS, Kind::Http01, report);
    check_hosts(at, claim, kind, report);
    let authorities = raw.ca.as_ref().and_then(|ca| authorities("ca", ca, report));
    let email = raw.email.as_ref().and_then(|at| email(at, report));
    let directory = match &raw.directory {
        Some(at) => directory(at, report)?,
        None => DIRECTORY.to_owned(),
    };
    Some(Acme { email, directory, authorities, challenge: challenge(at, kind, report)? })
}

fn challenge(at: &At<raw::Acme>, kind: Kind, report: &mut Report) -> Option<Challenge> {
    let hook = at.value.hook.as_ref();
    if let Some(hook) = hook.filter(|_| kind != Kind::Dns01) {
        let help = "write `challenge = \"dns-01\"`, or leave it out";
        report.push(Problem::error(hook.key, "`hook` is for the challenge \"dns-01\" only").help(help));
    }
    Some(match kind {
        Kind::Http01 => Challenge::Http01,
        Kind::TlsAlpn01 => Challenge::TlsAlpn01,
        Kind::Dns01 => {
            let hook = required("hook", hook, at.spot, "the challenge \"dns-01\"", HOOK_HELP, report)?;
            Challenge::Dns01 { command: process::words("hook", hook, HOOK_HELP, report) }
        }
    })
}

/// An authority certifies names, and only those it can ask for.
fn check_hosts(at: &At<raw::Acme>, claim: &Claim, kind: Kind, report: &mut Report) {
    let Hosts::Named(named) = &claim.hosts else {
        let help = "write the names that certificates are wanted for: `hosts = [\"example.com\"]`";
        report.push(Problem::error(at.key, "`acme` needs the site's `hosts`").help(help).absent());
        return;
    };
    for host in named {
        let (message, help) = match &host.value {
            HostPattern::Suffix(_) if kind != Kind::Dns01 => (
                format!("a certificate for `{}` is given for the challenge \"dns-01\" only", host.value),
                "write `challenge = \"dns-01\"` with its `hook`, or each name by itself",
            ),
            HostPattern::Prefix(_) => (
                format!("no authority gives a certificate for `{}`", host.value),
                "write each name by itself",
            ),
            HostPattern::Exact(name) if hosts::address(name).is_some() => (
                format!("`acme` obtains certificates for names, and `{name}` is an address"),
                "give that address a site of its own, with `cert` and `key`",
            ),
            _ => continue,
        };
        report.push(Problem::error(host.spot, message).also(at.key, "asked for here").help(help));
    }
}

/// RFC 8555 6.1: an authority is spoken to over TLS only.
fn directory(at: &At<String>, report: &mut Report) -> Option<String> {
    let rest = at.value.strip_prefix("https://").unwrap_or_default();
    let is_url = !rest.is_empty() && !rest.starts_with('/') && !rest.contains(char::is_whitespace);
    if !is_url {
        let message = format!("`{}` is not the directory of an authority", at.value);
        report.push(
            Problem::error(at.spot, message).help(format!("write its URL, which is https: \"{DIRECTORY}\"")),
        );
    }
    is_url.then(|| at.value.clone())
}

fn email(at: &At<String>, report: &mut Report) -> Option<String> {
    let parts = at.value.split_once('@').filter(|(user, host)| {
        let foreign = |c: char| c.is_whitespace() || c.is_control() || "@,:<>".contains(c);
        !user.is_empty() && !host.is_empty() && !user.contains(foreign) && !host.contains(foreign)
    });
    if parts.is_none() {
        let message = format!("`{}` is not an address for mail", at.value);
        report.push(Problem::error(at.spot, message).help("write one like \"ops@example.com\""));
    }
    parts.map(|_| at.value.clone())
}
