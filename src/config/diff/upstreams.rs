//! `[upstream.NAME]`. One that a location writes in place is told with the location, by its address.

use super::{Diff, certificates, changes};
use crate::config::model::{Config, Upstream};
use crate::config::names::and;
use crate::config::settings::{self, ServerSettings, UpstreamSettings};

pub fn compare(old: &Config, new: &Config, diff: &mut Diff) {
    for upstream in named(new) {
        let name = format!("upstream {}", upstream.name);
        let now = settings::upstream(upstream);
        match find(old, &upstream.name) {
            Some(before) => {
                let changes = changed(&settings::upstream(before), &now);
                diff.changed(&name, changes.into_iter().chain(certificates::of_upstream(before, upstream)));
            }
            None => diff.added(&format!("{name}: servers {}", and(&addresses(&now)))),
        }
    }
    for upstream in named(old).filter(|one| find(new, &one.name).is_none()) {
        diff.removed(&format!("upstream {}", upstream.name));
    }
}

fn find<'a>(config: &'a Config, name: &str) -> Option<&'a Upstream> {
    named(config).find(|one| one.name == name)
}

fn named(config: &Config) -> impl Iterator<Item = &Upstream> {
    config.upstreams.iter().filter(|one| settings::is_named(one))
}

fn addresses(upstream: &UpstreamSettings) -> Vec<String> {
    upstream.servers.iter().map(|server| server.address.clone()).collect()
}

fn changed(old: &UpstreamSettings, new: &UpstreamSettings) -> Vec<String> {
    let find =
        |servers: &[ServerSettings], address: &str| servers.iter().position(|one| one.address == address);
    let mut told = Vec::new();
    for server in &new.servers {
        let name = format!("server {}", server.address);
        let before = find(&old.servers, &server.address).and_then(|index| old.servers.get(index));
        match before {
            Some(before) => {
                let changes = changes::changed_keys(&before.keys, &server.keys);
                told.extend(changes.into_iter().map(|change| format!("{name} {change}")));
            }
            None => told.push(format!("{name}{} added", said(server))),
        }
    }
    let gone = old.servers.iter().filter(|server| find(&new.servers, &server.address).is_none());
    told.extend(gone.map(|server| format!("server {} removed", server.address)));
    told.extend(changes::changes(&old.others, &new.others));
    told
}

/// What is said of a server beyond its address.
fn said(server: &ServerSettings) -> String {
    let said: Vec<String> =
        server.said.iter().map(|(key, value)| format!("{key} {}", value.to_log())).collect();
    if said.is_empty() { String::new() } else { format!(" ({})", said.join(", ")) }
}
