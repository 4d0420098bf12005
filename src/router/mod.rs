//! Compiled matching: host, then location, to whatever it points to.
//!
//! Two steps, since a miss in the first is another answer (421) than a miss in the second (404), and
//! since `try` and error pages look for another location of the same site.

mod host;
mod host_pattern;
mod location;
mod location_pattern;
mod verdict;

pub use host_pattern::HostPattern;
pub use location::{Found, Locations};
pub use location_pattern::{LocationPattern, compile_regex};
pub use verdict::Verdict;

use std::collections::BTreeMap;

use host::Hosts;

use crate::net::ListenAddr;

/// One site, about to be compiled into a [`Router`].
#[derive(Debug)]
pub struct Site<T> {
    pub listen: Vec<ListenAddr>,
    /// Empty: the default site of its listeners.
    pub hosts: Vec<HostPattern>,
    pub locations: Vec<(LocationPattern, T)>,
}

/// All sites, by listener and host.
///
/// A clone has regular expressions with working memory of their own: give each thread one.
#[derive(Clone, Debug)]
pub struct Router<T> {
    /// A handful: comparing addresses is cheaper than hashing one.
    listeners: BTreeMap<ListenAddr, Hosts>,
    sites: Vec<Locations<T>>,
}

impl<T> Router<T> {
    /// Where two sites claim the same host of a listener, the first has it, as in nginx.
    pub fn new(sites: impl IntoIterator<Item = Site<T>>) -> Self {
        let mut router = Self { listeners: BTreeMap::new(), sites: Vec::new() };
        for (index, site) in sites.into_iter().enumerate() {
            for listen in site.listen {
                router.listeners.entry(listen).or_default().add(&site.hosts, index);
            }
            router.sites.push(Locations::new(site.locations));
        }
        router
    }

    /// The index of the site that answers for a host, which is lower case and has no port.
    pub fn site(&self, listener: &ListenAddr, host: &[u8]) -> Option<usize> {
        self.listeners.get(listener)?.find(host)
    }

    /// The same, with the pattern of `hosts` that leads to it; `None` where it is the listener's default.
    pub fn explain_site(&self, listener: &ListenAddr, host: &[u8]) -> Option<(usize, Option<HostPattern>)> {
        self.listeners.get(listener)?.explain(host)
    }

    /// The locations of a site, by its index.
    pub fn locations(&self, site: usize) -> Option<&Locations<T>> {
        self.sites.get(site)
    }
}
