//! `[[site]]`

use std::collections::HashMap;

use super::pairs::{self, Pairs};
use super::{Diff, certificates, changes, locations};
use crate::config::model::{Config, Site};
use crate::config::names::and;
use crate::config::settings;
use crate::router::HostPattern;

pub fn compare(old: &Config, new: &Config, diff: &mut Diff) {
    let names = Names::new([&old.sites, &new.sites]);
    let Pairs { both, added, removed } = pairs::pair(&old.sites, &new.sites);
    let changed: Vec<Vec<String>> = both.iter().map(|(old, new)| changed(old, new)).collect();
    let common = common(&changed);
    diff.changed("every site", common.iter().cloned());
    for ((was, is), changed) in both.into_iter().zip(changed) {
        let name = names.of(is);
        diff.changed(&name, changed.iter().filter(|change| !common.contains(change)).cloned());
        locations::compare((was, old), (is, new), &name, &changed, diff);
    }
    for site in added {
        diff.added(&whole(site));
    }
    for site in removed {
        diff.removed(&whole(site));
    }
}

fn changed(old: &Site, new: &Site) -> Vec<String> {
    let mut told = changes::changes(&settings::site(old), &settings::site(new));
    told.extend(certificates::of_site(old, new));
    told
}

/// What changed of all of several sites, as `[timeouts]` and a new listener do: said once.
fn common(changed: &[Vec<String>]) -> Vec<String> {
    match changed {
        [first, rest @ ..] if !rest.is_empty() => {
            let in_all = |change: &&String| rest.iter().all(|changes| changes.contains(change));
            first.iter().filter(in_all).cloned().collect()
        }
        _ => Vec::new(),
    }
}

/// How sites are called: by their first host, and by their listeners where that is not enough.
struct Names<'a> {
    /// How many sites of one file have the host.
    sites: HashMap<&'a HostPattern, usize>,
}

impl<'a> Names<'a> {
    fn new(files: [&'a [Site]; 2]) -> Self {
        let mut sites: HashMap<&HostPattern, usize> = HashMap::new();
        for file in files {
            let mut counts: HashMap<&HostPattern, usize> = HashMap::new();
            file.iter().flat_map(|site| &site.hosts).for_each(|host| *counts.entry(host).or_default() += 1);
            for (host, count) in counts {
                let most = sites.entry(host).or_default();
                *most = count.max(*most);
            }
        }
        Self { sites }
    }

    fn of(&self, site: &Site) -> String {
        match site.hosts.first() {
            Some(host) if self.sites.get(host) == Some(&1) => format!("site {host}"),
            _ => with_listeners(site),
        }
    }
}

/// A site that comes or goes.
fn whole(site: &Site) -> String {
    let count = site.locations.len();
    let locations = if count == 1 { "location" } else { "locations" };
    format!("{} with {count} {locations}", with_listeners(site))
}

fn with_listeners(site: &Site) -> String {
    let listeners: Vec<String> = site.listen.iter().map(ToString::to_string).collect();
    let host = site.hosts.first().map(|host| format!("{host} ")).unwrap_or_default();
    format!("site {host}on {}", and(&listeners))
}
