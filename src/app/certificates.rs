//! Which certificates are to be obtained, as the configuration has it.

use std::collections::BTreeSet;

use crate::acme::{Listening, Manager, Wanted, Way};
use crate::config::Config;
use crate::config::model::{Acme, Challenge, Site};
use crate::net::ListenAddr;
use crate::runtime::Snapshot;
use crate::tls::ManagedIdentities;

/// The certificates of the configuration in force.
#[derive(Debug)]
pub(super) struct Certificates(Manager);

impl Certificates {
    /// Returns when those that are stored are in use.
    pub(super) async fn load(snapshot: &Snapshot) -> Self {
        let mut certificates = Self(Manager::new(snapshot.tls().identities().challenges().clone()));
        certificates.follow(snapshot);
        certificates.0.loaded().await;
        certificates
    }

    /// Event loops answer from now on.
    pub(super) fn serving(&self) {
        self.0.serving();
    }

    /// Another configuration is in force, or the same once more.
    pub(super) fn follow(&mut self, snapshot: &Snapshot) {
        let config = &snapshot.config;
        self.0.follow(&config.server.tls.state, wanted(config, snapshot.tls().identities()));
    }
}

fn wanted(config: &Config, identities: &ManagedIdentities) -> Vec<Wanted> {
    let plain =
        config.sites.iter().flat_map(|site| site.listen.iter().filter(|at| !site.listen_tls.contains(at)));
    let plain: BTreeSet<u16> = plain.filter_map(ListenAddr::port).collect();
    let managed = config.sites.iter().filter_map(|site| Some((site, site.tls.acme.as_ref()?)));
    managed.map(|(site, acme)| one(site, acme, plain.clone(), identities)).collect()
}

fn one(site: &Site, acme: &Acme, plain: BTreeSet<u16>, identities: &ManagedIdentities) -> Wanted {
    let way = match &acme.challenge {
        Challenge::Http01 => Way::Http,
        Challenge::TlsAlpn01 => Way::TlsAlpn,
        Challenge::Dns01 { command } => Way::Dns { command: command.clone() },
    };
    Wanted {
        managed: identities.get(&acme.directory, site.hosts.iter().map(ToString::to_string)),
        email: acme.email.clone(),
        authorities: acme.authorities.clone(),
        way,
        listening: Listening { plain, tls: site.listen_tls.iter().filter_map(ListenAddr::port).collect() },
    }
}
