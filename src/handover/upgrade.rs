//! The former process's side: starts the new one, gives it the sockets, and waits until it serves.

use std::cell::Cell;
use std::ffi::OsString;
use std::future::pending;
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use rustix::process::{Pid, PidfdFlags, Signal, kill_process, pidfd_open, pidfd_send_signal};
use tokio::process::{Child, Command};
use tokio::task::JoinSet;
use tokio::time::timeout;

use super::channel::{Channel, DESCRIPTORS_MAX, Note};
use super::{MARK, Parcel};

/// The new process has to serve by then, its pools included.
const READY: Duration = Duration::from_secs(60);

/// A new process that is not wanted gets this long to end its pools before it is killed.
const END: Duration = Duration::from_secs(15);

/// At most one upgrade at a time. Dropped, it ends a new process that was not ready yet.
#[derive(Debug, Default)]
pub struct Upgrade(JoinSet<Result<Successor, String>>);

/// The new process, which serves. Dropped before it was told to take over, it is told to end: this process stops
/// instead, and takes the files of its sockets away.
#[derive(Debug)]
pub struct Successor {
    pub pid: u32,
    channel: Channel,
    /// Its number may be another's by now.
    process: OwnedFd,
    takes_over: Cell<bool>,
}

impl Upgrade {
    /// Starts the program anew with the arguments of this process, in a task of the running event loop. A second
    /// call while the first upgrade is under way is logged and changes nothing.
    pub fn begin(&mut self, parcels: io::Result<Vec<Parcel>>) {
        if !self.0.is_empty() {
            tracing::warn!(
                "a new process is being started already: this upgrade goes on, and no second one begins"
            );
            return;
        }
        match parcels.map_err(|error| format!("the sockets cannot be duplicated: {error}")).and_then(start) {
            Ok(launch) => _ = self.0.spawn(launch.finish()),
            Err(reason) => tell(&reason),
        }
    }

    /// Whether a new process is on its way.
    pub fn is_under_way(&self) -> bool {
        !self.0.is_empty()
    }

    /// Ready when a new process serves. When it does not come to that, the log says why and the wait goes on.
    /// Can be dropped and called again.
    pub async fn done(&mut self) -> Successor {
        loop {
            match self.0.join_next().await {
                Some(Ok(Ok(successor))) => return successor,
                Some(Ok(Err(reason))) => tell(&reason),
                Some(Err(error)) => tell(&error.to_string()),
                None => pending().await,
            }
        }
    }
}

impl Successor {
    /// Tells it that signals, orders and the service manager are its own from now on. It may be gone again:
    /// then the log says so, and this process has to go on.
    pub async fn takes_over(&self) -> bool {
        let told = self.channel.send(&Note::Yours, &[]).await;
        if let Err(error) = &told {
            tell(&format!("the new process is gone again: {error}"));
        }
        self.takes_over.set(told.is_ok());
        told.is_ok()
    }
}

impl Drop for Successor {
    fn drop(&mut self) {
        if !self.takes_over.get() {
            // It may have ended by itself.
            let _ = pidfd_send_signal(&self.process, Signal::TERM);
        }
    }
}

fn tell(reason: &str) {
    tracing::error!("the upgrade has failed, and this process goes on serving: {reason}");
}

/// A new process on its way.
struct Launch {
    child: Started,
    channel: Channel,
    parcels: Vec<Parcel>,
    program: OsString,
}

fn start(parcels: Vec<Parcel>) -> Result<Launch, String> {
    if std::process::id() == 1 {
        return Err("this is process 1, whose end would end the whole container: replace the container, or \
                    run rproxy below an init that outlives it"
            .into());
    }
    let mut arguments = std::env::args_os();
    let program = arguments.next().ok_or("this process does not know what it was started as")?;
    let (channel, theirs) = Channel::pair().map_err(|error| format!("no pair of sockets: {error}"))?;
    let mut command = Command::new(&program);
    command.args(arguments).stdin(Stdio::from(theirs));
    // The service manager's watchdog names the process that it is for.
    command.env(MARK, "1").env_remove("WATCHDOG_PID");
    let child = command
        .spawn()
        .map_err(|error| format!("{} cannot be started: {error}; put the binary there", program.display()))?;
    tracing::info!(pid = child.id(), "handing over: {} is started anew", program.display());
    Ok(Launch { child: Started(Some(child)), channel, parcels, program })
}

