//! Prometheus' text format, version 0.0.4.

use std::fmt::{Display, Write};
use std::time::{SystemTime, UNIX_EPOCH};

use super::escape::label;
use crate::http::{Cause, Side};
use crate::observe::{Counts, Handshake, QueueStatus, ServerState, ServerStatus, Status};

pub fn metrics(status: &Status) -> String {
    let mut out = Out(String::with_capacity(8 * 1024));
    process(&mut out, status);
    requests(&mut out, &status.counts);
    queues(&mut out, status);
    servers(&mut out, status);
    out.0
}

/// Families of samples, each with its help and type.
struct Out(String);

impl Out {
    fn family(&mut self, name: &str, kind: &str, help: &str) {
        self.line(format_args!("# HELP {name} {help}\n# TYPE {name} {kind}"));
    }

    /// A family of one sample without labels.
    fn single(&mut self, name: &str, kind: &str, help: &str, value: impl Display) {
        self.family(name, kind, help);
        self.line(format_args!("{name} {value}"));
    }

    fn sample(&mut self, name: &str, labels: &[(&str, &str)], value: impl Display) {
        let labels: Vec<String> =
            labels.iter().map(|(name, value)| format!("{name}=\"{}\"", label(value))).collect();
        self.line(format_args!("{name}{{{}}} {value}", labels.join(",")));
    }

    fn line(&mut self, text: std::fmt::Arguments<'_>) {
        // Writing to a string cannot fail.
        let _ = writeln!(self.0, "{text}");
    }
}

fn process(out: &mut Out, status: &Status) {
    out.family("rproxy_info", "gauge", "The version that runs.");
    out.sample("rproxy_info", &[("version", status.version)], 1);
    let started = status.started.duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
    let help = "When the process started, in seconds since 1970.";
    out.single("rproxy_start_time_seconds", "gauge", help, started);
    let seconds = |at: SystemTime| at.duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
    let help = "The number of the configuration in force, counted from 1.";
    out.single("rproxy_config_generation", "gauge", help, status.configuration.generation);
    let help = "Since when it is in force, in seconds since 1970.";
    out.single("rproxy_config_loaded_timestamp_seconds", "gauge", help, seconds(status.configuration.since));
    let help = "Whether the last configuration that was read is in force.";
    let successful = u8::from(status.configuration.refused.is_none());
    out.single("rproxy_config_last_reload_successful", "gauge", help, successful);
    let help = "Bugs of rproxy that ended a request, or an event loop.";
    out.single("rproxy_panics_total", "counter", help, status.panics);
    let help = "Client connections that are open.";
    out.single("rproxy_connections", "gauge", help, status.counts.connections);
    let help = "The most client connections that there may be.";
    out.single("rproxy_connections_max", "gauge", help, status.max_connections);
    let help = "Connections that there was no room for.";
    out.single("rproxy_connections_refused_total", "counter", help, status.counts.refused);
    let name = "rproxy_tls_handshakes_total";
    out.family(name, "counter", "Clients that agreed on keys, or did not.");
    for (handshake, count) in Handshake::ALL.iter().zip(status.counts.handshakes) {
        out.sample(name, &[("result", handshake.name())], count);
    }
    let help = "Lines of the access log that could not be written.";
    out.single("rproxy_access_log_dropped_lines_total", "counter", help, status.lines_dropped);
    let help = "Lines of the error log that could not be written.";
    out.single("rproxy_error_log_dropped_lines_total", "counter", help, status.diagnostics_dropped);
    let help = "Bodies on disk.";
    out.single("rproxy_spool_used_bytes", "gauge", help, status.spool.used);
    let help = "The most that bodies on disk may take.";
    out.single("rproxy_spool_quota_bytes", "gauge", help, status.spool.quota);
}

fn requests(out: &mut Out, counts: &Counts) {
    let name = "rproxy_requests_total";
    out.family(name, "counter", "Requests by the class of their status.");
    for (class, count) in (1..).zip(counts.classes) {
        out.sample(name, &[("class", &format!("{class}xx"))], count);
    }
    let help = "Heads and bodies sent to clients.";
    out.single("rproxy_sent_bytes_total", "counter", help, counts.bytes_sent);
    let name = "rproxy_failures_total";
    out.family(name, "counter", "Requests that failed, by the cause named in the logs.");
    for cause in Cause::ALL {
        let labels = [("cause", cause.name()), ("side", side(*cause))];
        out.sample(name, &labels, counts.of(*cause));
    }
}

