//! Which site of a listener has the host, and why the others do not.

use super::explanation::Site as ToldSite;
use super::why::place;
use crate::config::Config;
use crate::config::model::Site;
use crate::net::ListenAddr;
use crate::router::{self, HostPattern, Router};

/// The site of that index, which the host has led to.
pub(super) fn chosen(
    index: usize,
    config: &Config,
    router: &Router<()>,
    listener: &ListenAddr,
    host: &[u8],
) -> Option<ToldSite> {
    let why = match router.explain_site(listener, host) {
        Some((_, Some(pattern))) => format!("`{pattern}` is the host"),
        _ => "it is the default of its listener, and no other site has the host".into(),
    };
    Some(told(config.sites.get(index)?, why))
}

/// The listener's sites but for that one.
pub(super) fn others(
    chosen: Option<usize>,
    config: &Config,
    router: &Router<()>,
    listener: &ListenAddr,
    host: &[u8],
) -> Vec<ToldSite> {
    let by = router.explain_site(listener, host).and_then(|(_, pattern)| pattern);
    let sites = config.sites.iter().enumerate();
    let on_listener = sites.filter(|(index, site)| Some(*index) != chosen && site.listen.contains(listener));
    let why = |site: &Site| match (alone(site, listener, host), &by) {
        (None, _) => "none of its `hosts` is that".to_owned(),
        (Some((_, None)), _) => "it is only the default".to_owned(),
        (Some((_, Some(own))), Some(by)) => format!("`{own}` is the host too, but `{by}` goes before it"),
        (Some((_, Some(own))), None) => format!("`{own}` is the host too"),
    };
    on_listener.map(|(_, site)| told(site, why(site))).collect()
}

fn told(site: &Site, why: String) -> ToldSite {
    let hosts = site.hosts.iter().map(ToString::to_string).collect();
    ToldSite { hosts, place: place(&site.origin), why }
}

/// What would lead to a site if that were the only one.
fn alone(site: &Site, listener: &ListenAddr, host: &[u8]) -> Option<(usize, Option<HostPattern>)> {
    let only =
        router::Site { listen: vec![listener.clone()], hosts: site.hosts.clone(), locations: Vec::new() };
    Router::<()>::new([only]).explain_site(listener, host)
}
