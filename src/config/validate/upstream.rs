//! `[upstream.NAME]`, and the unnamed ones that locations write in place.

use std::ops::RangeInclusive;
use std::time::Duration;

use super::listeners::Claim;
use super::scalar::{self, SHORTEST, YEAR};
use super::{balance, health, origin, process, protocol, servers, trouble};
use crate::config::files::Written;
use crate::config::model::{self, Balance, KeepAlive, Protocol, UpstreamServer, UpstreamTimeouts};
use crate::config::node::At;
use crate::config::raw;
use crate::config::report::{Problem, Report, Spot};
use crate::net::UpstreamAddr;

const KEEP_ALIVE: KeepAlive = KeepAlive { idle: 32, timeout: Duration::from_millis(1500) };

const TIMEOUTS: UpstreamTimeouts = UpstreamTimeouts {
    connect: Duration::from_secs(5),
    send: Duration::from_mins(1),
    read: Duration::from_secs(65),
};

/// A name that moves is found sooner: it is looked up again when nothing answers any more.
const RESOLVE: Duration = Duration::from_secs(30);
const RESOLVE_RANGE: RangeInclusive<Duration> = Duration::from_secs(1)..=Duration::from_hours(1);

/// Idle connections are file descriptors, of which a process has not many more.
const MAX_IDLE: usize = 10_000;

/// All upstreams by index, and which of them are used.
pub struct Upstreams {
    pools: Vec<Pool>,
}

struct Pool {
    model: model::Upstream,
    /// Its name, or the `proxy` that stands for it.
    spot: Spot,
    servers: Vec<At<UpstreamServer>>,
    used: bool,
}

impl Upstreams {
    pub fn read(written: &[Written], report: &mut Report) -> Self {
        let mut upstreams = Self { pools: Vec::new() };
        for (name, at) in
            written.iter().filter_map(|file| file.file.upstream.as_ref()).flat_map(|map| &map.value)
        {
            if let Some(first) = upstreams.index(name).and_then(|index| upstreams.pools.get(index)) {
                let message = format!("`[upstream.{name}]` is written twice");
                report.push(Problem::error(at.key, message).also(first.spot, "first written here"));
                continue;
            }
            check_name(name, at.key, report);
            upstreams.pools.push(pool(name, at, report));
        }
        upstreams
    }

    pub fn names(&self) -> impl Iterator<Item = &str> + Clone {
        // Unnamed ones are called by their address, which has a colon.
        self.pools.iter().map(|pool| pool.model.name.as_str()).filter(|name| !name.contains(':'))
    }

    /// Finds an upstream by name for use.
    pub fn claim(&mut self, name: &str) -> Option<usize> {
        let index = self.index(name)?;
        if let Some(pool) = self.pools.get_mut(index) {
            pool.used = true;
        }
        Some(index)
    }

    /// The upstream of one server that `proxy` wrote in place, shared by all who write the same.
    pub fn unnamed(
        &mut self,
        name: String,
        protocol: Protocol,
        address: &At<UpstreamAddr>,
        report: &mut Report,
    ) -> usize {
        if let Some(index) = self.index(&name) {
            return index;
        }
        servers::warn_of_missing_socket(address, report);
        let server = servers::plain(address);
        let model = model::Upstream {
            name,
            servers: vec![server.value.clone()],
            keep_alive: KEEP_ALIVE,
            timeouts: TIMEOUTS,
            balance: Balance::RoundRobin,
            queue: trouble::QUEUE,
            retry: trouble::RETRY,
            passive: trouble::PASSIVE,
            slow_start: trouble::SLOW_START,
            // Nobody could answer in the place of an only server.
            health: None,
            resolve: RESOLVE,
            process: None,
            protocol,
            tls: protocol::in_place(protocol),
            origin: origin(server.spot, report),
        };
        self.pools.push(Pool { model, spot: server.spot, servers: vec![server], used: true });
        self.pools.len() - 1
    }

    /// Warns of upstreams that nobody uses, or that lead back here.
    pub fn check(&self, claims: &[Claim], report: &mut Report) {
        self.refuse_shared_addresses(report);
        for pool in &self.pools {
            if !pool.used {
                let message = format!("the upstream `{}` is never used", pool.model.name);
                report.push(Problem::warning(pool.spot, message).absent());
            }
            for server in &pool.servers {
                let listener = claims
                    .iter()
                    .flat_map(|claim| &claim.listen)
                    .find(|at| leads_to(&server.value.address, &at.value));
                if let Some(listener) = listener {
                    let message = format!(
                        "`{}` is rproxy itself, so that requests go round in circles",
                        server.value.address
                    );
                    report
                        .push(Problem::warning(server.spot, message).also(listener.spot, "it listens here"));
                }
            }
        }
    }

