//! `servers` of an upstream: where they are, and how much each of them is asked.

use super::{no_twins, not_empty, required, scalar};
use crate::config::model::UpstreamServer;
use crate::config::node::{At, Either, List};
use crate::config::raw;
use crate::config::report::{ANY, Problem, Report, Spot};
use crate::net::UpstreamAddr;

/// Weights are proportions, and a policy's memory grows with them.
const MAX_WEIGHT: u32 = 1000;

/// More than there are ports to connect from.
const MAX_CONNS: usize = 100_000;

pub fn servers(name: &str, at: &At<raw::Upstream>, report: &mut Report) -> Vec<At<UpstreamServer>> {
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
    match &at.value {
        Either::A(text) => address(&at.with(text.clone()), report).map(|address| plain(&address)),
        Either::B(written) => member(at.spot, written, report),
    }
}

/// A server of which only the address is said.
pub fn plain(address: &At<UpstreamAddr>) -> At<UpstreamServer> {
    address.with(UpstreamServer::plain(address.value.clone()))
}

fn member(spot: Spot, written: &raw::Member, report: &mut Report) -> Option<At<UpstreamServer>> {
    let help = "write `{ address = \"127.0.0.1:8000\" }`";
    let text = required("address", written.address.as_ref(), spot, "a server", help, report)?;
    let address = address(text, report);
    let weight = scalar::integer("weight", written.weight.as_ref(), 1..=MAX_WEIGHT, 1, report);
    let max_conns = scalar::integer("max_conns", written.max_conns.as_ref(), 0..=MAX_CONNS, 0, report);
    let mut server = plain(&address?);
    server.value.weight = weight;
    server.value.max_conns = max_conns;
    server.value.backup = written.backup.as_ref().is_some_and(|at| at.value);
    server.value.drain = written.drain.as_ref().is_some_and(|at| at.value);
    Some(server)
}

/// Where a server is, its socket's path made absolute.
pub fn address(at: &At<String>, report: &mut Report) -> Option<At<UpstreamAddr>> {
    if let Some(bare) = at.value.strip_prefix("https://") {
        let message =
            format!("`{}` is a URL; write \"{bare}\", and `protocol = \"https\"` beside it", at.value);
        report.push(Problem::error(at.spot, message));
        return None;
    }
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

pub fn warn_of_missing_socket(server: &At<UpstreamAddr>, report: &mut Report) {
    if let Some(path) = server.value.unix_path() {
        scalar::warn_unless_reachable("socket", path, server.spot, report);
    }
}
