//! Certificates from an authority: obtained from the names alone, kept and renewed.

/// How names are shown to be ours.
mod challenges;
/// What outlives a process, and what several of them share.
mod lasting;
/// What goes wrong is told, and not made worse.
mod trouble;

use std::fs::Permissions;
use std::net::SocketAddr;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::time::Duration;

use rproxy::tls::shown_certificate;
use x509_parser::prelude::{FromDer, GeneralName, X509Certificate};

use crate::support::kernel::eventually;
use crate::support::proxy::Builder;
use crate::support::{PATIENCE, Pebble, Proxy};

/// What follows upon `acme = {` by default.
const HTTP: &str = "";
const TLS_ALPN: &str = ", challenge = \"tls-alpn-01\"";
const DNS: &str = ", challenge = \"dns-01\", hook = [\"./hook.sh\"]";

/// A site of these hosts where `pebble` looks for it.
fn site(pebble: &Pebble, hosts: &[&str], more: &str) -> String {
    site_at(pebble, (pebble.http, pebble.tls), hosts, more)
}

fn site_at(pebble: &Pebble, (http, tls): (u16, u16), hosts: &[&str], more: &str) -> String {
    let directory = pebble.directory();
    format!(
        "[log]\naccess = \"stdout\"\n[server]\nstate = \"state\"\n\
         [[site]]\nlisten = [\"127.0.0.1:{http}\"]\nlisten_tls = [\"127.0.0.1:{tls}\"]\nhosts = {hosts:?}\n\
         https_only = true\n\
         tls = {{ acme = {{ email = \"ops@shop.test\", directory = \"{directory}\", ca = \"ca.pem\"{more} }} }}\n\
         [[site.location]]\nmatch = \"/\"\nrespond = {{ status = 200, body = \"served\" }}\n"
    )
}

fn proxy(pebble: &Pebble, hosts: &[&str], more: &str) -> Builder {
    with(pebble, &site(pebble, hosts, more))
}

fn with(pebble: &Pebble, toml: &str) -> Builder {
    let builder = Proxy::config(toml).file("ca.pem", pebble.ca()).file("hook.sh", pebble.hook());
    std::fs::set_permissions(builder.dir().join("hook.sh"), Permissions::from_mode(0o755)).unwrap();
    builder
}

/// What a client is shown that asks for `name`; `None` where the handshake fails.
fn shown(tls: u16, name: &str) -> Option<Vec<u8>> {
    let at = SocketAddr::from(([127, 0, 0, 1], tls));
    shown_certificate(at, name, b"http/1.1", PATIENCE).ok()
}

/// Waits until clients are shown a certificate that is not `former`.
fn wait_for_certificate(tls: u16, name: &str, former: Option<&Vec<u8>>) -> Vec<u8> {
    let mut found = None;
    eventually("a certificate is shown", || {
        found = shown(tls, name).filter(|found| Some(found) != former);
        found.is_some()
    });
    found.unwrap()
}

/// The names that a certificate is for, sorted.
fn names(der: &[u8]) -> Vec<String> {
    let (_, certificate) = X509Certificate::from_der(der).unwrap();
    let alternative = certificate.subject_alternative_name().unwrap().unwrap();
    let listed = alternative.value.general_names.iter().filter_map(|name| match name {
        GeneralName::DNSName(name) => Some((*name).to_owned()),
        _ => None,
    });
    let mut names: Vec<_> = listed.collect();
    names.sort();
    names
}

/// The only folder of a certificate.
fn folder(dir: &Path) -> std::path::PathBuf {
    let folders = std::fs::read_dir(dir.join("state/acme/certificates")).unwrap();
    let folders: Vec<_> = folders.map(|folder| folder.unwrap().path()).collect();
    assert_eq!(folders.len(), 1, "{folders:?}");
    folders[0].clone()
}

/// Whether an attempt has failed.
fn has_failed(proxy: &Proxy) -> bool {
    proxy.log.all().iter().any(|line| line.contains("it is tried again in"))
}

/// The seconds until the next attempt, as a line of the log has them.
fn pause(line: &str) -> Duration {
    let found = regex::Regex::new(r"it is tried again in (\d+) s").unwrap().captures(line).unwrap();
    Duration::from_secs(found[1].parse().unwrap())
}
