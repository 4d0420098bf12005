//! `[upstream.NAME]` as TOML.

use std::time::Duration;

use super::{Out, entry, list, quoted_key, table, text};
use crate::config::model::{Balance, Health, Retry, RetryOn, Upstream, UpstreamServer};
use crate::config::value::show_duration;

pub(super) fn upstream(out: &mut Out, upstream: &Upstream) {
    let name = quoted_key(&upstream.name);
    out.header(&format!("[upstream.{name}]"));
    let servers: Vec<String> = upstream.servers.iter().map(server).collect();
    out.key("servers", format!("[{}]", servers.join(", ")));
    let idle = entry("idle", upstream.keep_alive.idle.to_string());
    out.key("keep_alive", table([idle, duration("timeout", upstream.keep_alive.timeout)]));
    let limits = upstream.timeouts;
    let timeouts = [("connect", limits.connect), ("send", limits.send), ("read", limits.read)];
    out.key("timeouts", table(timeouts.map(|(key, limit)| duration(key, limit))));
    out.key("balance", balance(&upstream.balance));
    let size = entry("size", upstream.queue.size.to_string());
    out.key("queue", table([size, duration("timeout", upstream.queue.timeout)]));
    out.key("retry", retry(&upstream.retry));
    let fails = entry("fails", upstream.passive.fails.to_string());
    let passive = [("window", upstream.passive.window), ("eject", upstream.passive.eject)];
    out.key("passive", table([fails].into_iter().chain(passive.map(|(key, time)| duration(key, time)))));
    out.key("health", upstream.health.as_ref().map_or_else(|| "false".into(), health));
    out.key("slow_start", text(show_duration(upstream.slow_start)));
    out.key("resolve", text(show_duration(upstream.resolve)));
    if let Some(process) = &upstream.process {
        out.header(&format!("[upstream.{name}.process]"));
        out.key("command", list(&process.command));
    }
}

fn duration(key: &str, value: Duration) -> (String, String) {
    entry(key, text(show_duration(value)))
}

/// As short as it can be written.
fn server(server: &UpstreamServer) -> String {
    let keys = [
        (server.weight != 1).then(|| entry("weight", server.weight.to_string())),
        (server.max_conns != 0).then(|| entry("max_conns", server.max_conns.to_string())),
        server.backup.then(|| entry("backup", "true".into())),
        server.drain.then(|| entry("drain", "true".into())),
    ];
    let address = text(&server.address);
    if keys.iter().all(Option::is_none) {
        return address;
    }
    table([entry("address", address)].into_iter().chain(keys.into_iter().flatten()))
}

fn balance(balance: &Balance) -> String {
    match balance {
        Balance::RoundRobin => text("round_robin"),
        Balance::LeastConn => text("least_conn"),
        Balance::Random => text("random"),
        Balance::P2c => text("p2c"),
        Balance::Hash(key) => table([entry("hash", text(key))]),
        Balance::Cookie { name, secret } => {
            let secret = secret.as_ref().map(|secret| entry("secret", text(secret)));
            table([entry("cookie", text(name))].into_iter().chain(secret))
        }
    }
}

fn retry(retry: &Retry) -> String {
    table([
        entry("attempts", retry.attempts.to_string()),
        entry("on", conditions(&retry.on)),
        entry("non_idempotent", retry.non_idempotent.to_string()),
        duration("window", retry.window),
        entry("budget", retry.budget.to_string()),
    ])
}

fn conditions(on: &RetryOn) -> String {
    let words = [(on.connect, "connect"), (on.closed, "closed"), (on.timeout, "timeout")];
    let words = words.into_iter().filter(|(is_on, _)| *is_on).map(|(_, word)| word.to_owned());
    let statuses = on.statuses.to_string();
    list(words.chain(statuses.split(',').filter(|part| !part.is_empty()).map(str::to_owned)))
}

fn health(health: &Health) -> String {
    let request = health.request.as_ref().map(|request| {
        let host = request.host.as_ref().map(|host| entry("host", text(host)));
        let body = request.body.as_ref().map(|body| entry("body", text(body)));
        let always = [entry("path", text(&request.path)), entry("status", text(request.status))];
        always.into_iter().chain(host).chain(body)
    });
    let times = [duration("interval", health.interval), duration("timeout", health.timeout)];
    let counts = [entry("rise", health.rise.to_string()), entry("fall", health.fall.to_string())];
    table(request.into_iter().flatten().chain(times).chain(counts))
}
