//! What holds for a location, a site or an upstream, key by key, with the place that says so.

use super::Loaded;
use super::model::Origin;
use super::read::below;
use super::settings::{self, LocationSettings, ServerSettings, UpstreamSettings, Value};

/// One key of the effective configuration.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Setting {
    /// With the tables it stands in: `timeouts.body`.
    pub key: String,
    /// As TOML writes it, but for secrets, which are not told.
    pub value: String,
    /// Where it was written; `None` is a default.
    pub place: Option<Origin>,
}

impl Loaded {
    /// Of a location, by the indexes of its site and its own.
    pub fn location_settings(&self, site: usize, location: usize) -> Vec<Setting> {
        let found = self.config.sites.get(site).and_then(|site| Some((site, site.locations.get(location)?)));
        let Some((in_site, found)) = found else { return Vec::new() };
        let place = |key: &str| self.places.of_location(site, location, key);
        let LocationSettings { pattern, action, others } = settings::location(found, in_site, &self.config);
        let pattern = ("match".to_owned(), pattern);
        placed([pattern].into_iter().chain(action.entries()).chain(others.entries()), place)
    }

    /// Of a site, but for its locations.
    pub fn site_settings(&self, site: usize) -> Vec<Setting> {
        let Some(found) = self.config.sites.get(site) else { return Vec::new() };
        placed(settings::site(found).entries(), |key| self.places.of_site(site, key))
    }

    /// Of an upstream, by its index.
    pub fn upstream_settings(&self, upstream: usize) -> Vec<Setting> {
        let Some(found) = self.config.upstreams.get(upstream) else { return Vec::new() };
        // One that a location has written in place says nothing but its server.
        let unnamed =
            |key: &str| Some(&found.origin).filter(|_| key == "servers" && found.name.contains(':'));
        let UpstreamSettings { servers, others } = settings::upstream(found);
        let servers = servers.into_iter().map(ServerSettings::shortest).collect();
        let servers = ("servers".to_owned(), Value::List(servers));
        placed([servers].into_iter().chain(others.entries()), |key| {
            self.places.of_upstream(&found.name, key).or_else(|| unnamed(key))
        })
    }
}

fn placed<'a>(
    entries: impl IntoIterator<Item = (String, Value)>,
    place: impl Fn(&str) -> Option<&'a Origin>,
) -> Vec<Setting> {
    let mut settings = Vec::new();
    collect(entries, "", &mut |key: String, value: &Value| {
        // Keys are written in quotes where TOML needs them.
        let place = place(&key.replace('"', "")).cloned();
        settings.push(Setting { key, value: value.to_log(), place });
    });
    settings
}

fn collect(
    entries: impl IntoIterator<Item = (String, Value)>,
    name: &str,
    visit: &mut dyn FnMut(String, &Value),
) {
    for (key, value) in entries {
        let name = below(name, &key);
        match value {
            Value::Table(inner) if !inner.is_empty() => collect(inner, &name, visit),
            value => visit(name, &value),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::load;

    /// The lines of the settings; 0 is a default.
    fn lines(settings: &[Setting], keys: &[&str]) -> Vec<(String, usize)> {
        let of = |key: &&str| {
            let found = settings.iter().find(|setting| setting.key == **key);
            let found = found.unwrap_or_else(|| panic!("no {key} in {settings:?}"));
            (found.value.clone(), found.place.as_ref().map_or(0, |place| place.line))
        };
        keys.iter().map(of).collect()
    }

    const TEXT: &str = r#"timeouts = { send = "7s" }
[[site]]
listen = [":80"]
timeouts = { body = "2s" }
charset = "off"
[[site.location]]
match = "/"
files = { root = "." }
compress = true
limit_rate = "1MiB"
[[site.location]]
match = "/app"
proxy = "app"
max_body = "5MiB"
timeouts.body = "3s"
headers.request = { set = { X-Env = "a" }, remove = ["X-B"] }
[[site.location]]
match = "/other"
proxy = "http://127.0.0.1:1"
[upstream.app]
servers = ["127.0.0.1:2"]
retry.attempts = 5
"#;

    #[test]
    fn each_setting_is_found_where_it_was_written() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("site.toml");
        std::fs::write(&file, TEXT).unwrap();
        let loaded = load(&file).unwrap();
        let says = |value: &str, line| (value.to_owned(), line);
        let files = loaded.location_settings(0, 0);
        let keys =
            ["charset", "compress.min_size", "limit_rate.rate", "timeouts.body", "timeouts.send", "index"];
        let expected = [
            says("\"off\"", 5),
            says("\"1KiB\"", 9),
            says("\"1MiB\"", 10),
            says("\"2s\"", 4),
            says("\"7s\"", 1),
            says("[\"index.html\"]", 0),
        ];
        assert_eq!(lines(&files, &keys), expected);
        let app = loaded.location_settings(0, 1);
        let keys = ["timeouts.body", "max_body", "headers.request.set.x-env", "headers.request.remove"];
        let expected = [says("\"3s\"", 15), says("\"5MiB\"", 14), says("\"a\"", 16), says("[\"x-b\"]", 16)];
        assert_eq!(lines(&app, &keys), expected);
        let site = loaded.site_settings(0);
        assert_eq!(
            lines(&site, &["max_body", "timeouts.header", "listen"]),
            [says("\"256MiB\"", 0), says("\"15s\"", 0), says("[\":80\"]", 3)]
        );
        let upstream = loaded.upstream_settings(0);
        assert_eq!(lines(&upstream, &["retry.attempts", "retry.budget"]), [says("5", 22), says("20", 0)]);
        assert_eq!(lines(&loaded.upstream_settings(1), &["servers", "resolve"])[0].1, 19);
    }
}
