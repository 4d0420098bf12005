//! A real browser without a window. It needs no driver: its pages report by themselves, with `fetch`.

use std::os::unix::process::CommandExt;
use std::process::{Child, Command, Stdio};

use rustix::process::{Pid, Signal, kill_process_group};
use tempfile::TempDir;

use super::lines::Lines;
use super::package;

#[derive(Debug)]
pub struct Chromium {
    child: Child,
    log: Lines,
    _profile: TempDir,
}

/// It speaks to nobody but the page's own server.
const ARGUMENTS: &[&str] = &[
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    // Containers have little of it, and a browser that finds it full crashes.
    "--disable-dev-shm-usage",
];

impl Chromium {
    /// Opens a page, with a profile that nobody has used.
    pub fn open(url: &str) -> Self {
        Self::open_with(url, &[])
    }

    /// The same with further arguments.
    pub fn open_with(url: &str, further: &[&str]) -> Self {
        package::require("chromium", is_there);
        let profile = tempfile::Builder::new().prefix("chromium-").tempdir().unwrap();
        let mut command = Command::new("chromium");
        command
            .args(ARGUMENTS)
            .args(further)
            .arg(format!("--user-data-dir={}", profile.path().display()))
            .arg(url);
        // What it writes besides goes with the profile.
        command
            .env("HOME", profile.path())
            .env("TMPDIR", profile.path())
            .env_remove("XDG_CONFIG_HOME")
            .env_remove("XDG_CACHE_HOME");
        command.process_group(0).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let log = Lines::of(child.stderr.take().unwrap());
        Self { child, log, _profile: profile }
    }
}

impl Drop for Chromium {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("--- log of chromium ---\n{}", self.log.all().join("\n"));
        }
        let _ = kill_process_group(Pid::from_child(&self.child), Signal::KILL);
        let _ = self.child.wait();
        // Its other processes hold the pipe until they are gone, and write to the profile as long.
        self.log.wait_until_closed();
    }
}

fn is_there() -> bool {
    let version =
        Command::new("chromium").arg("--version").stdout(Stdio::null()).stderr(Stdio::null()).status();
    version.is_ok_and(|status| status.success())
}
