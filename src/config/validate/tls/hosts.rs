//! Whether a site's certificates are for its hosts.

use std::net::IpAddr;
use std::sync::Arc;

use crate::config::node::At;
use crate::config::report::{Problem, Report};
use crate::config::validate::listeners::Hosts;
use crate::router::HostPattern;
use crate::tls::Identity;

/// Clients who come for a host refuse a certificate that is for others.
pub fn warn_of_others(hosts: &Hosts, identities: &[At<Arc<Identity>>], report: &mut Report) {
    let Hosts::Named(hosts) = hosts else { return };
    let Some(first) = identities.first() else { return };
    for host in hosts {
        if identities.iter().any(|at| is_for(&at.value, &host.value)) {
            continue;
        }
        let names = match first.value.names.as_slice() {
            [] => "it names no host".to_owned(),
            names => format!("it is for {}", names.join(", ")),
        };
        let message = format!("the certificate is not for the host `{}`", host.value);
        report.push(Problem::warning(host.spot, message).also(first.spot, names));
    }
}

fn is_for(identity: &Identity, host: &HostPattern) -> bool {
    match host {
        HostPattern::Exact(name) => match address(name) {
            Some(address) => identity.names.contains(&address.to_string()),
            None => identity.is_for(name),
        },
        HostPattern::Suffix(suffix) => identity.names.contains(&format!("*{suffix}")),
        // No certificate is for every end; some of them are better than none.
        HostPattern::Prefix(prefix) => identity.names.iter().any(|name| name.starts_with(prefix)),
    }
}

/// A host that is no name.
pub fn address(host: &str) -> Option<IpAddr> {
    host.trim_matches(['[', ']']).parse().ok()
}
