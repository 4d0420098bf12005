//! `/api/status`: the same as the metrics, for programs that want all at once.

use std::collections::BTreeMap;
use std::time::{SystemTime, UNIX_EPOCH};

use serde::Serialize;

use crate::http::Cause;
use crate::observe::{Handshake, QueueStatus, ServerStatus, Status, UpstreamStatus};

pub fn json(status: &Status) -> String {
    // Only maps with keys that are no strings could fail.
    serde_json::to_string_pretty(&View::from(status)).unwrap_or_default() + "\n"
}

/// The shape that programs rely on: fields are added, never renamed.
#[derive(Serialize)]
struct View<'a> {
    version: &'a str,
    /// Seconds since 1970.
    started: u64,
    configuration: Configuration,
    panics: u64,
    connections: u64,
    max_connections: usize,
    connections_refused: u64,
    tls_handshakes: BTreeMap<&'static str, u64>,
    requests: BTreeMap<String, u64>,
    bytes_sent: u64,
    /// Only causes that have occurred.
    failures: BTreeMap<&'static str, Failure>,
    access_log_dropped_lines: u64,
    error_log_dropped_lines: u64,
    spool: Spool,
    upstreams: Vec<Upstream<'a>>,
}

#[derive(Serialize)]
struct Configuration {
    generation: u64,
    /// Seconds since 1970.
    since: u64,
    /// When the last reload was refused; `null` when it was not.
    refused: Option<u64>,
}

#[derive(Serialize)]
struct Failure {
    count: u64,
    remedy: &'static str,
}

#[derive(Serialize)]
struct Spool {
    used_bytes: u64,
    quota_bytes: u64,
}

#[derive(Serialize)]
struct Upstream<'a> {
    name: &'a str,
    queue: Queue,
    servers: Vec<Server<'a>>,
}

#[derive(Serialize)]
struct Queue {
    waiting: usize,
    size: usize,
    /// Since the start.
    waited: u64,
    waited_seconds: f64,
}

#[derive(Serialize)]
struct Server<'a> {
    address: &'a str,
    state: &'static str,
    weight: u32,
    backup: bool,
    /// `null` is any number.
    max_conns: Option<usize>,
    in_flight: usize,
    requests: u64,
    failures: u64,
}

impl<'a> From<&'a Status> for View<'a> {
    fn from(status: &'a Status) -> Self {
        let counts = &status.counts;
        let occurred = Cause::ALL.iter().filter(|cause| counts.of(**cause) > 0);
        let failure =
            |cause: &Cause| (cause.name(), Failure { count: counts.of(*cause), remedy: cause.remedy() });
        Self {
            version: status.version,
            started: seconds(status.started),
            configuration: Configuration {
                generation: status.configuration.generation,
                since: seconds(status.configuration.since),
                refused: status.configuration.refused.map(seconds),
            },
            panics: status.panics,
            connections: counts.connections,
            max_connections: status.max_connections,
            connections_refused: counts.refused,
            tls_handshakes: Handshake::ALL.iter().map(|one| one.name()).zip(counts.handshakes).collect(),
            requests: (1..).zip(counts.classes).map(|(class, count)| (format!("{class}xx"), count)).collect(),
            bytes_sent: counts.bytes_sent,
            failures: occurred.map(failure).collect(),
            access_log_dropped_lines: status.lines_dropped,
            error_log_dropped_lines: status.diagnostics_dropped,
            spool: Spool { used_bytes: status.spool.used, quota_bytes: status.spool.quota },
            upstreams: status.upstreams.iter().map(Upstream::from).collect(),
        }
    }
}

fn seconds(at: SystemTime) -> u64 {
    at.duration_since(UNIX_EPOCH).unwrap_or_default().as_secs()
}

impl<'a> From<&'a UpstreamStatus> for Upstream<'a> {
    fn from(upstream: &'a UpstreamStatus) -> Self {
        let QueueStatus { waiting, size, waited, waited_for } = upstream.queue;
        Self {
            name: &upstream.name,
            queue: Queue { waiting, size, waited, waited_seconds: waited_for.as_secs_f64() },
            servers: upstream.servers.iter().map(Server::from).collect(),
        }
    }
}

impl<'a> From<&'a ServerStatus> for Server<'a> {
    fn from(server: &'a ServerStatus) -> Self {
        Self {
            address: &server.address,
            state: server.state.name(),
            weight: server.weight,
            backup: server.backup,
            max_conns: server.max_conns,
            in_flight: server.in_flight,
            requests: server.requests,
            failures: server.failures,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::status;
    use super::*;

    #[test]
    fn programs_find_what_they_look_for() {
        let value: serde_json::Value = serde_json::from_str(&json(&status())).unwrap();
        assert_eq!(value["configuration"]["generation"], 3);
        assert_eq!(value["configuration"]["refused"], 90);
        assert_eq!(value["requests"]["2xx"], 1);
        assert_eq!(value["failures"]["socket-missing"]["count"], 1);
        assert_eq!(value["failures"]["socket-missing"]["remedy"], Cause::SocketMissing.remedy());
        assert_eq!(value["failures"].as_object().unwrap().len(), 1);
        assert_eq!(value["upstreams"][0]["name"], "app \"<b>\"");
        assert_eq!(value["upstreams"][0]["queue"]["waited_seconds"], 8.05);
        assert_eq!(value["upstreams"][0]["servers"][0]["state"], "up");
        assert_eq!(value["upstreams"][0]["servers"][0]["max_conns"], 4);
        assert_eq!(value["upstreams"][0]["servers"][0]["in_flight"], 3);
    }
}