    /// Of two pools that start on one address, each takes it from the other, and answers the other's requests.
    fn refuse_shared_addresses(&self, report: &mut Report) {
        let mut taken: Vec<&At<UpstreamServer>> = Vec::new();
        for pool in self.pools.iter().filter(|pool| pool.model.process.is_some()) {
            for server in &pool.servers {
                let address = &server.value.address;
                if let Some(other) = taken.iter().find(|other| other.value.address == *address) {
                    let message = format!("the process of another upstream listens on `{address}` already");
                    let help = "give each upstream with a `process` an address of its own";
                    report.push(
                        Problem::error(server.spot, message)
                            .also(other.spot, "the other's is here")
                            .help(help),
                    );
                }
            }
            taken.extend(&pool.servers);
        }
    }

    pub fn into_models(self) -> Vec<model::Upstream> {
        self.pools.into_iter().map(|pool| pool.model).collect()
    }

    fn index(&self, name: &str) -> Option<usize> {
        self.pools.iter().position(|pool| pool.model.name == name)
    }
}

/// A colon would be taken for an address where the upstream is used.
fn check_name(name: &str, key: Spot, report: &mut Report) {
    let valid = |c: char| c.is_ascii_alphanumeric() || "-_.".contains(c);
    if name.is_empty() || !name.chars().all(valid) {
        report.push(
            Problem::error(key, format!("`{name}` cannot be an upstream's name"))
                .help("names are made of letters, digits, `-`, `_` and `.`"),
        );
    }
}

fn pool(name: &str, at: &At<raw::Upstream>, report: &mut Report) -> Pool {
    let raw = &at.value;
    let servers = servers::servers(name, at, report);
    let addresses: Vec<_> = servers.iter().map(|server| server.with(server.value.address.clone())).collect();
    let process = raw.process.as_ref().and_then(|process| process::process(process, &addresses, report));
    if raw.process.is_none() {
        for address in &addresses {
            servers::warn_of_missing_socket(address, report);
        }
    }
    let (protocol, tls) = protocol::protocol(raw, &servers, report);
    let model = model::Upstream {
        name: name.to_owned(),
        servers: servers.iter().map(|server| server.value.clone()).collect(),
        keep_alive: keep_alive(raw.keep_alive.as_ref(), report),
        timeouts: timeouts(raw.timeouts.as_ref(), report),
        balance: balance::balance(raw.balance.as_ref(), report),
        queue: trouble::queue(raw.queue.as_ref(), report),
        retry: trouble::retry(raw.retry.as_ref(), report),
        passive: trouble::passive(raw.passive.as_ref(), report),
        slow_start: trouble::slow_start(raw.slow_start.as_ref(), report),
        health: health::health(raw.health.as_ref(), servers.len(), report),
        resolve: scalar::duration("resolve", raw.resolve.as_ref(), RESOLVE_RANGE, RESOLVE, report),
        process,
        protocol,
        tls,
        origin: origin(at.key, report),
    };
    Pool { model, spot: at.key, servers, used: false }
}

fn keep_alive(written: Option<&At<raw::KeepAlive>>, report: &mut Report) -> KeepAlive {
    let Some(At { value: raw, .. }) = written else { return KEEP_ALIVE };
    KeepAlive {
        idle: scalar::integer("idle", raw.idle.as_ref(), 0..=MAX_IDLE, KEEP_ALIVE.idle, report),
        timeout: scalar::duration(
            "timeout",
            raw.timeout.as_ref(),
            SHORTEST..=YEAR,
            KEEP_ALIVE.timeout,
            report,
        ),
    }
}

fn timeouts(written: Option<&At<raw::UpstreamTimeouts>>, report: &mut Report) -> UpstreamTimeouts {
    let Some(At { value: raw, .. }) = written else { return TIMEOUTS };
    let mut read =
        |key, at: &Option<_>, default| scalar::duration(key, at.as_ref(), SHORTEST..=YEAR, default, report);
    UpstreamTimeouts {
        connect: read("connect", &raw.connect, TIMEOUTS.connect),
        send: read("send", &raw.send, TIMEOUTS.send),
        read: read("read", &raw.read, TIMEOUTS.read),
    }
}

fn leads_to(server: &UpstreamAddr, listener: &crate::net::ListenAddr) -> bool {
    use crate::net::ListenAddr;
    match (server, listener) {
        (UpstreamAddr::Tcp(server), ListenAddr::Any(port)) => {
            server.ip().is_loopback() && server.port() == *port
        }
        (UpstreamAddr::Tcp(server), ListenAddr::Tcp(listener)) => {
            server.port() == listener.port()
                && (server == listener || (listener.ip().is_unspecified() && server.ip().is_loopback()))
        }
        (UpstreamAddr::Unix(server), ListenAddr::Unix(listener)) => server == listener,
        _ => false,
    }
}
