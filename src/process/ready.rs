//! Whether the servers of a pool take connections, and the ground prepared for their sockets.

use std::fs::DirBuilder;
use std::io;
use std::os::unix::fs::{DirBuilderExt, FileTypeExt};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use notify::{RecursiveMode, Watcher};
use tokio::net::{TcpStream, UnixStream};
use tokio::sync::Notify;
use tokio::time::timeout;

use crate::net::UpstreamAddr;

const FIRST_PROBE: Duration = Duration::from_millis(10);
const SLOWEST_PROBE: Duration = Duration::from_millis(500);
const CONNECT: Duration = Duration::from_secs(1);

/// Makes room for a pool that is about to bind `server`: the socket's directory exists, and no socket
/// file of a dead process is in the way. True when someone else answers there.
pub(super) async fn prepare(server: &UpstreamAddr) -> io::Result<bool> {
    if let Some(path) = server.unix_path() {
        if let Some(parent) = path.parent() {
            DirBuilder::new().recursive(true).mode(0o755).create(parent)?;
        }
        remove_stale(path).await?;
    }
    Ok(answers(server).await)
}

/// Returns when every server takes connections.
///
/// A socket file appears with `bind`, a moment before `listen`, so the event alone is not enough; and
/// TCP has no event at all. Probing with growing pauses covers both, and the event cuts the pause short.
pub(super) async fn wait_for(servers: &[UpstreamAddr]) {
    let changed = Arc::new(Notify::new());
    let _watcher = watch_directories(servers, &changed);
    for server in servers {
        let mut pause = FIRST_PROBE;
        while !answers(server).await {
            if timeout(pause, changed.notified()).await.is_ok() {
                pause = FIRST_PROBE;
            } else {
                pause = pause.saturating_mul(2).min(SLOWEST_PROBE);
            }
        }
    }
}

async fn answers(server: &UpstreamAddr) -> bool {
    let connected = timeout(CONNECT, async {
        match server {
            UpstreamAddr::Unix(path) => UnixStream::connect(path).await.map(drop),
            UpstreamAddr::Tcp(addr) => TcpStream::connect(addr).await.map(drop),
            UpstreamAddr::Name { host, port } => TcpStream::connect((host.as_str(), *port)).await.map(drop),
        }
    });
    match connected.await {
        Ok(Ok(())) => true,
        // A Unix socket whose backlog is full: busy, but listening.
        Ok(Err(error)) => error.kind() == io::ErrorKind::WouldBlock,
        Err(_) => false,
    }
}

/// Only a socket, and only one that refuses: a file of another kind is somebody's data, and a socket
/// that answers somebody's service.
async fn remove_stale(path: &Path) -> io::Result<()> {
    let is_socket = std::fs::symlink_metadata(path).is_ok_and(|found| found.file_type().is_socket());
    if !is_socket {
        return Ok(());
    }
    match UnixStream::connect(path).await {
        Err(error) if error.kind() == io::ErrorKind::ConnectionRefused => std::fs::remove_file(path),
        _ => Ok(()),
    }
}

/// Watches where sockets will appear. Without a watcher (its number per user is limited) probing goes on.
fn watch_directories(servers: &[UpstreamAddr], changed: &Arc<Notify>) -> Option<impl Watcher + use<>> {
    let changed = Arc::clone(changed);
    let mut watcher = notify::recommended_watcher(move |_event| changed.notify_one()).ok()?;
    for directory in servers.iter().filter_map(|server| server.unix_path()?.parent()) {
        if let Err(error) = watcher.watch(directory, RecursiveMode::NonRecursive) {
            tracing::debug!(target: "process", "cannot watch {}: {error}", directory.display());
        }
    }
    Some(watcher)
}
