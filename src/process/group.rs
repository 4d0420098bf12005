//! One start of a pool: its master, and the process group that everything it forks belongs to.

use std::io;
use std::path::{Path, PathBuf};
use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use rustix::process::{Pid, Signal, WaitOptions, kill_process_group, test_kill_process_group, waitpgid};
use tokio::process::{Child, Command};
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};

use super::{ProcessSpec, output};
use crate::handover::PRIVATE_VARIABLES;

/// Strays of a master that died on its own get this long to end before they are killed.
const STRAY_GRACE: Duration = Duration::from_secs(2);
/// After SIGKILL only a process stuck in the kernel is still there; it is not worth more waiting.
const KILL_GRACE: Duration = Duration::from_secs(1);
/// A process that left the group may hold the pipes open for ever.
const OUTPUT_GRACE: Duration = Duration::from_millis(200);

#[derive(Debug)]
pub(super) struct Group {
    master: Child,
    id: Pid,
    output: JoinSet<()>,
}

impl Group {
    pub(super) fn spawn(spec: &ProcessSpec) -> io::Result<Self> {
        let (program, arguments) = spec.command.split_first().ok_or(io::ErrorKind::InvalidInput)?;
        let mut command = Command::new(program_path(program, &spec.directory));
        for name in PRIVATE_VARIABLES {
            command.env_remove(name);
        }
        let mut master = command
            .args(arguments)
            .current_dir(&spec.directory)
            // Python buffers a pipe by the block: what an app prints would show minutes late.
            .env("PYTHONUNBUFFERED", "1")
            .process_group(0)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true)
            .spawn()?;
        let id = master.id().and_then(|id| Pid::from_raw(i32::try_from(id).ok()?));
        let id = id.ok_or_else(|| io::Error::other("the process has no id"))?;
        let mut output = JoinSet::new();
        if let Some(stdout) = master.stdout.take() {
            output.spawn(output::forward(spec.name.clone(), stdout));
        }
        if let Some(stderr) = master.stderr.take() {
            output.spawn(output::forward(spec.name.clone(), stderr));
        }
        Ok(Self { master, id, output })
    }

    pub(super) fn id(&self) -> i32 {
        self.id.as_raw_nonzero().get()
    }

    /// Waits for the master's end. Can be dropped and called again.
    pub(super) async fn wait(&mut self) -> io::Result<ExitStatus> {
        self.master.wait().await
    }

    /// Asks the whole group to end, and kills what has not after `grace`.
    pub(super) async fn stop(mut self, grace: Duration) -> End {
        self.signal(Signal::TERM);
        let orderly = timeout(grace, self.end()).await.is_ok();
        if !orderly {
            self.kill().await;
        }
        self.drain_output().await;
        if orderly { End::Orderly } else { End::Killed }
    }

    /// Ends what a dead master left behind, so that it cannot hold the socket against the next one.
    pub(super) async fn sweep(mut self) {
        self.signal(Signal::TERM);
        if timeout(STRAY_GRACE, self.end()).await.is_err() {
            self.kill().await;
        }
        self.drain_output().await;
    }

    async fn kill(&mut self) {
        self.signal(Signal::KILL);
        let _ = timeout(KILL_GRACE, self.end()).await;
    }

    /// Returns when no process of the group is left.
    async fn end(&mut self) {
        let _ = self.master.wait().await;
        // The workers are not our children, so the kernel tells us nothing of their end: ask again.
        while test_kill_process_group(self.id).is_ok() {
            // As PID 1 of a container we inherit orphans, and unreaped ones would count as alive.
            while let Ok(Some(_)) = waitpgid(self.id, WaitOptions::NOHANG) {}
            sleep(Duration::from_millis(10)).await;
        }
    }

    /// A group that is already empty is what the signal was for.
    fn signal(&self, signal: Signal) {
        let _ = kill_process_group(self.id, signal);
    }

    /// Lets the last lines into the log before its end is told there.
    async fn drain_output(&mut self) {
        let _ = timeout(OUTPUT_GRACE, async { while self.output.join_next().await.is_some() {} }).await;
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum End {
    Orderly,
    Killed,
}

/// `exec` would take a relative path from our own directory or the child's, depending on the platform.
fn program_path(program: &str, directory: &Path) -> PathBuf {
    if program.contains('/') { directory.join(program) } else { PathBuf::from(program) }
}
