//! What TLS asks of the addresses of all sites together.

use std::collections::HashMap;

use crate::config::model::Challenge;
use crate::config::node::At;
use crate::config::report::{Problem, Report, Spot};
use crate::config::validate::listeners::Claim;
use crate::net::ListenAddr;

pub fn check(claims: &[Claim], report: &mut Report) {
    refuse_both_kinds(claims, report);
    warn_of_unreachable_proof(claims, report);
}

/// A connection is either plain from its first byte, or it is not.
fn refuse_both_kinds(claims: &[Claim], report: &mut Report) {
    let mut plain: HashMap<&ListenAddr, Spot> = HashMap::new();
    for at in claims.iter().flat_map(Claim::plain) {
        plain.entry(&at.value).or_insert(at.spot);
    }
    for at in claims.iter().flat_map(|claim| &claim.listen_tls) {
        if let Some(other) = plain.get(&at.value) {
            let message = format!("`{}` is in `listen` as well: it is either with TLS or without", at.value);
            let help = "give one of them another port: plain HTTP is usually on 80, and TLS on 443";
            report.push(Problem::error(at.spot, message).also(*other, "the plain one is here").help(help));
        }
    }
}

/// The authority comes to ports that it chooses, not we. Something before rproxy may lead it on from there.
fn warn_of_unreachable_proof(claims: &[Claim], report: &mut Report) {
    let is_on = |mut all: Box<dyn Iterator<Item = &At<ListenAddr>> + '_>, port| {
        all.any(|at| at.value.port() == Some(port))
    };
    let plain = is_on(Box::new(claims.iter().flat_map(Claim::plain)), 80);
    let secured = is_on(Box::new(claims.iter().flat_map(|claim| &claim.listen_tls)), 443);
    for at in claims.iter().filter_map(|claim| claim.acme.as_ref()) {
        let (message, help) = match at.value {
            Challenge::Http01 if !plain => (
                "the authority comes to port 80 to see that the names are ours, but no site listens there",
                "write `listen = [\":80\"]`, or lead that port on to a plain listener, or choose another `challenge`",
            ),
            Challenge::TlsAlpn01 if !secured => (
                "the authority comes to port 443 to see that the names are ours, but no site listens there",
                "write `listen_tls = [\":443\"]`, or lead that port on to a TLS listener, or choose another `challenge`",
            ),
            _ => continue,
        };
        report.push(Problem::warning(at.key, message).help(help).absent());
    }
}
