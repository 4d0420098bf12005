//! The TLS of a configuration: for each listener, who its sites are and what they agree on.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::SystemTime;

use crate::config::Config;
use crate::config::model;
use crate::net::ListenAddr;
use crate::router::{self, Router};
use crate::tls::{Acceptor, ClientTerms, Offer, Process, Terms};

/// What event loops need of it.
#[derive(Debug)]
pub(super) struct Secure {
    pub process: Arc<Process>,
    acceptors: BTreeMap<ListenAddr, Arc<Acceptor>>,
    /// By the site's index.
    offers: Vec<Option<Arc<Offer>>>,
}

impl Secure {
    pub fn new(config: &Config, process: Arc<Process>) -> Self {
        let listeners: BTreeSet<&ListenAddr> =
            config.sites.iter().flat_map(|site| &site.listen_tls).collect();
        if listeners.is_empty() {
            return Self { process, acceptors: BTreeMap::new(), offers: Vec::new() };
        }
        let router = Arc::new(router(config));
        let offers: Vec<Option<Arc<Offer>>> = config.sites.iter().map(|site| offer(site, &process)).collect();
        let acceptors = listeners.into_iter().map(|listener| {
            let numbered = config.sites.iter().zip(&offers).enumerate();
            let here = numbered.filter(|(_, (site, _))| site.listen_tls.contains(listener));
            let offers = here.filter_map(|(index, (_, offer))| Some((index, Arc::clone(offer.as_ref()?))));
            let (router, listen) = (Arc::clone(&router), listener.clone());
            let choose = move |host: &[u8]| router.site(&listen, host);
            (listener.clone(), Arc::new(Acceptor::new(offers, choose)))
        });
        Self { process, acceptors: acceptors.collect(), offers: offers.clone() }
    }

    /// What a site asks of its clients.
    pub fn audience(&self, site: usize) -> Option<u64> {
        self.offers.get(site)?.as_ref().map(|offer| offer.audience())
    }

    /// Of a listener that speaks TLS.
    pub fn acceptor(&self, listener: &ListenAddr) -> Option<Arc<Acceptor>> {
        self.acceptors.get(listener).cloned()
    }
}

/// Hosts alone: which location it is shows later.
fn router(config: &Config) -> Router<()> {
    Router::new(config.sites.iter().map(|site| router::Site {
        listen: site.listen_tls.clone(),
        hosts: site.hosts.clone(),
        locations: Vec::new(),
    }))
}

fn offer(site: &model::Site, process: &Process) -> Option<Arc<Offer>> {
    if site.listen_tls.is_empty() {
        return None;
    }
    match Offer::new(&terms(site, process), process) {
        Ok(offer) => Some(Arc::new(offer)),
        Err(error) => {
            let remedy = "look at the `[site.tls]` of that site";
            let place = format!("{}:{}", site.origin.file.display(), site.origin.line);
            tracing::error!(remedy, "no TLS for the site of {place}: {error}");
            None
        }
    }
}

fn terms(site: &model::Site, process: &Process) -> Terms {
    let managed = site.tls.acme.as_ref().map(|acme| {
        let names = site.hosts.iter().map(ToString::to_string);
        process.identities().get(&acme.directory, names)
    });
    let client = site.tls.client.as_ref().map(|client| ClientTerms {
        authorities: Arc::clone(&client.authorities),
        required: client.required,
    });
    Terms { identities: site.tls.identities.clone(), managed, client, http2: site.http2 }
}

/// Tells of certificates that are about to expire.
pub fn tell_expiry(config: &Config) {
    let now = SystemTime::now();
    let mut told = BTreeSet::new();
    for identity in config.sites.iter().flat_map(|site| &site.tls.identities) {
        if told.insert(&identity.cert) {
            identity.tell_expiry(now);
        }
    }
}
