//! The whole effective configuration, setting by setting, every default filled in and every path absolute.
//!
//! It is written down once, and both printed and compared: a setting that is named here cannot be missing
//! from either.

mod location;
mod tls;
mod upstream;
mod value;

use std::fmt::Display;
use std::path::Path;
use std::time::Duration;

pub use location::{LocationSettings, location};
pub use upstream::{ServerSettings, UpstreamSettings, upstream};
pub use value::Value;

use super::model::{
    AccessFormat, AccessLog, Config, ErrorLog, ErrorPage, ErrorPages, Level, Log, LogFormat, Server, Site,
    Timeouts, Upstream,
};
use super::node::quoted;
use super::value::{show_duration, show_size};
use crate::net::ListenAddr;

/// The settings of one table.
#[derive(Clone, Debug, Default)]
pub struct Settings {
    pub keys: Vec<(String, Value)>,
    /// Tables below it that have a header of their own.
    pub tables: Vec<(String, Settings)>,
}

impl Settings {
    fn key(&mut self, key: &str, value: impl Into<Value>) {
        self.keys.push((key.to_owned(), value.into()));
    }

    /// With those of tables below it as tables.
    pub fn entries(&self) -> Vec<(String, Value)> {
        let tables = self.tables.iter().map(|(key, table)| (key.clone(), Value::Table(table.entries())));
        self.keys.iter().cloned().chain(tables).collect()
    }
}

/// The tables that there are once in a file, with their headers.
pub fn process_wide(config: &Config) -> Vec<(&'static str, Settings)> {
    vec![("[server]", server(&config.server)), ("[log]", log(&config.log))]
}

fn text(value: impl Display) -> Value {
    quoted(&value.to_string()).into()
}

fn secret(value: impl Display) -> Value {
    Value::Secret(quoted(&value.to_string()))
}

fn path(value: &Path) -> Value {
    quoted(&value.to_string_lossy()).into()
}

fn list(values: impl IntoIterator<Item = impl Display>) -> Value {
    Value::List(values.into_iter().map(text).collect())
}

/// A list whose order says nothing.
fn set(values: impl IntoIterator<Item = impl Display>) -> Value {
    Value::Set(values.into_iter().map(text).collect())
}

fn table(entries: impl IntoIterator<Item = (String, Value)>) -> Value {
    Value::Table(entries.into_iter().collect())
}

fn entry(key: &str, value: impl Into<Value>) -> (String, Value) {
    (key.to_owned(), value.into())
}

fn server(server: &Server) -> Settings {
    let mut out = Settings::default();
    match server.workers {
        Some(count) => out.key("workers", count),
        None => out.key("workers", "\"auto\""),
    }
    out.key("shutdown_grace", text(show_duration(server.shutdown_grace)));
    out.key("upgrade_grace", text(show_duration(server.upgrade_grace)));
    let unix = server.trusted_proxies.unix.then(|| "unix:".to_owned());
    let networks = server.trusted_proxies.networks.iter().map(ToString::to_string);
    out.key("trusted_proxies", set(networks.chain(unix)));
    if let Some(admin) = &server.admin {
        out.key("admin", text(admin));
    }
    match server.max_connections {
        Some(count) => out.key("max_connections", count),
        None => out.key("max_connections", "\"auto\""),
    }
    if let Some(account) = &server.account {
        out.key("user", text(&account.user));
        if let Some(group) = &account.group {
            out.key("group", text(group));
        }
    }
    let directory = entry("directory", path(&server.spool.directory));
    out.key("state", path(&server.tls.state));
    if let Some(file) = &server.tls.key_log {
        out.key("tls_key_log", path(file));
    }
    out.key("spool", table([directory, entry("size", text(show_size(server.spool.size)))]));
    out
}

