//! The status page: plain HTML that renews itself, for a look in passing.

use std::fmt::Write;
use std::time::{Duration, SystemTime};

use crate::http::{Cause, escape_html as html, short_size as size};
use crate::observe::{
    ConfigurationStatus, Counts, QueueStatus, ServerState, ServerStatus, Status, UpstreamStatus,
};

pub fn page(status: &Status) -> String {
    let uptime = SystemTime::now().duration_since(status.started).unwrap_or_default();
    let mut out = String::with_capacity(16 * 1024);
    // Writing to a string cannot fail.
    let _ = write!(
        out,
        "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <meta http-equiv=\"refresh\" content=\"5\">\n<title>rproxy</title>\n<style>{STYLE}</style>\n</head>\n<body>\n\
         <header><h1>rproxy</h1><p>{} · up {}</p></header>\n<main>\n",
        html(status.version),
        html(&long(uptime)),
    );
    totals(&mut out, status);
    status.upstreams.iter().for_each(|one| upstream(&mut out, one));
    failures(&mut out, &status.counts);
    out.push_str(
        "</main>\n<footer><a href=\"/metrics\">metrics</a> <a href=\"/api/status\">JSON</a></footer>\n</body>\n</html>\n",
    );
    out
}

const STYLE: &str = include_str!("page.css");

fn totals(out: &mut String, status: &Status) {
    let counts = &status.counts;
    let [_, ok, redirected, refused, failed] = counts.classes;
    out.push_str("<dl>\n");
    for (name, value) in [
        ("Connections", format!("{} of {}", counts.connections, status.max_connections)),
        ("Connections refused", counts.refused.to_string()),
        ("Requests", counts.requests().to_string()),
        ("2xx", ok.to_string()),
        ("3xx", redirected.to_string()),
        ("4xx", refused.to_string()),
        ("5xx", failed.to_string()),
        ("Sent", size(counts.bytes_sent)),
        ("Bodies on disk", format!("{} of {}", size(status.spool.used), size(status.spool.quota))),
        ("Configuration", configuration(status.configuration)),
        ("Log lines lost", (status.lines_dropped + status.diagnostics_dropped).to_string()),
    ] {
        let _ = writeln!(out, "<div><dt>{name}</dt><dd>{}</dd></div>", html(&value));
    }
    out.push_str("</dl>\n");
}

fn configuration(configuration: ConfigurationStatus) -> String {
    let ago = |at: SystemTime| long(SystemTime::now().duration_since(at).unwrap_or_default());
    let number = configuration.generation;
    let since = ago(configuration.since);
    match configuration.refused {
        Some(at) => format!("no. {number}, for {since}; a newer one was refused {} ago", ago(at)),
        None => format!("no. {number}, for {since}"),
    }
}

fn upstream(out: &mut String, upstream: &UpstreamStatus) {
    let _ = write!(
        out,
        "<section>\n<h2>{}</h2>\n{}<table>\n<thead><tr><th>Server</th><th>State</th><th class=\"n\">Weight</th>\
         <th class=\"n\">At work</th><th class=\"n\">Requests</th><th class=\"n\">Failures</th></tr></thead>\n<tbody>\n",
        html(&upstream.name),
        queue(upstream.queue),
    );
    upstream.servers.iter().for_each(|one| server(out, one));
    out.push_str("</tbody>\n</table>\n</section>\n");
}

/// Who waits, and how long waits took; nothing where nobody ever had to.
fn queue(queue: QueueStatus) -> String {
    let QueueStatus { waiting, size, waited, waited_for } = queue;
    if waiting == 0 && waited == 0 {
        return String::new();
    }
    let average = waited_for.as_secs_f64() / f64::from(u32::try_from(waited.max(1)).unwrap_or(u32::MAX));
    format!(
        "<p>{waiting} of at most {size} requests wait; {waited} waits are over, which took {average:.2} s on average</p>\n"
    )
}

