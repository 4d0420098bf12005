//! The system calls a running rproxy makes, as strace(1) sees them.

use std::process::{Child, Command, Stdio};

use rustix::process::{Pid, Signal, kill_process};
use tempfile::NamedTempFile;

use super::lines::Lines;
use super::package;

#[derive(Debug)]
pub struct Trace {
    strace: Child,
    messages: Lines,
    output: NamedTempFile,
}

impl Trace {
    /// Follows all threads of a process from now on, and writes down its calls of these names.
    pub fn attach(pid: u32, calls: &str) -> Self {
        package::require("strace", is_there);
        let output = NamedTempFile::new().unwrap();
        let mut strace = Command::new("strace")
            .args(["-f", "-y", "-s", "64", "-e", &format!("trace={calls}"), "-p", &pid.to_string(), "-o"])
            .arg(output.path())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let messages = Lines::of(strace.stderr.take().unwrap());
        let attached = messages.wait_for_line(|line| line.contains("attached"));
        assert!(attached.is_some(), "strace cannot attach: {:?}", messages.all());
        Self { strace, messages, output }
    }

    /// Lets go of the process. One line for each call, descriptors with what they stand for:
    /// `4711 sendfile(9<TCP:[…]>, 10</path>, [0] => [65536], 65536) = 65536`
    pub fn finish(mut self) -> Vec<String> {
        kill_process(Pid::from_child(&self.strace), Signal::INT).unwrap();
        assert!(self.messages.wait_until_closed(), "strace does not end");
        self.strace.wait().unwrap();
        let text = std::fs::read_to_string(self.output.path()).unwrap();
        text.lines().map(str::to_owned).collect()
    }
}

/// How many of `calls` have this name and mention `what`.
pub fn count(calls: &[String], name: &str, what: &str) -> usize {
    let call = format!(" {name}(");
    calls.iter().filter(|line| line.contains(&call) && line.contains(what)).count()
}

impl Drop for Trace {
    fn drop(&mut self) {
        // A tracer that is killed lets go of its process.
        let _ = self.strace.kill();
        let _ = self.strace.wait();
    }
}

fn is_there() -> bool {
    let version = Command::new("strace").arg("--version").stdout(Stdio::null()).status();
    version.is_ok_and(|status| status.success())
}