fn log(log: &Log) -> Settings {
    let mut out = Settings::default();
    out.key("level", text(level(log.level)));
    out.key("format", if log.format == LogFormat::Json { "\"json\"" } else { "\"text\"" });
    match &log.error {
        ErrorLog::Stderr => out.key("error", "\"stderr\""),
        ErrorLog::File(file) => out.key("error", path(file)),
    }
    match &log.access {
        AccessLog::Off => out.key("access", "\"off\""),
        AccessLog::Stdout => out.key("access", "\"stdout\""),
        AccessLog::File(file) => out.key("access", path(file)),
    }
    match &log.access_format {
        AccessFormat::Combined => out.key("access_format", "\"combined\""),
        AccessFormat::Json => out.key("access_format", "\"json\""),
        AccessFormat::Template(template) => out.key("access_format", text(template)),
    }
    out
}

const fn level(level: Level) -> &'static str {
    match level {
        Level::Error => "error",
        Level::Warn => "warn",
        Level::Info => "info",
        Level::Debug => "debug",
        Level::Trace => "trace",
    }
}

fn listener(addr: &ListenAddr, site: &Site) -> Value {
    let Some(socket) = site.sockets.get(addr) else { return text(addr) };
    let mode = entry("mode", text(format!("{:04o}", socket.mode)));
    let owner = |key, owner: &Option<(String, u32)>| owner.as_ref().map(|(name, _)| entry(key, text(name)));
    let owners = [owner("user", &socket.user), owner("group", &socket.group)];
    table([entry("address", text(addr)), mode].into_iter().chain(owners.into_iter().flatten()))
}

/// Without its locations.
pub fn site(site: &Site) -> Settings {
    let mut out = Settings::default();
    listeners(&mut out, site);
    if !site.hosts.is_empty() {
        out.key("hosts", set(&site.hosts));
    }
    out.key("max_body", limit(site.max_body));
    let header = duration("header", site.timeouts.header);
    let handshake = duration("handshake", site.timeouts.handshake);
    out.key("timeouts", table([header].into_iter().chain(timeouts(site.timeouts)).chain([handshake])));
    out.key("errors", errors(&site.errors, site));
    out
}

/// With what goes with each kind.
fn listeners(out: &mut Settings, site: &Site) {
    let (secured, plain): (Vec<_>, Vec<_>) =
        site.listen.iter().partition(|addr| site.listen_tls.contains(addr));
    let all = |found: Vec<&ListenAddr>| Value::Set(found.iter().map(|addr| listener(addr, site)).collect());
    if !plain.is_empty() {
        out.key("listen", all(plain));
        out.key("h2c", site.h2c);
    }
    if !secured.is_empty() {
        out.key("listen_tls", all(secured));
        out.key("https_only", site.https_only);
        out.key("http2", site.http2);
        out.tables.push(("tls".into(), tls::site(&site.tls, site.hsts)));
    }
}

fn limit(limit: Option<u64>) -> Value {
    limit.map_or_else(|| "0".into(), |bytes| text(show_size(bytes)))
}

/// Those that a location can have.
fn timeouts(timeouts: Timeouts) -> [(String, Value); 3] {
    [("body", timeouts.body), ("keep_alive", timeouts.keep_alive), ("send", timeouts.send)]
        .map(|(key, time)| duration(key, time))
}

fn duration(key: &str, value: Duration) -> (String, Value) {
    entry(key, text(show_duration(value)))
}

fn errors(pages: &ErrorPages, site: &Site) -> Value {
    let page = |page: &ErrorPage| match page {
        ErrorPage::File(file) => path(file),
        ErrorPage::Location(index) => text(pattern_of(site, *index)),
    };
    let exact = pages.exact.iter().map(|(status, found)| (format!("\"{status}\""), page(found)));
    let class = pages.class.iter().map(|(class, found)| (format!("\"{class}xx\""), page(found)));
    table(exact.chain(class))
}

fn pattern_of(site: &Site, location: usize) -> String {
    site.locations.get(location).map(|one| one.pattern.to_string()).unwrap_or_default()
}

/// A key in quotes, unless it can stand without.
pub fn quoted_key(key: &str) -> String {
    let bare = !key.is_empty() && key.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_');
    if bare { key.to_owned() } else { quoted(key) }
}

/// Others are called by their address, which has a colon, and have no settings of their own.
pub fn is_named(upstream: &Upstream) -> bool {
    !upstream.name.contains(':')
}
