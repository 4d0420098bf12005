//! Whether a generation serves: it takes connections, and a request is answered.
//!
//! Connecting alone says little: gunicorn's master listens before any of its workers has loaded the app, and
//! where the socket is ours connections are taken before there is any app at all.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use notify::{RecursiveMode, Watcher};
use tokio::net::{TcpStream, UnixStream};
use tokio::sync::Notify;
use tokio::time::{Instant, timeout, timeout_at};

use crate::net::{Stream, UpstreamAddr};
use crate::process::Check;
use crate::upstream::{Question, ask};

const FIRST_PROBE: Duration = Duration::from_millis(10);
const SLOWEST_PROBE: Duration = Duration::from_millis(500);
const CONNECT: Duration = Duration::from_secs(1);

/// Returns when every server answers, or with what the last failure was when the time is over.
///
/// A socket file appears with `bind`, a moment before `listen`, so the event alone is not enough; and
/// TCP has no event at all. Probing with growing pauses covers both, and the event cuts the pause short.
pub(super) async fn wait_for(servers: &[UpstreamAddr], check: &Check, end: Instant) -> Result<(), String> {
    let changed = Arc::new(Notify::new());
    let _watcher = watch_directories(servers, &changed);
    let question = Question {
        path: check.path.as_str().into(),
        host: check.host.as_deref().map(Into::into),
        status: check.status,
        body: check.body.as_deref().map(Into::into),
        http2: check.http2,
    };
    for server in servers {
        let mut pause = FIRST_PROBE;
        while let Err(failure) = try_once(server, (!check.secured).then_some(&question), end).await {
            if timeout_at(end, pause_for(&mut pause, &changed)).await.is_err() {
                return Err(failure);
            }
        }
    }
    Ok(())
}

async fn pause_for(pause: &mut Duration, changed: &Notify) {
    if timeout(*pause, changed.notified()).await.is_ok() {
        *pause = FIRST_PROBE;
    } else {
        *pause = pause.saturating_mul(2).min(SLOWEST_PROBE);
    }
}

/// One question, if there is any. It may take all the time there is: the first answer is often a slow one.
async fn try_once(server: &UpstreamAddr, question: Option<&Question>, end: Instant) -> Result<(), String> {
    let stream = connect(server).await.map_err(|error| format!("connect to {server}: {error}"))?;
    let Some(question) = question else { return Ok(()) };
    let answer = timeout_at(end, ask(stream, &server.to_string(), question)).await;
    answer.unwrap_or_else(|_| Err(format!("{server} took the connection, but did not answer")))
}

/// Whether somebody takes connections there.
pub(super) async fn answers(server: &UpstreamAddr) -> bool {
    match connect(server).await {
        Ok(_) => true,
        // A Unix socket whose backlog is full: busy, but listening.
        Err(error) => error.kind() == io::ErrorKind::WouldBlock,
    }
}

async fn connect(server: &UpstreamAddr) -> io::Result<Stream> {
    let connecting = async {
        match server {
            UpstreamAddr::Unix(path) => UnixStream::connect(path).await.map(Stream::Unix),
            UpstreamAddr::Tcp(addr) => TcpStream::connect(addr).await.map(Stream::Tcp),
            UpstreamAddr::Name { host, port } => {
                TcpStream::connect((host.as_str(), *port)).await.map(Stream::Tcp)
            }
        }
    };
    timeout(CONNECT, connecting).await.map_err(io::Error::from)?
}

/// Watches where sockets will appear. Without a watcher (its number per user is limited) probing goes on.
fn watch_directories(servers: &[UpstreamAddr], changed: &Arc<Notify>) -> Option<impl Watcher + use<>> {
    let changed = Arc::clone(changed);
    let mut watcher = notify::recommended_watcher(move |_event| changed.notify_one()).ok()?;
    for directory in servers.iter().filter_map(|server| server.unix_path()?.parent()) {
        let _ = watcher.watch(directory, RecursiveMode::NonRecursive);
    }
    Some(watcher)
}
