//! `[server]` and `[log]`.

use std::net::IpAddr;
use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::time::Duration;

use ipnet::IpNet;

use super::listeners;
use super::scalar::{self, DAY};
use crate::config::model::{AccessFormat, AccessLog, Level, Log, LogFormat, Server, Spool};
use crate::config::names;
use crate::config::node::{At, Either};
use crate::config::raw;
use crate::config::report::{Problem, Report};
use crate::http::TrustedProxies;
use crate::net::ListenAddr;

const SPOOL_SIZE: u64 = 1 << 30;

/// Below this nothing useful would fit.
const LEAST_SPOOL: u64 = 1 << 20;

const SHUTDOWN_GRACE: Duration = Duration::from_secs(30);

/// More threads than this are a slip of the finger.
const MAX_WORKERS: i64 = 1024;

const LEVELS: &[(&str, Level)] = &[
    ("error", Level::Error),
    ("warn", Level::Warn),
    ("info", Level::Info),
    ("debug", Level::Debug),
    ("trace", Level::Trace),
];

const FORMATS: &[(&str, LogFormat)] = &[("text", LogFormat::Text), ("json", LogFormat::Json)];

pub fn server(
    written: Option<&At<raw::Server>>,
    admin: Option<&At<ListenAddr>>,
    report: &mut Report,
) -> Server {
    let raw = written.map(|at| &at.value);
    let grace = raw.and_then(|raw| raw.shutdown_grace.as_ref());
    Server {
        workers: raw.and_then(|raw| raw.workers.as_ref()).and_then(|at| workers(at, report)),
        shutdown_grace: scalar::duration(
            "shutdown_grace",
            grace,
            Duration::ZERO..=DAY,
            SHUTDOWN_GRACE,
            report,
        ),
        trusted_proxies: raw
            .and_then(|raw| raw.trusted_proxies.as_ref())
            .map(|list| trusted(&list.value, report))
            .unwrap_or_default(),
        admin: admin.map(|at| at.value.clone()),
        spool: spool(raw.and_then(|raw| raw.spool.as_ref()), report),
    }
}

/// Where the status page is.
pub fn admin(written: Option<&At<raw::Server>>, report: &mut Report) -> Option<At<ListenAddr>> {
    let at = listeners::address("admin", written?.value.admin.as_ref()?, report)?;
    let is_open = match &at.value {
        ListenAddr::Any(_) => true,
        ListenAddr::Tcp(addr) => !addr.ip().is_loopback(),
        ListenAddr::Unix(_) => false,
    };
    if is_open {
        let message = "everyone who reaches this address can read the status page and the metrics";
        report.push(Problem::warning(at.spot, message));
    }
    Some(at)
}

fn spool(written: Option<&At<raw::Spool>>, report: &mut Report) -> Spool {
    let raw = written.map(|at| &at.value);
    let directory = raw.and_then(|raw| raw.directory.as_ref()).and_then(|at| directory(at, report));
    Spool {
        directory: directory.unwrap_or_else(std::env::temp_dir),
        size: scalar::size("size", raw.and_then(|raw| raw.size.as_ref()), LEAST_SPOOL, SPOOL_SIZE, report),
    }
}

fn directory(at: &At<String>, report: &mut Report) -> Option<PathBuf> {
    let path = scalar::path("directory", at, report)?;
    if path.is_file() {
        report.push(Problem::error(at.spot, format!("`{}` is a file, not a directory", at.value)));
    } else {
        scalar::warn_unless_reachable("directory", &path, at.spot, report);
    }
    Some(path)
}

fn workers(at: &At<raw::Count>, report: &mut Report) -> Option<NonZeroUsize> {
    let problem = match &at.value.0 {
        Either::B(word) if word == "auto" => return None,
        Either::B(word) => Problem::error(at.spot, format!("`workers` cannot be \"{word}\""))
            .help("write `\"auto\"`, or a number without quotes"),
        Either::A(number @ 1..=MAX_WORKERS) => {
            return usize::try_from(*number).ok().and_then(NonZeroUsize::new);
        }
        Either::A(_) => {
            Problem::error(at.spot, format!("`workers` is out of range: it goes from 1 to {MAX_WORKERS}"))
                .help("\"auto\" is one for each core")
        }
    };
    report.push(problem);
    None
}

