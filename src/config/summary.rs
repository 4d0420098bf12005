//! One line about a good configuration.

use std::path::Path;

use super::model::Config;
use super::names::and;

/// Addresses that are named; of more only the number is said.
const MAX_NAMED: usize = 4;

/// `tests` is how many hold.
pub fn summary(config: &Config, tests: usize) -> String {
    let name = config.sources.first().and_then(|path| path.file_name()).map(Path::new);
    let name = name.unwrap_or(Path::new("the configuration")).display();
    let sites = count(config.sites.len(), "site", "sites");
    let locations = config.sites.iter().map(|site| site.locations.len()).sum();
    let locations = count(locations, "location", "locations");
    let upstreams = match config.upstreams.len() {
        0 => String::new(),
        number => format!(", {}", count(number, "upstream", "upstreams")),
    };
    let tests = match tests {
        0 => String::new(),
        1 => ", 1 test holds".to_owned(),
        number => format!(", {number} tests hold"),
    };
    format!("{name} is good: {sites} on {}, {locations}{upstreams}{tests}", addresses(config))
}

fn addresses(config: &Config) -> String {
    let mut addresses: Vec<String> = Vec::new();
    for address in config.sites.iter().flat_map(|site| &site.listen).map(ToString::to_string) {
        if !addresses.contains(&address) {
            addresses.push(address);
        }
    }
    if addresses.len() > MAX_NAMED { format!("{} addresses", addresses.len()) } else { and(&addresses) }
}

fn count(number: usize, one: &str, many: &str) -> String {
    format!("{number} {}", if number == 1 { one } else { many })
}

#[cfg(test)]
mod tests {
    use crate::config::{load, summary};

    fn of(text: &str) -> String {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("site.toml");
        std::fs::write(&file, text).unwrap();
        summary(&load(&file).unwrap().config, 0)
    }

    const SITE: &str = "[[site.location]]\nmatch = \"/\"\n";

    #[test]
    fn one_of_each_is_said_in_the_singular() {
        let text = format!("[[site]]\nlisten = [\":80\"]\n{SITE}respond = {{}}");
        assert_eq!(of(&text), "site.toml is good: 1 site on :80, 1 location");
    }

    #[test]
    fn shared_addresses_are_named_once() {
        let site = |hosts: &str| format!("[[site]]\nlisten = [\":80\", \"[::1]:81\"]\n{hosts}\n{SITE}");
        let text = format!("{}proxy = \"http://a\"\n{}respond = {{}}", site(""), site("hosts = [\"b\"]"));
        assert_eq!(of(&text), "site.toml is good: 2 sites on :80 and [::1]:81, 2 locations, 1 upstream");
    }

    #[test]
    fn many_addresses_are_counted() {
        let text =
            format!("[[site]]\nlisten = [\":1\", \":2\", \":3\", \":4\", \":5\"]\n{SITE}respond = {{}}");
        assert_eq!(of(&text), "site.toml is good: 1 site on 5 addresses, 1 location");
    }
}
