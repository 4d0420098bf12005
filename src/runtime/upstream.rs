//! One upstream of the model as what runs, going on where that of the former configuration stops.

use std::collections::BTreeMap;
use std::hash::{BuildHasher, RandomState};
use std::num::NonZeroUsize;
use std::path::Path;
use std::sync::{Arc, OnceLock};

use crate::config::model;
use crate::net::UpstreamAddr;
use crate::tls::{Client, Expectations};
use crate::upstream::{
    Conditions, Endpoint, Health, Passive, Policy, Question, QueueLimits, RetryRules, Server, Settings,
    StickyCookie, Transport, Upstream,
};

/// Names this machine for as long as it is installed (machine-id(5)).
const MACHINE_ID: &str = "/etc/machine-id";

/// Where the servers of upstreams are at present whose processes rproxy runs, by the upstream's name and in
/// the order of its servers.
pub type Placements = BTreeMap<String, Vec<UpstreamAddr>>;

/// An upstream with what the configuration says of it.
#[derive(Clone, Debug)]
pub(super) struct Compiled {
    pub model: model::Upstream,
    pub running: Arc<Upstream>,
}

impl Compiled {
    /// One that is as before is the same as before.
    pub fn new(model: &model::Upstream, former: Option<&Self>, placements: &Placements) -> Self {
        let addresses = addresses(model, placements);
        let running = match former {
            Some(former) if former.model.is_like(model) && former.is_at(&addresses) => {
                Arc::clone(&former.running)
            }
            _ => Arc::new(compile(model, addresses, former)),
        };
        Self { model: model.clone(), running }
    }

    /// Servers of the one before that have moved from here on: nobody is sent to them any more. In the order
    /// of the configuration.
    pub fn inherit(&self, former: &Self) -> Vec<Arc<Endpoint>> {
        let moved =
            former.model.servers == self.model.servers && !Arc::ptr_eq(&former.running, &self.running);
        if !moved {
            return Vec::new();
        }
        former.running.leave_to(&self.running);
        let is_here = |endpoint: &Arc<Endpoint>| {
            self.running.servers.iter().any(|server| Arc::ptr_eq(&server.endpoint, endpoint))
        };
        let endpoints = former.running.servers.iter().map(|server| Arc::clone(&server.endpoint));
        endpoints.filter(|endpoint| !is_here(endpoint)).collect()
    }

    /// Whoever no longer judges its servers has nothing to say of them.
    pub fn pardon(&self) {
        for server in &self.running.servers {
            server.endpoint.pardon(self.model.health.is_some(), self.model.passive.fails > 0);
        }
    }

    fn is_at(&self, addresses: &[UpstreamAddr]) -> bool {
        self.running.servers.iter().map(|server| &server.endpoint.addr).eq(addresses)
    }
}

fn addresses(model: &model::Upstream, placements: &Placements) -> Vec<UpstreamAddr> {
    let placed = placements.get(&model.name).filter(|placed| placed.len() == model.servers.len());
    placed.cloned().unwrap_or_else(|| model.servers.iter().map(|server| server.address.clone()).collect())
}

fn compile(model: &model::Upstream, addresses: Vec<UpstreamAddr>, former: Option<&Compiled>) -> Upstream {
    let servers = model.servers.iter().zip(addresses).map(|(server, address)| Server {
        endpoint: endpoint(server, address, former),
        weight: server.weight,
        backup: server.backup,
        max_conns: NonZeroUsize::new(server.max_conns),
        drain: server.drain,
    });
    let upstream = Upstream::new(&model.name, servers, policy(model), settings(model));
    let upstream = upstream.over(transport(model, former));
    match former {
        Some(former) => upstream.succeeding(&former.running),
        None => upstream,
    }
}

/// The server that is there already, with its health, counts and idle connections, or a new one.
fn endpoint(
    server: &model::UpstreamServer,
    address: UpstreamAddr,
    former: Option<&Compiled>,
) -> Arc<Endpoint> {
    let mut known = former.iter().flat_map(|former| &former.running.servers).map(|server| &server.endpoint);
    match known.find(|endpoint| endpoint.addr == address) {
        Some(endpoint) => Arc::clone(endpoint),
        None => Arc::new(Endpoint::standing_for(server.address.to_string().into(), address)),
    }
}

