//! Which site of the old configuration is which of the new one.
//!
//! Listeners and hosts make a site. One that changed some of them is still the same to whoever reads on.

use std::cmp::Reverse;
use std::collections::{BTreeSet, HashMap};

use crate::config::model::Site;
use crate::net::ListenAddr;
use crate::router::HostPattern;

pub struct Pairs<'a> {
    /// Old and new, in the order of the new ones.
    pub both: Vec<(&'a Site, &'a Site)>,
    pub added: Vec<&'a Site>,
    pub removed: Vec<&'a Site>,
}

pub fn pair<'a>(old: &'a [Site], new: &'a [Site]) -> Pairs<'a> {
    let mut partners: Vec<Option<usize>> = vec![None; new.len()];
    let mut taken = vec![false; old.len()];
    for (new, old) in candidates(old, new) {
        if let (Some(partner @ None), Some(taken @ false)) = (partners.get_mut(new), taken.get_mut(old)) {
            (*partner, *taken) = (Some(old), true);
        }
    }
    let partner = |index: &Option<usize>| index.and_then(|index| old.get(index));
    let both = new.iter().zip(&partners).filter_map(|(site, index)| Some((partner(index)?, site)));
    let added = new.iter().zip(&partners).filter(|(_, index)| index.is_none()).map(|(site, _)| site);
    let removed = old.iter().zip(&taken).filter(|(_, taken)| !**taken).map(|(site, _)| site);
    Pairs { both: both.collect(), added: added.collect(), removed: removed.collect() }
}

/// New and old sites that may be the same, the likeliest first.
fn candidates(old: &[Site], new: &[Site]) -> Vec<(usize, usize)> {
    if old.len() == 1 && new.len() == 1 {
        return vec![(0, 0)];
    }
    let old: Vec<Identity<'_>> = old.iter().map(Identity::new).collect();
    let mut by_host: HashMap<Option<&HostPattern>, Vec<usize>> = HashMap::new();
    for (index, site) in old.iter().enumerate() {
        site.keys().for_each(|host| by_host.entry(host).or_default().push(index));
    }
    let mut found = Vec::new();
    for (new, site) in new.iter().map(Identity::new).enumerate() {
        let near: BTreeSet<usize> =
            site.keys().filter_map(|host| by_host.get(&host)).flatten().copied().collect();
        let likely = near.into_iter().filter_map(|index| Some((site.likeness(old.get(index)?)?, new, index)));
        found.extend(likely);
    }
    found.sort_by_key(|(likeness, new, old)| (Reverse(*likeness), *new, *old));
    found.into_iter().map(|(_, new, old)| (new, old)).collect()
}

struct Identity<'a> {
    listen: BTreeSet<&'a ListenAddr>,
    hosts: Vec<&'a HostPattern>,
}

/// Same hosts, same listeners, and how many of each are the same.
type Likeness = (bool, bool, usize, usize);

impl<'a> Identity<'a> {
    fn new(site: &'a Site) -> Self {
        Self { listen: site.listen.iter().collect(), hosts: site.hosts.iter().collect() }
    }

    /// The hosts; a default site is found among the others without one.
    fn keys(&self) -> impl Iterator<Item = Option<&'a HostPattern>> {
        let default = self.hosts.is_empty().then_some(None);
        self.hosts.iter().copied().map(Some).chain(default)
    }

    fn likeness(&self, other: &Self) -> Option<Likeness> {
        let hosts = self.hosts.iter().filter(|host| other.hosts.contains(host)).count();
        let listen = self.listen.intersection(&other.listen).count();
        let same_hosts = hosts == self.hosts.len() && hosts == other.hosts.len();
        let is_likely = hosts > 0 || (same_hosts && listen > 0);
        is_likely.then_some((same_hosts, self.listen == other.listen, hosts, listen))
    }
}
