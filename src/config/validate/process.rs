//! `[upstream.NAME.process]`: what to run, as whom, and how long it may take.

use std::collections::BTreeMap;
use std::ops::RangeInclusive;
use std::path::PathBuf;
use std::time::Duration;

use super::scalar::{self, SHORTEST};
use super::{account, not_empty, required};
use crate::config::model::Process;
use crate::config::node::{At, List, Map, quoted};
use crate::config::raw;
use crate::config::report::{Problem, Report};
use crate::net::UpstreamAddr;

const HELP: &str = "write the program and its arguments: `command = [\"gunicorn\", \"app:app\"]`";

const START_TIMEOUT: Duration = Duration::from_mins(1);
const STOP_TIMEOUT: Duration = Duration::from_secs(30);
const TIMEOUTS: RangeInclusive<Duration> = SHORTEST..=Duration::from_hours(1);

/// A generation that takes over gets the socket's path with a point and up to two digits behind it, and
/// `sun_path` of `sockaddr_un(7)` holds 107 bytes.
const LONGEST_SOCKET: usize = 104;

pub fn process(at: &At<raw::Process>, servers: &[At<UpstreamAddr>], report: &mut Report) -> Option<Process> {
    let raw = &at.value;
    for server in servers {
        refuse_long_path(server, report);
    }
    let environment = environment(raw.environment.as_ref(), servers, report);
    let account = account::account(raw.user.as_ref(), raw.group.as_ref(), report);
    let umask = raw.umask.as_ref().and_then(|at| mask(at, report));
    let directory = directory(at, report);
    let mut duration =
        |key, at: &Option<_>, default| scalar::duration(key, at.as_ref(), TIMEOUTS, default, report);
    let start_timeout = duration("start_timeout", &raw.start_timeout, START_TIMEOUT);
    let stop_timeout = duration("stop_timeout", &raw.stop_timeout, STOP_TIMEOUT);
    Some(Process {
        command: command(at, servers, report)?,
        directory,
        environment,
        account,
        umask,
        socket_activation: raw.socket_activation.as_ref().is_some_and(|at| at.value),
        start_timeout,
        stop_timeout,
    })
}

fn command(at: &At<raw::Process>, servers: &[At<UpstreamAddr>], report: &mut Report) -> Option<Vec<String>> {
    let command = required("command", at.value.command.as_ref(), at.spot, "the process", HELP, report)?;
    command.value.iter().for_each(|word| check_placeholders(word, servers, report));
    Some(words("command", command, HELP, report))
}

/// A program, looked for beside the file if it has a path, and its arguments.
pub fn words(key: &str, command: &At<List<String>>, help: &str, report: &mut Report) -> Vec<String> {
    not_empty(key, command, help, report);
    let mut words: Vec<String> = command.value.iter().map(|word| word.value.clone()).collect();
    if let (Some(program), Some(first)) = (words.first_mut(), command.value.first()) {
        if program.trim().is_empty() {
            report.push(Problem::error(first.spot, "the program is an empty string").help(help));
        } else if program.contains(char::is_whitespace) && command.value.len() == 1 {
            report.push(
                Problem::error(first.spot, "the program and its arguments stand in one string")
                    .help(format!("no shell takes it apart: write `{key} = {}`", apart(program))),
            );
        } else if program.contains('/') {
            *program = report.resolve(first.spot, &*program).to_string_lossy().into_owned();
        }
    }
    words
}

fn apart(program: &str) -> String {
    let words: Vec<String> = program.split_whitespace().map(quoted).collect();
    format!("[{}]", words.join(", "))
}

/// What stands for an address needs one to stand for.
fn check_placeholders(word: &At<String>, servers: &[At<UpstreamAddr>], report: &mut Report) {
    if word.value.contains("{socket}") && !servers.iter().any(|server| is_unix(&server.value)) {
        report.push(
            Problem::error(word.spot, "`{socket}` stands for a Unix socket, but `servers` has none")
                .help("write `servers = [\"unix:app.sock\"]`, or `{port}` for the port of a TCP server")
                .absent(),
        );
    }
    if word.value.contains("{port}") && servers.iter().all(|server| is_unix(&server.value)) {
        report.push(
            Problem::error(word.spot, "`{port}` stands for a TCP port, but `servers` has none")
                .help("write `servers = [\"127.0.0.1:8000\"]`, or `{socket}` for the path of a Unix socket")
                .absent(),
        );
    }
}

fn is_unix(server: &UpstreamAddr) -> bool {
    server.unix_path().is_some()
}

fn refuse_long_path(server: &At<UpstreamAddr>, report: &mut Report) {
    let length = server.value.unix_path().map_or(0, |path| path.as_os_str().len());
    if length > LONGEST_SOCKET {
        let message = format!("the socket's path has {length} bytes, but {LONGEST_SOCKET} is the most here");
        let help = "the kernel takes 107, and the next generation of the process gets a number behind it";
        report.push(Problem::error(server.spot, message).help(help));
    }
}

fn directory(at: &At<raw::Process>, report: &mut Report) -> PathBuf {
    let written = at.value.directory.as_ref();
    let found = written.and_then(|at| Some((at, scalar::path("directory", at, report)?)));
    if let Some((at, path)) = &found {
        scalar::warn_unless_reachable("directory", path, at.spot, report);
    }
    let directory = found.map_or_else(|| report.resolve(at.spot, "."), |(_, path)| path);
    directory.components().collect()
}

fn environment(
    written: Option<&At<Map<String>>>,
    servers: &[At<UpstreamAddr>],
    report: &mut Report,
) -> BTreeMap<String, String> {
    let mut environment = BTreeMap::new();
    for (name, at) in written.iter().flat_map(|map| &map.value) {
        if name.is_empty() || name.contains(['=', '\0']) {
            report.push(Problem::error(at.key, format!("`{name}` cannot be a variable's name")));
        }
        if at.value.contains('\0') {
            report.push(Problem::error(at.spot, "a variable cannot hold a NUL"));
        }
        check_placeholders(at, servers, report);
        environment.insert(name.clone(), at.value.clone());
    }
    environment
}

fn mask(at: &At<raw::Mask>, report: &mut Report) -> Option<u32> {
    let text = &at.value.0;
    let is_octal = !text.is_empty() && text.bytes().all(|digit| (b'0'..=b'7').contains(&digit));
    let mask = u32::from_str_radix(text, 8).ok().filter(|mask| is_octal && *mask <= 0o777);
    if mask.is_none() {
        report.push(
            Problem::error(at.spot, format!("`{text}` is not a umask"))
                .help("write the permissions that new files are not to have, in octal: \"027\""),
        );
    }
    mask
}