fn trusted(list: &[At<String>], report: &mut Report) -> TrustedProxies {
    let mut trusted = TrustedProxies::default();
    for at in list {
        if at.value == "unix:" {
            trusted.unix = true;
        } else if let Ok(network) = at.value.parse::<IpNet>() {
            if network.trunc() != network {
                let message =
                    format!("the network is {}: what stands behind its prefix is ignored", network.trunc());
                report.push(Problem::warning(at.spot, message));
            }
            trusted.networks.push(network.trunc());
        } else if let Ok(address) = at.value.parse::<IpAddr>() {
            trusted.networks.push(IpNet::from(address));
        } else {
            let message = format!("`{}` is neither a network nor an address", at.value);
            report.push(Problem::error(at.spot, message).help(
                "write \"10.0.0.0/8\", \"192.0.2.1\", \"2001:db8::/32\", or \"unix:\" for peers on Unix sockets",
            ));
        }
    }
    trusted
}

pub fn log(written: Option<&At<raw::Log>>, report: &mut Report) -> Log {
    let raw = written.map(|at| &at.value);
    Log {
        level: scalar::choice("level", raw.and_then(|raw| raw.level.as_ref()), LEVELS, Level::Info, report),
        format: scalar::choice(
            "format",
            raw.and_then(|raw| raw.format.as_ref()),
            FORMATS,
            LogFormat::Text,
            report,
        ),
        access: raw.and_then(|raw| raw.access.as_ref()).map_or(AccessLog::Stdout, |at| access(at, report)),
        access_format: raw
            .and_then(|raw| raw.access_format.as_ref())
            .and_then(|at| access_format(at, report))
            .unwrap_or(AccessFormat::Combined),
    }
}

fn access_format(at: &At<String>, report: &mut Report) -> Option<AccessFormat> {
    match at.value.as_str() {
        "combined" => return Some(AccessFormat::Combined),
        "json" => return Some(AccessFormat::Json),
        text if text.chars().any(|c| c.is_control() && c != '\t') => {
            let message = "a line of the access log cannot have control characters";
            let help = "each line is ended by itself";
            report.push(Problem::error(at.spot, message).help(help));
        }
        word if !word.contains('$') => {
            let help = match names::nearest(word, ["combined", "json"]) {
                Some(near) => format!("did you mean \"{near}\"?"),
                None => "write \"combined\", \"json\", or a template like \"$remote_addr $request $status\""
                    .into(),
            };
            let message = format!("`access_format` cannot be \"{word}\"");
            report.push(Problem::error(at.spot, message).help(help));
        }
        _ => return scalar::template(at, None, report).map(AccessFormat::Template),
    }
    None
}

fn access(at: &At<String>, report: &mut Report) -> AccessLog {
    match at.value.as_str() {
        "off" => return AccessLog::Off,
        "stdout" => return AccessLog::Stdout,
        // A single word would be a file of that name, which is hardly meant by "stderr" or "on".
        word if !word.contains(['/', '.']) => {
            report.push(Problem::error(at.spot, format!("`access` cannot be \"{word}\"")).help(
                match names::nearest(word, ["stdout", "off"]) {
                    Some(near) => format!("did you mean \"{near}\"? a file of that name is \"./{word}\""),
                    None => format!("write \"stdout\", \"off\" or a path, like \"./{word}\""),
                },
            ));
            return AccessLog::Stdout;
        }
        _ => {}
    }
    let Some(path) = scalar::path("access", at, report) else { return AccessLog::Off };
    if path.is_dir() {
        report.push(Problem::error(at.spot, format!("`{}` is a directory", at.value)));
    } else if path.parent().is_some_and(|parent| !parent.is_dir()) {
        report.push(Problem::warning(at.spot, "the directory of the access log does not exist"));
    }
    AccessLog::File(path)
}
