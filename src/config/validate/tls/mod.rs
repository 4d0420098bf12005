//! `[site.tls]`, and what of `[[site]]` goes with `listen_tls`.

mod acme;
mod addresses;
mod hosts;
mod hsts;
mod identity;

pub use addresses::check;
pub use identity::{authorities, lacks_other, pair};

use super::listeners::Claim;
use super::scalar;
use crate::config::model::{ClientCertificates, Hsts, Tls};
use crate::config::node::At;
use crate::config::raw;
use crate::config::report::{ANY, Problem, Report};

/// How a site is spoken to.
pub struct Security {
    pub tls: Tls,
    pub https_only: bool,
    pub hsts: Option<Hsts>,
    pub http2: bool,
    pub h2c: bool,
}

pub fn security(raw: &At<raw::Site>, claim: &mut Claim, report: &mut Report) -> Security {
    let https_only = https_only(&raw.value, report);
    refuse_idle(raw, https_only, report);
    let written = raw.value.tls.as_ref();
    let hsts = written.and_then(|at| at.value.hsts.as_ref());
    Security {
        hsts: hsts.and_then(|at| hsts::hsts(at, report)),
        tls: written.map(|at| tls(at, claim, report)).unwrap_or_default(),
        https_only: https_only.is_some_and(|at| at.value),
        http2: raw.value.http2.as_ref().is_none_or(|at| at.value),
        h2c: raw.value.h2c.as_ref().is_some_and(|at| at.value),
    }
}

fn tls(at: &At<raw::SiteTls>, claim: &mut Claim, report: &mut Report) -> Tls {
    let identities = identity::identities(at, report);
    hosts::warn_of_others(&claim.hosts, &identities, report);
    if let (Some(acme), Some(cert)) = (&at.value.acme, &at.value.cert) {
        let message = "a site has either `cert` or `acme`, not both";
        report.push(Problem::error(acme.key, message).also(cert.key, "it has this"));
    }
    let written = at.value.acme.as_ref();
    let acme = written.and_then(|at| Some(at.with(acme::acme(at, claim, report)?)));
    claim.acme = acme.as_ref().map(|at| at.with(at.value.challenge.clone()));
    Tls {
        identities: identities.into_iter().map(|at| at.value).collect(),
        acme: acme.map(|at| at.value),
        client: client(&at.value, report),
    }
}

/// `client_ca` and `client_verify`
fn client(raw: &raw::SiteTls, report: &mut Report) -> Option<ClientCertificates> {
    let words = [("required", true), ("optional", false)];
    let required = scalar::choice("client_verify", raw.client_verify.as_ref(), &words, true, report);
    let Some(at) = &raw.client_ca else {
        if let Some(verify) = &raw.client_verify {
            let help = "name the file of whom they are from: `client_ca = \"clients.pem\"`";
            let message = "`client_verify` is nothing without `client_ca`";
            report.push(Problem::error(verify.key, message).help(help).absent());
        }
        return None;
    };
    let authorities = authorities("client_ca", at, report)?;
    Some(ClientCertificates { authorities, required })
}

/// It may stand in either table, as both are where people look for it.
fn https_only<'a>(raw: &'a raw::Site, report: &mut Report) -> Option<&'a At<bool>> {
    let inner = raw.tls.as_ref().and_then(|at| at.value.https_only.as_ref());
    if let (Some(outer), Some(inner)) = (&raw.https_only, inner) {
        let message = "`https_only` is written twice";
        report.push(Problem::error(inner.key, message).also(outer.key, "first written here"));
    }
    raw.https_only.as_ref().or(inner)
}

/// What needs a kind of listener that the site does not have, and the other way round.
fn refuse_idle(at: &At<raw::Site>, https_only: Option<&At<bool>>, report: &mut Report) {
    let raw = &at.value;
    let listens = |key, list: Option<bool>| list == Some(true) || report.is_unread(at.spot, key);
    let plain = listens("listen", raw.listen.as_ref().map(|list| !list.value.is_empty()));
    let secured = listens("listen_tls", raw.listen_tls.as_ref().map(|list| !list.value.is_empty()));
    let is_on = |at: &&At<bool>| at.value;
    let refuse = |problem: Problem, report: &mut Report| report.push(problem.absent());
    if secured {
        refuse_bare(at, report);
    } else {
        let help = "write `listen_tls = [\":443\"]`";
        let idle = [
            ("[site.tls]", raw.tls.as_ref().map(|at| at.key)),
            ("https_only", https_only.filter(is_on).map(|at| at.key)),
            ("http2", raw.http2.as_ref().filter(is_on).map(|at| at.key)),
        ];
        for (name, key) in idle {
            let Some(key) = key else { continue };
            let message = format!("`{name}` is nothing without `listen_tls`");
            let help = if name == "http2" { "write `h2c = true` for HTTP/2 without TLS" } else { help };
            refuse(Problem::error(key, message).help(help), report);
        }
    }
    let client_ca = raw.tls.as_ref().and_then(|at| at.value.client_ca.as_ref());
    if let Some(client_ca) = client_ca.filter(|_| plain && https_only.is_none_or(|at| !at.value)) {
        let help = "write `https_only = true`, or leave `listen` out";
        let message = "`client_ca` asks nobody for a certificate who comes by plain HTTP";
        refuse(Problem::warning(client_ca.key, message).help(help), report);
    }
    if let Some(h2c) = raw.h2c.as_ref().filter(is_on).filter(|_| !plain) {
        let help = "with TLS, HTTP/2 is on anyway; for HTTP/2 without it write `listen` as well";
        refuse(Problem::error(h2c.key, "`h2c` is nothing without `listen`").help(help), report);
    }
    if let Some(https_only) = https_only.filter(is_on).filter(|_| !plain && secured) {
        let help = "write `listen = [\":80\"]` for clients to be sent on from there";
        let message = "without `listen` nobody comes who could be sent to https";
        refuse(Problem::warning(https_only.key, message).help(help), report);
    }
}

/// A TLS listener has to have something to show.
fn refuse_bare(at: &At<raw::Site>, report: &mut Report) {
    let Some(listen) = &at.value.listen_tls else { return };
    let has_any = at.value.tls.as_ref().is_some_and(|at| {
        let unread = ["cert", "key", "acme", ANY].iter().any(|key| report.is_unread(at.spot, key));
        unread || at.value.cert.is_some() || at.value.key.is_some() || at.value.acme.is_some()
    });
    if has_any || report.is_unread(at.spot, "tls") {
        return;
    }
    let help = "write `tls = { cert = \"site.pem\", key = \"site.key\" }`, or `tls = { acme = {} }` to have them \
                obtained";
    report.push(Problem::error(listen.key, "`listen_tls` needs a certificate").help(help).absent());
}
