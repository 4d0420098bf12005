//! Which site answers on which address for which host, and where two of them want the same.

use std::collections::HashMap;
use std::net::{IpAddr, SocketAddr};

use super::{no_twins, not_empty, required, scalar, socket};
use crate::config::model::{Challenge, Socket};
use crate::config::node::{At, Either, List};
use crate::config::raw;
use crate::config::report::{Problem, Report, Spot};
use crate::net::ListenAddr;
use crate::router::HostPattern;

/// What one site wants to answer for.
pub struct Claim {
    pub site: Spot,
    /// Every address, those of `listen_tls` behind the others.
    pub listen: Vec<At<ListenAddr>>,
    pub listen_tls: Vec<At<ListenAddr>>,
    pub sockets: Vec<(At<ListenAddr>, Socket)>,
    pub hosts: Hosts,
    /// Where certificates are asked for, and how that is proven.
    pub acme: Option<At<Challenge>>,
}

impl Claim {
    pub fn plain(&self) -> impl Iterator<Item = &At<ListenAddr>> {
        self.listen.iter().take(self.listen.len() - self.listen_tls.len())
    }
}

pub enum Hosts {
    /// None are written: the default site.
    Default,
    Named(Vec<At<HostPattern>>),
}

const LISTEN_HELP: &str = "write `listen = [\"127.0.0.1:8080\"]`";

pub fn claim(raw: &At<raw::Site>, report: &mut Report) -> Claim {
    let mut sockets = Vec::new();
    let (plain, tls) = (raw.value.listen.as_ref(), raw.value.listen_tls.as_ref());
    // Either is enough.
    if tls.is_none_or(|list| list.value.is_empty()) && !report.is_unread(raw.spot, "listen_tls") {
        let list = required("listen", plain, raw.spot, "this `[[site]]`", LISTEN_HELP, report);
        if let Some(list) = list {
            not_empty("listen", list, LISTEN_HELP, report);
        }
    }
    let mut listen = plain.map(|list| addresses("listen", list, &mut sockets, report)).unwrap_or_default();
    let listen_tls = tls.map(|list| addresses("listen_tls", list, &mut sockets, report)).unwrap_or_default();
    listen.extend(listen_tls.iter().cloned());
    for (index, at) in listen.iter().enumerate() {
        listen.iter().take(index).for_each(|other| refuse_overlap(at, other, report));
    }
    let hosts = raw.value.hosts.as_ref().map_or(Hosts::Default, |list| Hosts::Named(hosts(list, report)));
    Claim { site: raw.spot, listen, listen_tls, sockets, hosts, acme: None }
}

fn addresses(
    key: &str,
    list: &At<List<Either<String, raw::Listener>>>,
    sockets: &mut Vec<(At<ListenAddr>, Socket)>,
    report: &mut Report,
) -> Vec<At<ListenAddr>> {
    let mut addresses = Vec::new();
    for at in &list.value {
        match &at.value {
            Either::A(text) => addresses.extend(address(key, &at.with(text.clone()), report)),
            Either::B(written) => {
                let Some((at, socket)) = socket::socket(key, at.spot, written, report) else { continue };
                addresses.push(at.clone());
                sockets.extend(socket.map(|socket| (at, socket)));
            }
        }
    }
    no_twins(&addresses, Clone::clone, |address| format!("`{address}` is written twice"), report);
    addresses
}

/// Where to listen, by one of several keys.
pub fn address(key: &str, at: &At<String>, report: &mut Report) -> Option<At<ListenAddr>> {
    let text = at.value.as_str();
    let problem = |message: String, help: String| Some(Problem::error(at.spot, message).help(help));
    let refused = if !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit()) {
        problem(
            format!("`{text}` lacks its address"),
            match key {
                "listen" | "listen_tls" => {
                    format!("write \":{text}\" for every address, or \"127.0.0.1:{text}\"")
                }
                _ => format!("write \"127.0.0.1:{text}\""),
            },
        )
    } else if let Some(port) = text.strip_prefix("localhost:") {
        problem(format!("names are not looked up in `{key}`"), format!("write \"127.0.0.1:{port}\""))
    } else if let Ok(ip) = text.parse::<IpAddr>() {
        problem(
            format!("`{text}` lacks its port"),
            format!("write \"{}\"", SocketAddr::new(ip, usual_port(key))),
        )
    } else {
        None
    };
    if let Some(problem) = refused {
        report.push(problem);
        return None;
    }
    if scalar::refuse_high_port(at, report) {
        return None;
    }
    let parsed: At<ListenAddr> = scalar::parse(at, report)?;
    match &parsed.value {
        ListenAddr::Unix(path) => {
            let absolute = format!("unix:{}", report.resolve(at.spot, path).display());
            scalar::parse(&at.with(absolute), report)
        }
        ListenAddr::Tcp(SocketAddr::V6(mapped)) if mapped.ip().to_ipv4_mapped().is_some() => {
            let plain = SocketAddr::new(mapped.ip().to_canonical(), mapped.port());
            let message = format!("`{text}` is an IPv4 address in IPv6 clothes; write \"{plain}\"");
            report.push(Problem::error(at.spot, message));
            None
        }
        _ => Some(parsed),
    }
}

fn usual_port(key: &str) -> u16 {
    if key == "listen_tls" { 443 } else { 80 }
}

