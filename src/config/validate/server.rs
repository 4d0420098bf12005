//! `[server]`.

use std::net::IpAddr;
use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::time::Duration;

use ipnet::IpNet;

use super::account;
use super::listeners;
use super::scalar::{self, DAY};
use crate::config::model::{Server, Spool, TlsProcess};
use crate::config::node::{At, Either};
use crate::config::raw;
use crate::config::report::{Problem, Report};
use crate::http::TrustedProxies;
use crate::net::ListenAddr;

const SPOOL_SIZE: u64 = 1 << 30;

/// Below this nothing useful would fit.
const LEAST_SPOOL: u64 = 1 << 20;

const SHUTDOWN_GRACE: Duration = Duration::from_secs(30);
/// As long as a tunnel may be silent.
const UPGRADE_GRACE: Duration = Duration::from_hours(1);
const WEEK: Duration = Duration::from_hours(7 * 24);

/// More threads than this are a slip of the finger.
const MAX_WORKERS: i64 = 1024;

/// More than any machine has descriptors for.
const MAX_CONNECTIONS: i64 = 100_000_000;

pub fn server(
    written: Option<&At<raw::Server>>,
    admin: Option<&At<ListenAddr>>,
    report: &mut Report,
) -> Server {
    let raw = written.map(|at| &at.value);
    let grace = raw.and_then(|raw| raw.shutdown_grace.as_ref());
    Server {
        workers: raw
            .and_then(|raw| raw.workers.as_ref())
            .and_then(|at| count("workers", at, MAX_WORKERS, "one for each core", report)),
        max_connections: raw
            .and_then(|raw| raw.max_connections.as_ref())
            .and_then(|at| max_connections(at, report)),
        shutdown_grace: scalar::duration(
            "shutdown_grace",
            grace,
            Duration::ZERO..=DAY,
            SHUTDOWN_GRACE,
            report,
        ),
        upgrade_grace: scalar::duration(
            "upgrade_grace",
            raw.and_then(|raw| raw.upgrade_grace.as_ref()),
            Duration::ZERO..=WEEK,
            UPGRADE_GRACE,
            report,
        ),
        trusted_proxies: raw
            .and_then(|raw| raw.trusted_proxies.as_ref())
            .map(|list| trusted(&list.value, report))
            .unwrap_or_default(),
        admin: admin.map(|at| at.value.clone()),
        account: account::account(
            raw.and_then(|raw| raw.user.as_ref()),
            raw.and_then(|raw| raw.group.as_ref()),
            report,
        ),
        spool: spool(raw.and_then(|raw| raw.spool.as_ref()), report),
        tls: tls(raw, report),
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

fn tls(raw: Option<&raw::Server>, report: &mut Report) -> TlsProcess {
    let state = raw.and_then(|raw| raw.state.as_ref()).and_then(|at| state(at, report));
    let key_log = raw.and_then(|raw| raw.tls_key_log.as_ref()).and_then(|at| key_log(at, report));
    TlsProcess { state: state.unwrap_or_else(default_state), key_log }
}

/// It is made where it is not there.
fn state(at: &At<String>, report: &mut Report) -> Option<PathBuf> {
    let path = scalar::path("state", at, report)?;
    if path.is_file() {
        report.push(Problem::error(at.spot, format!("`{}` is a file, not a directory", at.value)));
    }
    Some(path)
}

/// systemd's `StateDirectory=`, of which there may be several (systemd.exec(5)).
fn default_state() -> PathBuf {
    let given = std::env::var_os("STATE_DIRECTORY");
    let first = given.iter().flat_map(std::env::split_paths).find(|path| path.is_absolute());
    first.unwrap_or_else(|| PathBuf::from("/var/lib/rproxy"))
}

fn key_log(at: &At<String>, report: &mut Report) -> Option<PathBuf> {
    let path = scalar::path("tls_key_log", at, report)?;
    if path.is_dir() {
        report.push(Problem::error(at.spot, format!("`{}` is a directory", at.value)));
    } else if path.parent().is_some_and(|parent| !parent.is_dir()) {
        report.push(Problem::warning(at.spot, "the directory of the TLS key log does not exist"));
    }
    let message = format!("whoever reads `{}` can read all traffic of TLS listeners", at.value);
    let help = "it is for looking at the wire; leave `tls_key_log` out otherwise, and remove the file";
    report.push(Problem::warning(at.key, message).help(help));
    Some(path)
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

/// A number, or what rproxy takes of itself.
fn count(key: &str, at: &At<raw::Count>, most: i64, auto: &str, report: &mut Report) -> Option<NonZeroUsize> {
    let problem = match &at.value.0 {
        Either::B(word) if word == "auto" => return None,
        Either::B(word) => Problem::error(at.spot, format!("`{key}` cannot be \"{word}\""))
            .help("write `\"auto\"`, or a number without quotes"),
        Either::A(number) if (1..=most).contains(number) => {
            return usize::try_from(*number).ok().and_then(NonZeroUsize::new);
        }
        Either::A(_) => Problem::error(at.spot, format!("`{key}` is out of range: it goes from 1 to {most}"))
            .help(format!("\"auto\" is {auto}")),
    };
    report.push(problem);
    None
}

fn max_connections(at: &At<raw::Count>, report: &mut Report) -> Option<NonZeroUsize> {
    let auto = "what the limit of open files allows";
    let wanted = count("max_connections", at, MAX_CONNECTIONS, auto, report)?;
    let files = rustix::process::getrlimit(rustix::process::Resource::Nofile).maximum;
    if files.is_some_and(|files| wanted.get() as u64 * 2 > files) {
        let files = files.unwrap_or_default();
        let message = format!("there may be {files} open files, and each proxied request takes two of them");
        let help = "raise that limit (ulimit -Hn, LimitNOFILE=), or take half of it at most";
        report.push(Problem::warning(at.spot, message).help(help));
    }
    Some(wanted)
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
