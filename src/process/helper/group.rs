//! One start of a pool: its master, and the process group that everything it forks belongs to.

use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::net::UnixStream;
use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use rustix::process::{
    Pid, Signal, WaitOptions, getpid, kill_process_group, test_kill_process_group, waitpgid,
};
use tokio::process::{Child, Command};
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};

use super::orphans::Awaited;
use super::output::{self, Tail};
use super::reporter::Reporter;
use crate::process::launch::{Launch, hand_over};
use crate::process::{ProcessSpec, executable, ourselves};

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
    tail: Tail,
    _awaited: Awaited,
}

impl Group {
    /// Starts what `spec` says, with `sockets` at descriptor 3 and above.
    ///
    /// # Errors
    /// Why it could not be started, in words for the operator.
    pub(super) async fn spawn(
        spec: &ProcessSpec,
        sockets: &[OwnedFd],
        reporter: &Reporter,
    ) -> io::Result<Self> {
        let (channel, theirs) = UnixStream::pair()?;
        let mut master = Command::from(ourselves(&executable(), "launch"))
            .process_group(0)
            .stdin(Stdio::from(OwnedFd::from(theirs)))
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true)
            .spawn()?;
        let id = master.id().and_then(|id| Pid::from_raw(i32::try_from(id).ok()?));
        let id = id.ok_or_else(|| io::Error::other("the process has no id"))?;
        let awaited = Awaited::new(id);
        let (mut output, tail) = (JoinSet::new(), Tail::default());
        if let Some(stdout) = master.stdout.take() {
            output.spawn(output::forward(spec.name.clone(), stdout, reporter.clone(), tail.clone()));
        }
        if let Some(stderr) = master.stderr.take() {
            output.spawn(output::forward(spec.name.clone(), stderr, reporter.clone(), tail.clone()));
        }
        let launch = Launch {
            command: spec.command.clone(),
            directory: spec.directory.clone(),
            environment: spec.environment.clone(),
            account: spec.account.clone(),
            umask: spec.umask,
            sockets: sockets.len(),
            activation: spec.socket_activation.then(|| spec.name.clone()),
            helper: getpid().as_raw_pid(),
        };
        let sockets: Vec<_> = sockets.iter().map(AsFd::as_fd).collect();
        hand_over(channel, &launch, &sockets).await?;
        Ok(Self { master, id, output, tail, _awaited: awaited })
    }

    pub(super) fn id(&self) -> i32 {
        self.id.as_raw_pid()
    }

    /// What it printed last.
    pub(super) fn last_lines(&self) -> Vec<String> {
        self.tail.lines()
    }

    /// Waits for the master's end. Can be dropped and called again.
    pub(super) async fn wait(&mut self) -> io::Result<ExitStatus> {
        self.master.wait().await
    }

    /// Asks the whole group to end, and kills what has not when `patience` is over.
    pub(super) async fn stop(&mut self, patience: impl Future<Output = ()>) -> End {
        self.signal(Signal::TERM);
        let orderly = tokio::select! {
            () = self.end() => true,
            () = patience => false,
        };
        if !orderly {
            self.kill().await;
        }
        self.drain_output().await;
        if orderly { End::Orderly } else { End::Killed }
    }

    /// Ends what a dead master left behind, so that it cannot hold the socket against the next one.
    pub(super) async fn sweep(&mut self) {
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
        until_empty(self.id).await;
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

/// Ends a group that is no child of ours.
pub(super) async fn sweep(group: i32) {
    let Some(id) = Pid::from_raw(group) else { return };
    for (signal, grace) in [(Signal::TERM, STRAY_GRACE), (Signal::KILL, KILL_GRACE)] {
        let _ = kill_process_group(id, signal);
        if timeout(grace, until_empty(id)).await.is_ok() {
            return;
        }
    }
}

/// The kernel tells us nothing of the end of processes that are not our children: ask again.
async fn until_empty(id: Pid) {
    while test_kill_process_group(id).is_ok() {
        // Orphans of ours become our children, and unreaped ones would count as alive.
        while let Ok(Some(_)) = waitpgid(id, WaitOptions::NOHANG) {}
        sleep(Duration::from_millis(10)).await;
    }
}
