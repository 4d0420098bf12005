//! `[upstream.NAME]`, and the unnamed ones that locations write in place.

use std::time::Duration;

use super::listeners::Claim;
use super::scalar::{self, SHORTEST, YEAR};
use super::{no_twins, not_empty, origin, process, required};
use crate::config::files::Written;
use crate::config::model::{self, KeepAlive, UpstreamServer, UpstreamTimeouts};
use crate::config::node::{At, Either, List};
use crate::config::raw;
use crate::config::report::{ANY, Problem, Report, Spot};
use crate::net::UpstreamAddr;

const KEEP_ALIVE: KeepAlive = KeepAlive { idle: 32, timeout: Duration::from_millis(1500) };

const TIMEOUTS: UpstreamTimeouts = UpstreamTimeouts {
    connect: Duration::from_secs(5),
    send: Duration::from_mins(1),
    read: Duration::from_secs(65),
};

/// Idle connections are file descriptors, of which a process has not many more.
const MAX_IDLE: usize = 10_000;

/// Weights are proportions, and a policy's memory grows with them.
const MAX_WEIGHT: u32 = 1000;

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
    pub fn unnamed(&mut self, name: String, server: At<UpstreamAddr>, report: &mut Report) -> usize {
        if let Some(index) = self.index(&name) {
            return index;
        }
        warn_of_missing_socket(&server, report);
        let server = server.with(UpstreamServer { address: server.value.clone(), weight: 1, backup: false });
        let model = model::Upstream {
            name,
            servers: vec![server.value.clone()],
            keep_alive: KEEP_ALIVE,
            timeouts: TIMEOUTS,
            process: None,
            origin: origin(server.spot, report),
        };
        self.pools.push(Pool { model, spot: server.spot, servers: vec![server], used: true });
        self.pools.len() - 1
    }

    /// Warns of upstreams that nobody uses, or that lead back here.
    pub fn check(&self, claims: &[Claim], report: &mut Report) {
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
    let servers = servers(name, at, report);
    let addresses: Vec<_> = servers.iter().map(|server| server.with(server.value.address.clone())).collect();
    let process = raw.process.as_ref().and_then(|process| process::process(process, &addresses, report));
    if raw.process.is_none() {
        for address in &addresses {
            warn_of_missing_socket(address, report);
        }
    }
    let model = model::Upstream {
        name: name.to_owned(),
        servers: servers.iter().map(|server| server.value.clone()).collect(),
        keep_alive: keep_alive(raw.keep_alive.as_ref(), report),
        timeouts: timeouts(raw.timeouts.as_ref(), report),
        process,
        origin: origin(at.key, report),
    };
    Pool { model, spot: at.key, servers, used: false }
}

fn servers(name: &str, at: &At<raw::Upstream>, report: &mut Report) -> Vec<At<UpstreamServer>> {
    let help = "write `servers = [\"127.0.0.1:8000\"]`";
    let what = format!("`[upstream.{name}]`");
    let Some(list) = required("servers", at.value.servers.as_ref(), at.spot, &what, help, report) else {
        return Vec::new();
    };
    not_empty("servers", list, help, report);
    let servers: Vec<_> = list.value.iter().filter_map(|at| server(at, report)).collect();
    let twin = |server: &UpstreamServer| format!("the server `{}` is written twice", server.address);
    no_twins(&servers, |server| server.address.clone(), twin, report);
    only_backups(list, &servers, report);
    servers
}

/// A backup is asked when others fail, so there have to be others.
fn only_backups<T>(list: &At<List<T>>, servers: &[At<UpstreamServer>], report: &mut Report) {
    if servers.is_empty() || report.is_unread(list.spot, ANY) || servers.iter().any(|at| !at.value.backup) {
        return;
    }
    report.push(
        Problem::error(list.key, "all of `servers` are backups, so there is nobody they could stand in for")
            .help("leave `backup` out of those that are to be asked first")
            .absent(),
    );
}

fn server(at: &At<Either<String, raw::Member>>, report: &mut Report) -> Option<At<UpstreamServer>> {
    let (address, weight, backup) = match &at.value {
        Either::A(text) => (address(&at.with(text.clone()), report), 1, false),
        Either::B(member) => {
            let help = "write `{ address = \"127.0.0.1:8000\" }`";
            let text = required("address", member.address.as_ref(), at.spot, "a server", help, report)?;
            let address = address(text, report);
            let weight = scalar::integer("weight", member.weight.as_ref(), 1..=MAX_WEIGHT, 1, report);
            (address, weight, member.backup.as_ref().is_some_and(|at| at.value))
        }
    };
    let address = address?;
    Some(address.with(UpstreamServer { address: address.value.clone(), weight, backup }))
}

/// Where a server is, its socket's path made absolute.
pub fn address(at: &At<String>, report: &mut Report) -> Option<At<UpstreamAddr>> {
    if let Some(bare) = at.value.strip_prefix("http://") {
        let message = format!("`{}` is a URL; write \"{bare}\"", at.value);
        report.push(Problem::error(at.spot, message));
        return None;
    }
    if scalar::refuse_high_port(at, report) {
        return None;
    }
    let parsed: At<UpstreamAddr> = scalar::parse(at, report)?;
    let Some(path) = parsed.value.unix_path() else { return Some(parsed) };
    let absolute = format!("unix:{}", report.resolve(at.spot, path).display());
    scalar::parse(&at.with(absolute), report)
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

/// The application may come up later, so this is no error.
fn warn_of_missing_socket(server: &At<UpstreamAddr>, report: &mut Report) {
    if let Some(path) = server.value.unix_path().filter(|path| !path.exists()) {
        let message = format!("there is no socket `{}` yet", path.display());
        report.push(Problem::warning(server.spot, message));
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
