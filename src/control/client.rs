//! The command line's side: finds the server of a configuration file and waits for the outcome.

use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use rustix::net::{AddressFamily, SocketAddrUnix, SocketFlags, SocketType, connect, socket_with};
use tokio::net::UnixStream;

use super::peer::{self, Peer};
use super::wire::{self, Lines, MESSAGE_MAX, Message};
use super::{Command, Outcome, name};

/// The server says every five seconds that it is still at it.
const SILENCE: Duration = Duration::from_secs(30);

/// Why nothing is known of an outcome.
#[derive(Debug, thiserror::Error)]
pub enum NoOutcome {
    #[error(
        "no rproxy runs with {}\n  \
         it is found by the path it was started with: `pgrep -a rproxy` shows those that run",
        .0.display()
    )]
    NotRunning(PathBuf),
    /// The server's own words.
    #[error("{0}")]
    Denied(String),
    #[error("the server (process {pid}) has not said a word for {SILENCE:?}; its log may say why")]
    Silent { pid: i32 },
    #[error("the server ended meanwhile; its log may say why")]
    Ended,
    #[error("no order can be given: {0}")]
    Failed(#[from] io::Error),
}

/// Gives the order and waits until it is done, however long the server is at it. What it tells meanwhile goes to
/// `progress`, line by line. Needs a runtime with time and I/O.
///
/// # Errors
/// When no server took the order, or it was lost sight of.
pub async fn ask(
    config: &Path,
    command: &Command,
    mut progress: impl FnMut(&str),
) -> Result<Outcome, NoOutcome> {
    let (mut stream, peer) = find(config)?;
    let pid = peer.pid.unwrap_or_default();
    if !peer::is_trusted(peer) {
        progress(&format!("note: process {pid} of user {} answers", peer.uid));
    }
    // Who denies an order closes before it was read: what it says counts, not the failed write.
    let sent = wire::send(&mut stream, command, SILENCE).await;
    let mut messages = Lines::new(stream, MESSAGE_MAX);
    loop {
        match messages.next(SILENCE).await {
            Ok(Some(Message::Working)) => {}
            Ok(Some(Message::Progress(line))) => progress(&line),
            Ok(Some(Message::Outcome(outcome))) => return Ok(outcome),
            Ok(Some(Message::Denied(reason))) => return Err(NoOutcome::Denied(reason)),
            Ok(None) => {
                sent?;
                return Err(NoOutcome::Ended);
            }
            Err(error) => return Err(lost(error, pid)),
        }
    }
}

fn find(config: &Path) -> Result<(UnixStream, Peer), NoOutcome> {
    for name in name::names(config)? {
        let stream = match connect_to(&name) {
            Ok(stream) => stream,
            Err(error) if error.kind() == io::ErrorKind::ConnectionRefused => continue,
            Err(error) => return Err(error.into()),
        };
        let peer = peer::of(&stream)?;
        // One outside of our container has the same path, but not the same file.
        if peer.pid.is_some() {
            return Ok((stream, peer));
        }
    }
    Err(NoOutcome::NotRunning(std::path::absolute(config)?))
}

/// Connects at once, or not at all: a blocking call would wait for room in the backlog of a server that hangs.
fn connect_to(name: &str) -> io::Result<UnixStream> {
    let flags = SocketFlags::NONBLOCK | SocketFlags::CLOEXEC;
    let socket = socket_with(AddressFamily::UNIX, SocketType::STREAM, flags, None)?;
    connect(&socket, &SocketAddrUnix::new_abstract_name(name.as_bytes())?)?;
    UnixStream::from_std(socket.into())
}

fn lost(error: io::Error, pid: i32) -> NoOutcome {
    match error.kind() {
        io::ErrorKind::TimedOut => NoOutcome::Silent { pid },
        io::ErrorKind::UnexpectedEof | io::ErrorKind::ConnectionReset => NoOutcome::Ended,
        _ => NoOutcome::Failed(error),
    }
}