/// What is expected of servers as before has been met: their connections are kept, and sessions resumed.
fn transport(upstream: &model::Upstream, former: Option<&Compiled>) -> Transport {
    let said = |upstream: &model::Upstream| (upstream.protocol, upstream.tls.clone());
    if let Some(former) = former.filter(|former| said(&former.model) == said(upstream)) {
        return former.running.transport.clone();
    }
    let http2 = is_http2(upstream.protocol);
    let tls = upstream.tls.as_ref().map(|tls| {
        let client = Client::new(&Expectations {
            name: tls.name.as_deref(),
            authorities: tls.authorities.as_deref(),
            verify: tls.verify,
            identity: tls.identity.as_deref(),
            http2,
        });
        if let Some(problem) = client.problem() {
            tracing::error!("upstream `{}`: no server of it can be spoken to: {problem}", upstream.name);
        }
        Arc::new(client)
    });
    Transport { http2, tls }
}

const fn is_http2(protocol: model::Protocol) -> bool {
    matches!(protocol, model::Protocol::H2c | model::Protocol::H2)
}

fn settings(upstream: &model::Upstream) -> Settings {
    let model::Passive { fails, window, eject } = upstream.passive;
    Settings {
        idle: upstream.keep_alive.idle,
        idle_timeout: upstream.keep_alive.timeout,
        connect: upstream.timeouts.connect,
        send: upstream.timeouts.send,
        read: upstream.timeouts.read,
        queue: QueueLimits { size: upstream.queue.size, timeout: upstream.queue.timeout },
        retry: retry(&upstream.retry),
        passive: Passive { fails, window, eject },
        slow_start: upstream.slow_start,
        resolve: upstream.resolve,
    }
}

pub(super) fn health(upstream: &model::Upstream) -> Option<Health> {
    let health = upstream.health.as_ref()?;
    let question = health.request.as_ref().map(|request| Question {
        path: request.path.as_str().into(),
        host: request.host.as_deref().map(Into::into),
        status: request.status,
        body: request.body.as_deref().map(Into::into),
        http2: is_http2(upstream.protocol),
    });
    let &model::Health { interval, timeout, rise, fall, .. } = health;
    Some(Health { interval, timeout, rise, fall, question })
}

fn retry(retry: &model::Retry) -> RetryRules {
    let model::RetryOn { connect, closed, timeout, statuses } = retry.on;
    RetryRules {
        attempts: retry.attempts,
        on: Conditions { connect, closed, timeout, statuses },
        non_idempotent: retry.non_idempotent,
        window: retry.window,
        budget: retry.budget,
    }
}

fn policy(upstream: &model::Upstream) -> Policy {
    match &upstream.balance {
        model::Balance::RoundRobin => Policy::RoundRobin,
        model::Balance::LeastConn => Policy::LeastConn,
        model::Balance::Random => Policy::Random,
        model::Balance::P2c => Policy::P2c,
        model::Balance::Hash(key) => Policy::Hash(key.clone()),
        model::Balance::Cookie { name, secret } => {
            let secret = secret.clone().unwrap_or_else(|| secret_of_machine(&upstream.name));
            Policy::Cookie(StickyCookie::new(name, secret.as_bytes()))
        }
    }
}

/// What signs cookies where no secret is written: the same after a restart, and known to nobody who may not
/// log in here.
fn secret_of_machine(upstream: &str) -> String {
    static RANDOM: OnceLock<[u64; 2]> = OnceLock::new();
    match std::fs::read_to_string(Path::new(MACHINE_ID)) {
        Ok(id) if !id.trim().is_empty() => format!("rproxy {upstream} {}", id.trim()),
        _ => {
            tracing::warn!(
                "upstream `{upstream}`: this machine has no {MACHINE_ID}, so its clients lose their servers when rproxy is restarted; \
                 write `balance = {{ cookie = \"…\", secret = \"…\" }}`"
            );
            // The same for as long as rproxy runs: a reload is to cost nobody anything.
            let random = RANDOM.get_or_init(|| [(); 2].map(|()| RandomState::new().hash_one(0)));
            format!("{upstream} {random:?}")
        }
    }
}
