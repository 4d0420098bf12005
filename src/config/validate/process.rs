//! `[upstream.NAME.process]`: the command, with the addresses it is to serve filled in.

use super::{not_empty, required};
use crate::config::model::Process;
use crate::config::node::At;
use crate::config::raw;
use crate::config::report::{Problem, Report};
use crate::net::UpstreamAddr;

const HELP: &str = "write the program and its arguments: `command = [\"gunicorn\", \"app:app\"]`";

pub fn process(at: &At<raw::Process>, servers: &[At<UpstreamAddr>], report: &mut Report) -> Option<Process> {
    let command = required("command", at.value.command.as_ref(), at.spot, "the process", HELP, report)?;
    not_empty("command", command, HELP, report);
    let mut words: Vec<String> = command.value.iter().map(|word| fill_in(word, servers, report)).collect();
    if let (Some(program), Some(first)) = (words.first_mut(), command.value.first()) {
        if program.trim().is_empty() {
            report.push(Problem::error(first.spot, "the program is an empty string").help(HELP));
        } else if program.contains(char::is_whitespace) && command.value.len() == 1 {
            report.push(
                Problem::error(first.spot, "the program and its arguments stand in one string")
                    .help(format!("no shell takes it apart: write `command = {}`", apart(program))),
            );
        } else if program.contains('/') {
            *program = report.resolve(first.spot, &*program).to_string_lossy().into_owned();
        }
    }
    let directory = report.resolve(at.spot, ".");
    Some(Process { command: words, directory: directory.components().collect() })
}

fn apart(program: &str) -> String {
    let words: Vec<String> = program.split_whitespace().map(crate::config::node::quoted).collect();
    format!("[{}]", words.join(", "))
}

fn fill_in(word: &At<String>, servers: &[At<UpstreamAddr>], report: &mut Report) -> String {
    let mut text = word.value.clone();
    if text.contains("{socket}") {
        match servers.iter().find_map(|server| server.value.unix_path()) {
            Some(path) => text = text.replace("{socket}", &path.to_string_lossy()),
            None => report.push(
                Problem::error(word.spot, "`{socket}` stands for a Unix socket, but `servers` has none")
                    .help("write `servers = [\"unix:app.sock\"]`, or `{port}` for the port of a TCP server")
                    .absent(),
            ),
        }
    }
    if text.contains("{port}") {
        match servers.iter().find_map(|server| port(&server.value)) {
            Some(port) => text = text.replace("{port}", &port.to_string()),
            None => report.push(
                Problem::error(word.spot, "`{port}` stands for a TCP port, but `servers` has none")
                    .help(
                        "write `servers = [\"127.0.0.1:8000\"]`, or `{socket}` for the path of a Unix socket",
                    )
                    .absent(),
            ),
        }
    }
    text
}

fn port(server: &UpstreamAddr) -> Option<u16> {
    match server {
        UpstreamAddr::Tcp(address) => Some(address.port()),
        UpstreamAddr::Name { port, .. } => Some(*port),
        UpstreamAddr::Unix(_) => None,
    }
}