fn server(out: &mut String, server: &ServerStatus) {
    let mark = match server.state {
        ServerState::Up => "good",
        ServerState::Rising | ServerState::OnTrial | ServerState::Stalled | ServerState::Draining => "fair",
        ServerState::Down | ServerState::Ejected => "bad",
    };
    let backup = if server.backup { " <small>backup</small>" } else { "" };
    let _ = writeln!(
        out,
        "<tr><td><code>{}</code>{backup}</td><td><span class=\"{mark}\">{}</span></td><td class=\"n\">{}</td>\
         <td class=\"n\">{}</td><td class=\"n\">{}</td><td class=\"n\">{}</td></tr>",
        html(&server.address),
        server.state.name(),
        server.weight,
        at_work(server),
        server.requests,
        server.failures,
    );
}

/// With its limit, if there is one.
fn at_work(server: &ServerStatus) -> String {
    match server.max_conns {
        Some(most) => format!("{} of {most}", server.in_flight),
        None => server.in_flight.to_string(),
    }
}

/// Causes that have occurred, the most frequent first.
fn failures(out: &mut String, counts: &Counts) {
    let mut causes: Vec<_> =
        Cause::ALL.iter().map(|cause| (counts.of(*cause), cause)).filter(|(count, _)| *count > 0).collect();
    causes.sort_by_key(|(count, _)| std::cmp::Reverse(*count));
    out.push_str("<section>\n<h2>Failures</h2>\n");
    if causes.is_empty() {
        return out.push_str("<p>None since the start.</p>\n</section>\n");
    }
    out.push_str(
        "<table>\n<thead><tr><th>Cause</th><th class=\"n\">Count</th><th>Remedy</th></tr></thead>\n<tbody>\n",
    );
    for (count, cause) in causes {
        let (name, remedy) = (html(cause.name()), with_code(cause.remedy()));
        let _ = writeln!(
            out,
            "<tr><td><code>{name}</code></td><td class=\"n\">{count}</td><td>{remedy}</td></tr>"
        );
    }
    out.push_str("</tbody>\n</table>\n</section>\n");
}

/// Text in which backticks set off what is written in files.
fn with_code(text: &str) -> String {
    let parts = text.split('`').zip([false, true].into_iter().cycle());
    parts
        .map(|(part, is_code)| if is_code { format!("<code>{}</code>", html(part)) } else { html(part) })
        .collect()
}

/// The two largest units.
fn long(time: Duration) -> String {
    let minutes = time.as_secs() / 60;
    match (minutes / 1440, minutes / 60 % 24, minutes % 60) {
        (0, 0, 0) => format!("{} s", time.as_secs()),
        (0, 0, minutes) => format!("{minutes} min"),
        (0, hours, minutes) => format!("{hours} h {minutes} min"),
        (days, hours, _) => format!("{days} d {hours} h"),
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::status;
    use super::*;

    #[test]
    fn servers_and_causes_are_there_with_their_remedies() {
        let page = page(&status());
        let remedy = "or correct the socket&#39;s path in <code>servers</code>";
        for text in [
            "unix:/run/a.sock",
            ">up<",
            "3 of 4",
            "2 of at most 100 requests wait",
            "0.20 s",
            "socket-missing",
            remedy,
            "1.2.3",
        ] {
            assert!(page.contains(text), "no {text} in\n{page}");
        }
        assert!(page.contains("app &quot;&lt;b&gt;&quot;") && !page.contains("<b>"));
    }

    #[test]
    fn the_page_brings_no_script_and_loads_nothing() {
        let page = page(&status());
        assert!(!page.contains("<script") && !page.contains("src=") && !page.contains("://"));
    }

    #[test]
    fn times_are_short() {
        let times = [5, 300, 7260, 90_000].map(|seconds| long(Duration::from_secs(seconds)));
        assert_eq!(times, ["5 s", "5 min", "2 h 1 min", "1 d 1 h"]);
    }
}