impl Launch {
    async fn finish(mut self) -> Result<Successor, String> {
        let outcome = timeout(READY, async {
            tokio::select! {
                biased;
                status = self.child.wait() => Err(ended(status)),
                served = serves(&self.channel, &self.parcels) => served,
            }
        });
        match outcome.await.unwrap_or_else(|_| Err(format!("the new process was not ready after {READY:?}")))
        {
            Ok(()) => self.release(),
            Err(reason) => {
                self.child.end().await;
                Err(format!("{reason}; what {} has said is in the log above", self.program.display()))
            }
        }
    }

    fn release(mut self) -> Result<Successor, String> {
        let child = self.child.0.take().and_then(|child| Some((child.id()?, child)));
        let (id, mut child) = child.ok_or("the new process has ended again")?;
        let process = handle(id).map_err(|error| format!("the new process cannot be kept sight of: {error}"));
        // The service manager does not see its end for as long as we live.
        tokio::spawn(async move {
            let status = ended(child.wait().await);
            tracing::error!("{status}, although it had said that it serves: start rproxy again");
        });
        Ok(Successor { pid: id, channel: self.channel, process: process?, takes_over: Cell::new(false) })
    }
}

/// Of a child that nobody has waited for yet: the number is its own.
fn handle(id: u32) -> io::Result<OwnedFd> {
    let pid = i32::try_from(id).ok().and_then(Pid::from_raw).ok_or(io::ErrorKind::InvalidInput)?;
    Ok(pidfd_open(pid, PidfdFlags::empty())?)
}

/// The new process as our child. Dropped, it is told to end, and ends its pools.
struct Started(Option<Child>);

impl Started {
    async fn wait(&mut self) -> io::Result<ExitStatus> {
        match &mut self.0 {
            Some(child) => child.wait().await,
            None => pending().await,
        }
    }

    async fn end(mut self) {
        self.tell_to_end();
        if timeout(END, self.wait()).await.is_err()
            && let Some(child) = &mut self.0
        {
            let _ = child.kill().await;
        }
    }

    fn tell_to_end(&self) {
        let id = self.0.as_ref().and_then(Child::id);
        if let Some(pid) = id.and_then(|id| Pid::from_raw(i32::try_from(id).ok()?)) {
            let _ = kill_process(pid, Signal::TERM);
        }
    }
}

impl Drop for Started {
    fn drop(&mut self) {
        self.tell_to_end();
    }
}

/// Returns when the new process serves, or says what it should not. That it has ended is told by its status.
async fn serves(channel: &Channel, parcels: &[Parcel]) -> Result<(), String> {
    match hand_over(channel, parcels).await {
        Err(error) if GONE.contains(&error.kind()) => pending().await,
        handed => handed.map_err(|error| format!("the new process cannot be spoken to: {error}")),
    }
}

const GONE: [io::ErrorKind; 3] =
    [io::ErrorKind::BrokenPipe, io::ErrorKind::ConnectionReset, io::ErrorKind::UnexpectedEof];

/// Gives all of it to the new process, and waits for its word.
pub(super) async fn hand_over(channel: &Channel, parcels: &[Parcel]) -> io::Result<()> {
    for Parcel { purpose, sockets } in parcels {
        for some in sockets.chunks(DESCRIPTORS_MAX) {
            let descriptors: Vec<_> = some.iter().map(AsFd::as_fd).collect();
            channel.send(&Note::Sockets(purpose.clone()), &descriptors).await?;
        }
    }
    channel.send(&Note::All, &[]).await?;
    match channel.receive().await? {
        Some((Note::Ready, _)) => Ok(()),
        Some((note, _)) => Err(io::Error::other(format!("it says {note:?}, which is not due"))),
        None => Err(io::ErrorKind::UnexpectedEof.into()),
    }
}

fn ended(status: io::Result<ExitStatus>) -> String {
    match status {
        Ok(status) => format!("the new process has ended ({status})"),
        Err(error) => format!("the new process was lost sight of: {error}"),
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::process::ExitStatusExt;

    use super::*;

    #[tokio::test]
    async fn a_new_process_ends_that_is_not_told_to_take_over() {
        let end_of = async |is_told: bool| {
            let (channel, theirs) = Channel::pair().unwrap();
            let _theirs = Channel::of(theirs).unwrap();
            let mut child = Command::new("sleep").arg("1000").kill_on_drop(true).spawn().unwrap();
            let pid = child.id().unwrap();
            let process = handle(pid).unwrap();
            let successor = Successor { pid, channel, process, takes_over: Cell::new(false) };
            if is_told {
                assert!(successor.takes_over().await);
            }
            drop(successor);
            if is_told {
                child.kill().await.unwrap();
            }
            child.wait().await.unwrap().signal()
        };
        assert_eq!(end_of(false).await, Some(Signal::TERM.as_raw()));
        assert_eq!(end_of(true).await, Some(Signal::KILL.as_raw()));
    }
}
