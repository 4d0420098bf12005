//! What can be known to fail before an authority is asked, which counts failures.

mod probe;

use std::collections::BTreeSet;
use std::net::{IpAddr, SocketAddr, UdpSocket};
use std::time::Duration;

use tokio::net::lookup_host;
use tokio::time::timeout;

use self::probe::Seen;
use super::challenge::Stage;
use super::trouble::Trouble;
use super::{Wanted, Way};

/// Where authorities look (RFC 8555 8.3, RFC 8737 3).
const HTTP: u16 = 80;
const HTTPS: u16 = 443;

/// For name servers.
const PATIENCE: Duration = Duration::from_secs(15);

/// So many addresses of a name are looked at.
const MOST_ADDRESSES: usize = 8;

/// Looks whether each name leads here. What only the authority can tell for certain, as it looks from elsewhere,
/// counts unless `doubtful` has it tried all the same.
pub(super) async fn check(wanted: &Wanted, stage: &Stage, doubtful: bool) -> Result<(), Trouble> {
    check_at(wanted, stage, doubtful, Ports { http: HTTP, tls: HTTPS }).await
}

/// Ports of the public, which tests have others for.
#[derive(Clone, Copy, Debug)]
struct Ports {
    http: u16,
    tls: u16,
}

async fn check_at(wanted: &Wanted, stage: &Stage, doubtful: bool, ports: Ports) -> Result<(), Trouble> {
    if matches!(wanted.way, Way::Dns { .. }) {
        // Where a name leads to is all the same then.
        return Ok(());
    }
    let is_heard = is_heard(wanted, ports);
    for name in wanted.names() {
        if name.starts_with("*.") {
            let what = format!("{name}: a wildcard cannot be shown to be ours by {}", wanted.way.name());
            return Err(Trouble::new(what, "use `challenge = \"dns-01\"` with a `hook`"));
        }
        let addresses = resolve(name).await?;
        for address in addresses.iter().filter(|address| address.is_loopback() || is_private(**address)) {
            if !doubtful {
                tracing::warn!(
                    remedy = "none, if the authority is one of your own network",
                    "{name} leads to {address}, where nobody on the Internet reaches it"
                );
            }
        }
        if is_heard {
            probe(wanted, stage, name, &addresses, doubtful, ports).await?;
        }
    }
    Ok(())
}

/// Whether one of our listeners is where authorities look. Otherwise something else has to lead there, as the
/// configuration's own report says, and whether it does may be seen from outside only.
fn is_heard(wanted: &Wanted, ports: Ports) -> bool {
    match wanted.way {
        Way::TlsAlpn => wanted.listening.tls.contains(&ports.tls),
        _ => wanted.listening.plain.contains(&ports.http),
    }
}

/// All of its addresses: the authority chooses among them.
async fn resolve(name: &str) -> Result<Vec<IpAddr>, Trouble> {
    if let Ok(address) = name.trim_start_matches('[').trim_end_matches(']').parse() {
        return Ok(vec![address]);
    }
    let found = timeout(PATIENCE, lookup_host((name, 0))).await;
    let why = match found {
        Ok(Ok(found)) => {
            let addresses: BTreeSet<IpAddr> = found.map(|address| address.ip()).collect();
            if !addresses.is_empty() {
                return Ok(addresses.into_iter().take(MOST_ADDRESSES).collect());
            }
            "it has no address".to_owned()
        }
        Ok(Err(error)) => error.to_string(),
        Err(_) => format!("the name servers do not answer within {PATIENCE:?}"),
    };
    let remedy = "let its DNS records (A, AAAA) name the public address of this machine; new ones take a while until \
                  they are seen everywhere";
    Err(Trouble::new(format!("{name} does not resolve here: {why}"), remedy))
}

async fn probe(
    wanted: &Wanted,
    stage: &Stage,
    name: &str,
    addresses: &[IpAddr],
    doubtful: bool,
    ports: Ports,
) -> Result<(), Trouble> {
    let port = if wanted.way == Way::TlsAlpn { ports.tls } else { ports.http };
    let mut out_of_sight = None;
    let mut is_seen = false;
    for address in addresses {
        let at = SocketAddr::new(*address, port);
        let seen = if wanted.way == Way::TlsAlpn {
            probe::tls(wanted, name, at).await?
        } else {
            probe::http(stage, name, at).await
        };
        if matches!(seen, Seen::OutOfSight(_)) {
            out_of_sight = Some((at, seen));
        } else {
            is_seen = true;
            judge(name, at, &seen, doubtful)?;
        }
    }
    // A machine may have no IPv6; one that reaches nothing at all is not reached either.
    match out_of_sight {
        Some((at, seen)) if !is_seen => judge(name, at, &seen, doubtful),
        _ => Ok(()),
    }
}

/// Whether to go on where that was seen.
fn judge(name: &str, at: SocketAddr, seen: &Seen, doubtful: bool) -> Result<(), Trouble> {
    let (address, port) = (at.ip(), at.port());
    let what = match seen {
        Seen::Ours => return Ok(()),
        Seen::Other(what) => {
            format!("{name} leads to {address}, but another server answers there on port {port}: {what}")
        }
        Seen::Nobody(why) | Seen::OutOfSight(why) => {
            format!("{name} leads to {address}, where nothing answers on port {port}: {why}")
        }
    };
    let remedy = if is_ours(address) {
        "see what else listens there (`ss -ltnp`), or whether `listen` of rproxy leaves that address out"
    } else {
        "let the DNS records of the name lead to this machine, and let firewalls on the way pass it"
    };
    if doubtful && !is_ours(address) {
        tracing::warn!(remedy, "{what}; the authority may see it otherwise, and is asked all the same");
        return Ok(());
    }
    Err(Trouble::new(what, remedy))
}

/// Whether it is an address of this machine: others cannot be bound.
fn is_ours(address: IpAddr) -> bool {
    UdpSocket::bind((address, 0)).is_ok()
}

/// Of networks that are not the Internet.
fn is_private(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(v4) => v4.is_private() || v4.is_link_local(),
        IpAddr::V6(v6) => v6.is_unique_local() || v6.is_unicast_link_local(),
    }
}

#[cfg(test)]
mod tests;
