//! One upstream of the model as what runs.

use std::hash::{BuildHasher, RandomState};
use std::path::Path;

use crate::config::model;
use crate::upstream::{
    Conditions, Health, Passive, Policy, Question, QueueLimits, RetryRules, Server, Settings, StickyCookie,
    Upstream,
};

/// Names this machine for as long as it is installed (machine-id(5)).
const MACHINE_ID: &str = "/etc/machine-id";

pub(super) fn compile(upstream: &model::Upstream) -> Upstream {
    let servers = upstream.servers.iter().map(|server| Server {
        weight: server.weight,
        backup: server.backup,
        drain: server.drain,
        ..Server::new(server.address.clone()).with_at_most(server.max_conns)
    });
    Upstream::new(&upstream.name, servers, policy(upstream), settings(upstream))
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

pub(super) fn health(health: &model::Health) -> Health {
    let question = health.request.as_ref().map(|request| Question {
        path: request.path.as_str().into(),
        host: request.host.as_deref().map(Into::into),
        status: request.status,
        body: request.body.as_deref().map(Into::into),
    });
    let &model::Health { interval, timeout, rise, fall, .. } = health;
    Health { interval, timeout, rise, fall, question }
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
    match std::fs::read_to_string(Path::new(MACHINE_ID)) {
        Ok(id) if !id.trim().is_empty() => format!("rproxy {upstream} {}", id.trim()),
        _ => {
            tracing::warn!(
                "upstream `{upstream}`: this machine has no {MACHINE_ID}, so its clients lose their servers when rproxy is restarted; \
                 write `balance = {{ cookie = \"…\", secret = \"…\" }}`"
            );
            let random = [(); 2].map(|()| RandomState::new().hash_one(upstream));
            format!("{random:?}")
        }
    }
}