fn side(cause: Cause) -> &'static str {
    match cause.side() {
        Side::Client => "client",
        Side::Upstream => "upstream",
        Side::Here => "here",
    }
}

/// Name, type, help, and how to read it.
type Family<T, V> = (&'static str, &'static str, &'static str, fn(&T) -> V);

fn queues(out: &mut Out, status: &Status) {
    let families: [Family<QueueStatus, String>; 3] = [
        ("rproxy_upstream_queue_requests", "gauge", "Requests that wait for a server.", |queue| {
            queue.waiting.to_string()
        }),
        ("rproxy_upstream_queue_seconds_count", "counter", "Waits for a server that are over.", |queue| {
            queue.waited.to_string()
        }),
        ("rproxy_upstream_queue_seconds_sum", "counter", "How long they took, all together.", |queue| {
            queue.waited_for.as_secs_f64().to_string()
        }),
    ];
    for (name, kind, help, value) in families {
        out.family(name, kind, help);
        for upstream in &status.upstreams {
            out.sample(name, &[("upstream", &upstream.name)], value(&upstream.queue));
        }
    }
}

fn servers(out: &mut Out, status: &Status) {
    let families: [Family<ServerStatus, u64>; 3] = [
        ("rproxy_server_requests_in_flight", "gauge", "Requests a server is at work on.", |server| {
            server.in_flight as u64
        }),
        ("rproxy_server_requests_total", "counter", "Attempts at a server.", |server| server.requests),
        ("rproxy_server_failures_total", "counter", "Attempts that brought no answer.", |server| {
            server.failures
        }),
    ];
    for (name, kind, help, value) in families {
        out.family(name, kind, help);
        each(status, |upstream, server| {
            out.sample(name, &[("upstream", upstream), ("server", &server.address)], value(server));
        });
    }
    let name = "rproxy_server_state";
    out.family(name, "gauge", "1 for the state that a server is in.");
    each(status, |upstream, server| {
        for state in ServerState::ALL {
            let labels = [("upstream", upstream), ("server", &*server.address), ("state", state.name())];
            out.sample(name, &labels, u8::from(state == server.state));
        }
    });
}

fn each(status: &Status, mut show: impl FnMut(&str, &ServerStatus)) {
    for upstream in &status.upstreams {
        upstream.servers.iter().for_each(|server| show(&upstream.name, server));
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::status;
    use super::*;

    #[test]
    fn every_line_is_a_comment_or_a_sample() {
        let sample = r#"^[a-z_]+(\{[a-z]+="([^"\\\n]|\\["\\n])*"(,[a-z]+="([^"\\\n]|\\["\\n])*")*\})? [0-9]+(\.[0-9]+)?$"#;
        let line = regex::Regex::new(&format!("{sample}|^# (HELP|TYPE) [a-z_]+ .+$")).unwrap();
        for text in metrics(&status()).lines() {
            assert!(line.is_match(text), "{text}");
        }
    }

    #[test]
    fn all_that_is_counted_is_there() {
        let text = metrics(&status());
        for line in [
            "rproxy_requests_total{class=\"2xx\"} 1",
            "rproxy_sent_bytes_total 140",
            "rproxy_failures_total{cause=\"socket-missing\",side=\"upstream\"} 1",
            "rproxy_failures_total{cause=\"client-left\",side=\"client\"} 0",
            "rproxy_server_requests_in_flight{upstream=\"app \\\"<b>\\\"\",server=\"unix:/run/a.sock\"} 3",
            "rproxy_upstream_queue_requests{upstream=\"app \\\"<b>\\\"\"} 2",
            "rproxy_upstream_queue_seconds_sum{upstream=\"app \\\"<b>\\\"\"} 8.05",
            "rproxy_server_state{upstream=\"app \\\"<b>\\\"\",server=\"unix:/run/a.sock\",state=\"up\"} 1",
        ] {
            assert!(text.lines().any(|found| found == line), "no {line} in\n{text}");
        }
        assert_eq!(text.matches("rproxy_failures_total{").count(), Cause::ALL.len());
    }
}