fn hosts(list: &At<List<String>>, report: &mut Report) -> Vec<At<HostPattern>> {
    not_empty("hosts", list, "leave `hosts` out for the default site of its listeners", report);
    let hosts: Vec<_> = list.value.iter().filter_map(|at| scalar::parse(at, report)).collect();
    no_twins(&hosts, Clone::clone, |host| format!("the host `{host}` is written twice"), report);
    hosts
}

/// Checks the sites against each other.
pub fn check(claims: &[Claim], admin: Option<&At<ListenAddr>>, report: &mut Report) {
    for (index, claim) in claims.iter().enumerate() {
        let earlier = claims.iter().take(index);
        for at in &claim.listen {
            for other in earlier.clone().flat_map(|other| &other.listen) {
                refuse_overlap(at, other, report);
            }
        }
    }
    refuse_other_permissions(claims, report);
    refuse_second_defaults(claims, report);
    refuse_second_hosts(claims, report);
    if let Some(admin) = admin {
        refuse_public_admin(admin, claims, report);
    }
}

/// One address cannot be for everybody and for the operator.
fn refuse_public_admin(admin: &At<ListenAddr>, claims: &[Claim], report: &mut Report) {
    let all = claims.iter().flat_map(|claim| &claim.listen);
    if let Some(site) = all.into_iter().find(|at| meet(&at.value, &admin.value)) {
        let message = format!("`{}` is already the address of a site", admin.value);
        report.push(
            Problem::error(admin.spot, message)
                .also(site.spot, "the site's is here")
                .help("give `admin` an address of its own, like \"127.0.0.1:9145\""),
        );
    }
}

/// Whether both want the same port of the same address; port 0 is another one each time.
fn meet(one: &ListenAddr, other: &ListenAddr) -> bool {
    let is_wide = |addr: &ListenAddr| match addr {
        ListenAddr::Any(_) => true,
        ListenAddr::Tcp(addr) => addr.ip().is_unspecified(),
        ListenAddr::Unix(_) => false,
    };
    let same_port = one.port() == other.port() && one.port() != Some(0);
    same_port && (one == other || (one.port().is_some() && (is_wide(one) || is_wide(other))))
}

/// `:80` is one socket for IPv4 and IPv6, which the kernel does not share with one for either.
fn refuse_overlap(at: &At<ListenAddr>, other: &At<ListenAddr>, report: &mut Report) {
    let wide = |any: &ListenAddr, one: &ListenAddr| match (any, one) {
        (ListenAddr::Any(port), ListenAddr::Tcp(address)) => {
            address.ip().is_unspecified() && address.port() == *port
        }
        _ => false,
    };
    if wide(&at.value, &other.value) || wide(&other.value, &at.value) {
        let message = format!("`{}` and `{}` overlap", at.value, other.value);
        report.push(Problem::error(at.spot, message).also(other.spot, "the other is here").help(
            "\":80\" is every IPv4 and IPv6 address; write it for both, or \"0.0.0.0:80\" and \"[::]:80\"",
        ));
    }
}

/// A socket has one file, whatever number of sites listen on it.
fn refuse_other_permissions(claims: &[Claim], report: &mut Report) {
    let mut known: HashMap<&ListenAddr, (Spot, &Socket)> = HashMap::new();
    for (at, socket) in claims.iter().flat_map(|claim| &claim.sockets) {
        let (first, other) = *known.entry(&at.value).or_insert((at.spot, socket));
        if other != socket {
            let message = format!("`{}` has other permissions than before", at.value);
            report.push(
                Problem::error(at.spot, message)
                    .also(first, "the first are here")
                    .help("write them once, and the address alone elsewhere"),
            );
        }
    }
}

fn refuse_second_defaults(claims: &[Claim], report: &mut Report) {
    let mut defaults: HashMap<&ListenAddr, Spot> = HashMap::new();
    for claim in claims.iter().filter(|claim| matches!(claim.hosts, Hosts::Default)) {
        for at in distinct(&claim.listen) {
            if let Some(first) = defaults.get(&at.value) {
                let message = format!("`{}` has two sites without `hosts`", at.value);
                report.push(
                    Problem::error(at.spot, message)
                        .also(*first, "the first is here")
                        .help("only one can be the default: give the other its `hosts`"),
                );
            } else {
                defaults.insert(&at.value, at.spot);
            }
        }
    }
}

fn refuse_second_hosts(claims: &[Claim], report: &mut Report) {
    let mut taken: HashMap<(&ListenAddr, &HostPattern), (Spot, Spot)> = HashMap::new();
    for claim in claims {
        let Hosts::Named(hosts) = &claim.hosts else { continue };
        for listen in distinct(&claim.listen) {
            for host in distinct(hosts) {
                let key = (&listen.value, &host.value);
                match taken.get(&key) {
                    Some((first, site)) if *site != claim.site => {
                        let message =
                            format!("`{}` has two sites for the host `{}`", listen.value, host.value);
                        report.push(Problem::error(host.spot, message).also(*first, "first written here"));
                    }
                    _ => {
                        taken.insert(key, (host.spot, claim.site));
                    }
                }
            }
        }
    }
}

/// Each value once; twins have been reported.
fn distinct<T: PartialEq>(list: &[At<T>]) -> impl Iterator<Item = &At<T>> {
    list.iter().enumerate().filter_map(|(index, at)| {
        let before = list.iter().take(index).any(|other| other.value == at.value);
        (!before).then_some(at)
    })
}
