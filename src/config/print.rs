//! The effective configuration as TOML, for `rproxy check --print`: every default filled in, every path
//! absolute, so that it means the same wherever it is read.

mod location;
mod upstream;

use std::fmt::{Display, Write};
use std::path::Path;

use super::model::{
    AccessFormat, AccessLog, Config, ErrorPage, ErrorPages, Level, Log, LogFormat, Server, Site, Timeouts,
    Upstream,
};
use super::node::quoted;
use super::value::{show_duration, show_size};

pub fn print(config: &Config) -> String {
    let mut out = Out::default();
    server(&mut out, &config.server);
    log(&mut out, &config.log);
    config.sites.iter().for_each(|one| site(&mut out, one, config));
    // Those without a name are written where they are used.
    config.upstreams.iter().filter(|one| is_named(one)).for_each(|one| upstream::upstream(&mut out, one));
    out.0
}

/// Text of one file, table by table.
#[derive(Default)]
struct Out(String);

impl Out {
    fn header(&mut self, header: &str) {
        if !self.0.is_empty() {
            self.0.push('\n');
        }
        self.0.push_str(header);
        self.0.push('\n');
    }

    fn key(&mut self, key: &str, value: impl Display) {
        // Writing to a string cannot fail.
        let _ = writeln!(self.0, "{key} = {value}");
    }
}

fn text(value: impl Display) -> String {
    quoted(&value.to_string())
}

fn path(value: &Path) -> String {
    quoted(&value.to_string_lossy())
}

fn list(values: impl IntoIterator<Item = impl Display>) -> String {
    let values: Vec<String> = values.into_iter().map(text).collect();
    format!("[{}]", values.join(", "))
}

fn table(entries: impl IntoIterator<Item = (String, String)>) -> String {
    let entries: Vec<String> = entries.into_iter().map(|(key, value)| format!("{key} = {value}")).collect();
    if entries.is_empty() { "{}".into() } else { format!("{{ {} }}", entries.join(", ")) }
}

fn entry(key: &str, value: String) -> (String, String) {
    (key.to_owned(), value)
}

fn server(out: &mut Out, server: &Server) {
    out.header("[server]");
    match server.workers {
        Some(count) => out.key("workers", count),
        None => out.key("workers", "\"auto\""),
    }
    out.key("shutdown_grace", text(show_duration(server.shutdown_grace)));
    let unix = server.trusted_proxies.unix.then(|| "unix:".to_owned());
    let networks = server.trusted_proxies.networks.iter().map(ToString::to_string);
    out.key("trusted_proxies", list(networks.chain(unix)));
    if let Some(admin) = &server.admin {
        out.key("admin", text(admin));
    }
    let directory = entry("directory", path(&server.spool.directory));
    out.key("spool", table([directory, entry("size", text(show_size(server.spool.size)))]));
}

fn log(out: &mut Out, log: &Log) {
    out.header("[log]");
    out.key("level", text(level(log.level)));
    out.key("format", if log.format == LogFormat::Json { "\"json\"" } else { "\"text\"" });
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

fn site(out: &mut Out, site: &Site, config: &Config) {
    out.header("[[site]]");
    out.key("listen", list(&site.listen));
    if !site.hosts.is_empty() {
        out.key("hosts", list(&site.hosts));
    }
    out.key("max_body", limit(site.max_body));
    let header = entry("header", text(show_duration(site.timeouts.header)));
    out.key("timeouts", table([header].into_iter().chain(timeouts(site.timeouts))));
    out.key("errors", errors(&site.errors, site));
    site.locations.iter().for_each(|one| location::location(out, one, site, config));
}

fn limit(limit: Option<u64>) -> String {
    limit.map_or_else(|| "0".into(), |bytes| text(show_size(bytes)))
}

/// Those that a location can have.
fn timeouts(timeouts: Timeouts) -> [(String, String); 3] {
    [("body", timeouts.body), ("keep_alive", timeouts.keep_alive), ("send", timeouts.send)]
        .map(|(key, duration)| entry(key, text(show_duration(duration))))
}

fn errors(pages: &ErrorPages, site: &Site) -> String {
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
fn quoted_key(key: &str) -> String {
    let bare = !key.is_empty() && key.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_');
    if bare { key.to_owned() } else { quoted(key) }
}

/// Others are called by their address, which has a colon.
fn is_named(upstream: &Upstream) -> bool {
    !upstream.name.contains(':')
}

#[cfg(test)]
mod tests {
    use std::fs;

    use crate::config::{load, print};

    /// Prints the configuration, reads that from another folder, and prints it again.
    fn round_trip(text: &str) -> (String, String) {
        let [first, second] = [(); 2].map(|()| tempfile::tempdir().unwrap());
        fs::write(first.path().join("site.toml"), text).unwrap();
        let once = print(&load(&first.path().join("site.toml")).unwrap().config);
        fs::write(second.path().join("other.toml"), &once).unwrap();
        let twice = print(&load(&second.path().join("other.toml")).unwrap().config);
        // The one default that a shell may have changed.
        let temp = format!("directory = {:?}", std::env::temp_dir());
        let plain = |printed: String| {
            printed.replace(first.path().to_str().unwrap(), "/here").replace(&temp, "directory = \"/tmp\"")
        };
        (plain(once), plain(twice))
    }

    #[test]
    fn a_small_configuration_shows_every_default() {
        let (once, twice) = round_trip(include_str!("print/small.toml"));
        assert_eq!(once, include_str!("print/small.effective.toml"));
        assert_eq!(once, twice);
    }

    #[test]
    fn every_key_survives_being_printed_and_read() {
        let (once, twice) = round_trip(include_str!("print/every_key.toml"));
        assert_eq!(once, include_str!("print/every_key.effective.toml"));
        assert_eq!(once, twice);
    }
}
