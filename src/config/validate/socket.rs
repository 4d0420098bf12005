//! An element of `listen` or `listen_tls` that is a table: a Unix socket, and who may connect to it.

use super::{listeners, required};
use crate::config::model::Socket;
use crate::config::node::At;
use crate::config::raw;
use crate::config::report::{Problem, Report, Spot};
use crate::net::{ListenAddr, SocketAccess};
use crate::privileges;

/// The address, and for a Unix socket its permissions.
pub fn socket(
    key: &str,
    spot: Spot,
    written: &raw::Listener,
    report: &mut Report,
) -> Option<(At<ListenAddr>, Option<Socket>)> {
    let help = "write `{ address = \"unix:/run/site.sock\", mode = \"0660\" }`";
    let text = required("address", written.address.as_ref(), spot, "a listener", help, report)?;
    let address = listeners::address(key, text, report);
    let mode = written.mode.as_ref().and_then(|at| mode(at, report));
    let user = owner("user", written.user.as_ref(), privileges::user_id, report);
    let group = owner("group", written.group.as_ref(), privileges::group_id, report);
    let address = address?;
    if matches!(address.value, ListenAddr::Unix(_)) {
        let mode = mode.unwrap_or(SocketAccess::EVERYBODY.mode);
        return Some((address, Some(Socket { mode, user, group })));
    }
    for at in [&written.mode, &written.user, &written.group].into_iter().flatten() {
        let message = "only the file of a Unix socket has permissions";
        report.push(Problem::error(at.key, message).help("leave it out, or write `unix:/path`"));
    }
    Some((address, None))
}

fn mode(at: &At<String>, report: &mut Report) -> Option<u32> {
    let digits = at.value.strip_prefix("0o").unwrap_or(&at.value);
    let mode = u32::from_str_radix(digits, 8).ok().filter(|mode| *mode <= 0o777 && digits.len() >= 3);
    if mode.is_none() {
        let message = format!("`{}` is not a mode of a file", at.value);
        report.push(Problem::error(at.spot, message).help("write it in octal, like \"0660\""));
    }
    mode
}

fn owner(
    key: &str,
    written: Option<&At<String>>,
    find: impl Fn(&str) -> Option<u32>,
    report: &mut Report,
) -> Option<(String, u32)> {
    let at = written?;
    let id = find(&at.value);
    if id.is_none() {
        report.push(
            Problem::error(at.spot, format!("this machine knows no {key} `{}`", at.value))
                .help("write one of its names, or a number"),
        );
    }
    Some((at.value.clone(), id?))
}
