//! A Python program of `tests/apps`, with what the virtual environment has.

use std::process::{Child, Command, Stdio};

use super::lines::Lines;
use super::{repository, venv};

/// A running program. It ends with this value.
#[derive(Debug)]
pub struct Script {
    child: Child,
    /// What it prints.
    pub lines: Lines,
    errors: Lines,
}

impl Script {
    /// `path` is below `tests/apps`.
    pub fn start(path: &str, arguments: &[&str]) -> Self {
        let mut command = Command::new(venv::python());
        command.arg(repository("tests/apps").join(path)).args(arguments).env("PYTHONDONTWRITEBYTECODE", "1");
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let lines = Lines::of(child.stdout.take().unwrap());
        let errors = Lines::of(child.stderr.take().unwrap());
        Self { child, lines, errors }
    }

    /// The port that it says it listens on.
    pub fn port(&self) -> u16 {
        let line = self.lines.wait_for("port ");
        line.trim_start_matches("port ").trim().parse().unwrap()
    }

    /// Has it read a line.
    pub fn nudge(&mut self) {
        std::io::Write::write_all(self.child.stdin.as_mut().unwrap(), b"\n").unwrap();
    }

    /// Waits until it has ended, which it has to without an error.
    pub fn succeeds(mut self) {
        self.lines.wait_until_closed();
        let status = self.child.wait().unwrap();
        self.errors.wait_until_closed();
        assert!(status.success(), "{status}:\n{}", self.errors.all().join("\n"));
    }
}

impl Drop for Script {
    fn drop(&mut self) {
        if std::thread::panicking() {
            let said = [self.lines.all(), self.errors.all()].concat();
            eprintln!("--- what the script said ---\n{}", said.join("\n"));
        }
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
