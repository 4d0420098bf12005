//! The effective configuration as TOML, for `rproxy check --print`: it means the same wherever it is read.

use super::model::Config;
use super::settings::{
    self, LocationSettings, ServerSettings, Settings, UpstreamSettings, Value, quoted_key,
};

pub fn print(config: &Config) -> String {
    let mut out = Out::default();
    for (header, table) in settings::process_wide(config) {
        out.table(header, &table);
    }
    for site in &config.sites {
        out.table("[[site]]", &settings::site(site));
        site.locations.iter().for_each(|one| out.location(settings::location(one, site, config)));
    }
    // Those without a name are written where they are used.
    for upstream in config.upstreams.iter().filter(|one| settings::is_named(one)) {
        out.upstream(&upstream.name, settings::upstream(upstream));
    }
    out.0
}

/// Text of one file, table by table.
#[derive(Default)]
struct Out(String);

impl Out {
    fn location(&mut self, location: LocationSettings) {
        let mut table = Settings::default();
        table.keys.push(("match".into(), location.pattern));
        for part in [location.action, location.others] {
            table.keys.extend(part.keys);
            table.tables.extend(part.tables);
        }
        self.table("[[site.location]]", &table);
    }

    fn upstream(&mut self, name: &str, upstream: UpstreamSettings) {
        let mut table = upstream.others;
        let servers = upstream.servers.into_iter().map(ServerSettings::shortest).collect();
        table.keys.insert(0, ("servers".into(), Value::List(servers)));
        self.table(&format!("[upstream.{}]", quoted_key(name)), &table);
    }

    fn table(&mut self, header: &str, table: &Settings) {
        if !self.0.is_empty() {
            self.0.push('\n');
        }
        self.line(header);
        for (key, value) in &table.keys {
            self.line(&format!("{key} = {}", value.to_toml()));
        }
        let name = header.trim_start_matches('[').trim_end_matches(']');
        for (key, below) in &table.tables {
            self.table(&format!("[{name}.{key}]"), below);
        }
    }

    fn line(&mut self, line: &str) {
        self.0.push_str(line);
        self.0.push('\n');
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use crate::config::tls_tests::copy_certificates;
    use crate::config::{load, print};

    /// Prints the configuration, reads that from another folder, and prints it again.
    fn round_trip(text: &str) -> (String, String) {
        let [first, second] = [(); 2].map(|()| tempfile::tempdir().unwrap());
        copy_certificates(first.path());
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
        let (once, twice) = round_trip(include_str!("small.toml"));
        assert_eq!(once, include_str!("small.effective.toml"));
        assert_eq!(once, twice);
    }

    #[test]
    fn every_key_survives_being_printed_and_read() {
        let (once, twice) = round_trip(include_str!("every_key.toml"));
        assert_eq!(once, include_str!("every_key.effective.toml"));
        assert_eq!(once, twice);
    }
}
