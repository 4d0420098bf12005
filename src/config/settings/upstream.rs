//! `[upstream.NAME]`

use super::{Settings, Value, duration, entry, list, path, quoted_key, secret, set, table, text, tls};
use crate::config::model::{Balance, Health, Process, Retry, RetryOn, Upstream, UpstreamServer};
use crate::config::value::show_duration;

/// The settings of an upstream, its servers apart.
pub struct UpstreamSettings {
    pub servers: Vec<ServerSettings>,
    pub others: Settings,
}

/// One of `servers`.
pub struct ServerSettings {
    pub address: String,
    pub keys: Vec<(String, Value)>,
    /// Those of the keys that have to be written.
    pub said: Vec<(String, Value)>,
}

impl ServerSettings {
    /// As short as it can be written.
    pub fn shortest(self) -> Value {
        let address = text(&self.address);
        if self.said.is_empty() {
            return address;
        }
        table([entry("address", address)].into_iter().chain(self.said))
    }
}

pub fn upstream(upstream: &Upstream) -> UpstreamSettings {
    let mut others = Settings::default();
    let out = &mut others;
    let idle = entry("idle", upstream.keep_alive.idle);
    out.key("keep_alive", table([idle, duration("timeout", upstream.keep_alive.timeout)]));
    let limits = upstream.timeouts;
    let timeouts = [("connect", limits.connect), ("send", limits.send), ("read", limits.read)];
    out.key("timeouts", table(timeouts.map(|(key, limit)| duration(key, limit))));
    out.key("balance", balance(&upstream.balance));
    let size = entry("size", upstream.queue.size);
    out.key("queue", table([size, duration("timeout", upstream.queue.timeout)]));
    out.key("retry", retry(&upstream.retry));
    let fails = entry("fails", upstream.passive.fails);
    let passive = [("window", upstream.passive.window), ("eject", upstream.passive.eject)];
    out.key("passive", table([fails].into_iter().chain(passive.map(|(key, time)| duration(key, time)))));
    out.key("health", upstream.health.as_ref().map_or_else(|| false.into(), health));
    out.key("slow_start", text(show_duration(upstream.slow_start)));
    out.key("resolve", text(show_duration(upstream.resolve)));
    tls::upstream(out, upstream.protocol, upstream.tls.as_ref());
    if let Some(given) = &upstream.process {
        out.tables.push(("process".into(), process(given)));
    }
    UpstreamSettings { servers: upstream.servers.iter().map(server).collect(), others }
}

fn process(process: &Process) -> Settings {
    let mut out = Settings::default();
    out.key("command", list(&process.command));
    out.key("directory", path(&process.directory));
    // Passwords of databases are handed over like this.
    let environment = process.environment.iter().map(|(name, value)| (quoted_key(name), secret(value)));
    out.key("environment", table(environment));
    if let Some(account) = &process.account {
        out.key("user", text(&account.user));
        if let Some(group) = &account.group {
            out.key("group", text(group));
        }
    }
    if let Some(mask) = process.umask {
        out.key("umask", text(format!("{mask:03o}")));
    }
    out.key("socket_activation", process.socket_activation);
    out.key("start_timeout", text(show_duration(process.start_timeout)));
    out.key("stop_timeout", text(show_duration(process.stop_timeout)));
    out
}

fn server(server: &UpstreamServer) -> ServerSettings {
    let plain = server_keys(&UpstreamServer::plain(server.address.clone()));
    let keys = server_keys(server);
    let said: Vec<_> = keys.iter().filter(|entry| !plain.contains(entry)).cloned().collect();
    ServerSettings { address: server.address.to_string(), keys, said }
}

fn server_keys(server: &UpstreamServer) -> Vec<(String, Value)> {
    vec![
        entry("weight", server.weight),
        entry("max_conns", server.max_conns),
        entry("backup", server.backup),
        entry("drain", server.drain),
    ]
}

fn balance(balance: &Balance) -> Value {
    match balance {
        Balance::RoundRobin => text("round_robin"),
        Balance::LeastConn => text("least_conn"),
        Balance::Random => text("random"),
        Balance::P2c => text("p2c"),
        Balance::Hash(key) => table([entry("hash", text(key))]),
        Balance::Cookie { name, secret: given } => {
            let given = given.as_ref().map(|given| entry("secret", secret(given)));
            table([entry("cookie", text(name))].into_iter().chain(given))
        }
    }
}

fn retry(retry: &Retry) -> Value {
    table([
        entry("attempts", retry.attempts),
        entry("on", conditions(&retry.on)),
        entry("non_idempotent", retry.non_idempotent),
        duration("window", retry.window),
        entry("budget", retry.budget),
    ])
}

fn conditions(on: &RetryOn) -> Value {
    let words = [(on.connect, "connect"), (on.closed, "closed"), (on.timeout, "timeout")];
    let words = words.into_iter().filter(|(is_on, _)| *is_on).map(|(_, word)| word.to_owned());
    let statuses = on.statuses.to_string();
    set(words.chain(statuses.split(',').filter(|part| !part.is_empty()).map(str::to_owned)))
}

fn health(health: &Health) -> Value {
    let request = health.request.as_ref().map(|request| {
        let host = request.host.as_ref().map(|host| entry("host", text(host)));
        let body = request.body.as_ref().map(|body| entry("body", text(body)));
        let always = [entry("path", text(&request.path)), entry("status", text(request.status))];
        always.into_iter().chain(host).chain(body)
    });
    let times = [duration("interval", health.interval), duration("timeout", health.timeout)];
    let counts = [entry("rise", health.rise), entry("fall", health.fall)];
    table(request.into_iter().flatten().chain(times).chain(counts))
}
