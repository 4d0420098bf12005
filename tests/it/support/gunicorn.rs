//! Real gunicorn with a real application behind it.

use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, Command, Stdio};

use rustix::process::{Pid, Signal, kill_process, kill_process_group};
use tempfile::TempDir;

use super::lines::Lines;
use super::stream::Transport;
use super::venv;

#[derive(Debug)]
pub struct Gunicorn {
    child: Child,
    command: Command,
    workers: usize,
    address: String,
    pub log: Lines,
    _dir: TempDir,
}

#[derive(Debug)]
pub struct Builder {
    command: Command,
    bind: String,
    workers: usize,
    dir: TempDir,
}

impl Gunicorn {
    /// Serves `application` (`module:callable`), found in `directory`, by workers of `class`.
    pub fn serving(application: &str, directory: &Path, class: &str, transport: Transport) -> Builder {
        let dir = tempfile::Builder::new().prefix("gunicorn-").tempdir().unwrap();
        let bind = match transport {
            Transport::Tcp => "127.0.0.1:0".to_owned(),
            Transport::Unix => format!("unix:{}", dir.path().join("app.sock").display()),
        };
        let mut command = Command::new(venv::python());
        command
            .args([
                "-m",
                "gunicorn",
                application,
                "--no-control-socket",
                "--worker-class",
                class,
                "--bind",
                &bind,
            ])
            .arg("--chdir")
            .arg(directory)
            .env_remove("GUNICORN_CMD_ARGS")
            .env_remove("FORWARDED_ALLOW_IPS")
            .env("PYTHONDONTWRITEBYTECODE", "1");
        Builder { command, bind, workers: 1, dir }
    }

    /// As written in `servers`.
    pub fn address(&self) -> &str {
        &self.address
    }

    /// Stops it in an orderly way and starts it again, as an operator does. Its address stays the same
    /// on a Unix socket only.
    pub fn restart(&mut self) {
        kill_process(Pid::from_child(&self.child), Signal::TERM).unwrap();
        assert!(self.child.wait().unwrap().success());
        (self.child, self.log) = launch(&mut self.command);
        self.log.wait_for_nth("Booting worker", self.workers);
    }

    /// As the kernel does when memory runs out: one of the workers, without a word.
    pub fn kill_a_worker(&self) {
        let master = self.child.id();
        let children = std::fs::read_to_string(format!("/proc/{master}/task/{master}/children")).unwrap();
        let oldest = children.split_whitespace().next().expect("a worker").parse().unwrap();
        // It may have ended by itself meanwhile.
        let _ = kill_process(Pid::from_raw(oldest).unwrap(), Signal::KILL);
    }
}

fn launch(command: &mut Command) -> (Child, Lines) {
    let mut child = command.spawn().unwrap();
    let log = Lines::of(child.stderr.take().unwrap());
    (child, log)
}

impl Builder {
    #[must_use]
    pub fn workers(mut self, workers: usize) -> Self {
        self.workers = workers;
        self
    }

    #[must_use]
    pub fn arg(mut self, argument: &str) -> Self {
        self.command.arg(argument);
        self
    }

    #[must_use]
    pub fn env(mut self, name: &str, value: impl AsRef<std::ffi::OsStr>) -> Self {
        self.command.env(name, value);
        self
    }

    /// Starts and waits until the workers are there.
    pub fn start(mut self) -> Gunicorn {
        self.command.args(["--workers", &self.workers.to_string()]);
        // A group of its own: its workers are not our children, but can be ended by it.
        self.command.process_group(0).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped());
        let (child, log) = launch(&mut self.command);
        let Self { command, bind, workers, dir } = self;
        let mut gunicorn = Gunicorn { child, command, workers, address: bind, log, _dir: dir };
        let listening = gunicorn.log.wait_for("Listening at: ");
        gunicorn.log.wait_for_nth("Booting worker", workers);
        if !gunicorn.address.starts_with("unix:") {
            // `[…] Listening at: http://127.0.0.1:41231 (4711)`
            let url = listening.split_once("http://").expect("an address in gunicorn's log").1;
            url.split(' ').next().unwrap().clone_into(&mut gunicorn.address);
        }
        gunicorn
    }
}

impl Drop for Gunicorn {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("--- log of gunicorn ---\n{}", self.log.all().join("\n"));
        }
        let _ = kill_process_group(Pid::from_child(&self.child), Signal::KILL);
        let _ = self.child.wait();
    }
}
