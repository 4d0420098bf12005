//! `[site.tls]` and `[upstream.NAME.tls]`

use std::path::Path;

use super::{Settings, Value, entry, list, path, table, text};
use crate::config::model::{Acme, Challenge, Hsts, Protocol, Tls, UpstreamTls};
use crate::config::value::show_duration;

pub fn site(tls: &Tls, hsts: Option<Hsts>) -> Settings {
    let mut out = Settings::default();
    if !tls.identities.is_empty() {
        out.key("cert", one_or_list(tls.identities.iter().map(|one| one.cert.as_path())));
        out.key("key", one_or_list(tls.identities.iter().map(|one| one.key.as_path())));
    }
    if let Some(given) = &tls.acme {
        out.key("acme", acme(given));
    }
    if let Some(client) = &tls.client {
        out.key("client_ca", path(&client.authorities.file));
        out.key("client_verify", if client.required { "\"required\"" } else { "\"optional\"" });
    }
    out.key("hsts", hsts.map_or_else(|| false.into(), promise));
    out
}

/// As short as it can be written; the order of certificates is that of their keys.
fn one_or_list<'a>(files: impl Iterator<Item = &'a Path>) -> Value {
    let mut all: Vec<Value> = files.map(path).collect();
    match all.pop() {
        Some(only) if all.is_empty() => only,
        last => Value::List(all.into_iter().chain(last).collect()),
    }
}

fn acme(acme: &Acme) -> Value {
    let email = acme.email.as_ref().map(|email| entry("email", text(email)));
    let ca = acme.authorities.as_ref().map(|ca| entry("ca", path(&ca.file)));
    let (word, hook) = match &acme.challenge {
        Challenge::Http01 => ("http-01", None),
        Challenge::TlsAlpn01 => ("tls-alpn-01", None),
        Challenge::Dns01 { command } => ("dns-01", Some(entry("hook", list(command)))),
    };
    let always = [entry("directory", text(&acme.directory)), entry("challenge", text(word))];
    table(email.into_iter().chain(always).chain(ca).chain(hook))
}

fn promise(hsts: Hsts) -> Value {
    let max_age = entry("max_age", text(show_duration(hsts.max_age)));
    table([max_age, entry("subdomains", hsts.subdomains), entry("preload", hsts.preload)])
}

/// What the servers of an upstream are spoken to in.
pub fn upstream(out: &mut Settings, protocol: Protocol, tls: Option<&UpstreamTls>) {
    let word = match protocol {
        Protocol::Http => "http",
        Protocol::H2c => "h2c",
        Protocol::Https | Protocol::H2 => "https",
    };
    out.key("protocol", text(word));
    if let Some(tls) = tls {
        out.key("http2", protocol == Protocol::H2);
        out.tables.push(("tls".into(), upstream_tls(tls)));
    }
}

fn upstream_tls(tls: &UpstreamTls) -> Settings {
    let mut out = Settings::default();
    if let Some(name) = &tls.name {
        out.key("name", text(name));
    }
    if let Some(ca) = &tls.authorities {
        out.key("ca", path(&ca.file));
    }
    out.key("verify", tls.verify);
    if let Some(identity) = &tls.identity {
        out.key("cert", path(&identity.cert));
        out.key("key", path(&identity.key));
    }
    out
}
