//! Connecting to a server, and naming what went wrong.

use std::io;
use std::net::SocketAddr;
use std::path::Path;
use std::time::Duration;

use rustix::io::Errno;
use socket2::{SockRef, TcpKeepalive};
use tokio::net::{TcpStream, UnixStream};
use tokio::time::{Instant, timeout, timeout_at};

use super::resolve::Resolver;
use super::{Endpoint, Settings, Transport, diagnose};
use crate::http::{Cause, Fault};
use crate::net::{Stream, UpstreamAddr};
use crate::tls::{Client, Distrust};

/// A peer whose host vanished is noticed after about two minutes, where the kernel's default is two hours.
const KEEPALIVE_AFTER: Duration = Duration::from_mins(1);
const KEEPALIVE_INTERVAL: Duration = Duration::from_secs(15);

/// A connected stream to `endpoint`.
pub(super) async fn connect(
    endpoint: &Endpoint,
    settings: &Settings,
    transport: &Transport,
    resolver: &Resolver,
) -> Result<Stream, Fault> {
    let limit = settings.connect;
    let end = Instant::now() + limit;
    let result = match &endpoint.addr {
        UpstreamAddr::Tcp(addr) => tcp(*addr, limit).await,
        UpstreamAddr::Unix(path) => unix(path, limit).await,
        UpstreamAddr::Name { .. } => named(endpoint.label(), settings, resolver).await,
    };
    let result = match (result, &transport.tls) {
        (Ok(stream), Some(client)) => secured(stream, client, &endpoint.addr, end).await,
        (result, _) => result,
    };
    result.map_err(|(cause, what)| Fault::new(cause, format!("connect to {}: {what}", endpoint.label())))
}

/// The same stream over TLS, in what is left of the time to connect.
async fn secured(
    stream: Stream,
    client: &Client,
    addr: &UpstreamAddr,
    end: Instant,
) -> Result<Stream, Refusal> {
    let address;
    let host = match addr {
        UpstreamAddr::Name { host, .. } => Some(host.as_str()),
        UpstreamAddr::Tcp(addr) => {
            address = addr.ip().to_string();
            Some(address.as_str())
        }
        UpstreamAddr::Unix(_) => None,
    };
    match timeout_at(end, client.connect(stream, host)).await {
        Ok(connected) => {
            connected.map_err(|distrust| (distrust_cause(&distrust), format!("TLS: {distrust}")))
        }
        Err(_) => Err((Cause::ConnectTimeout, "TLS: no keys were agreed on in time".into())),
    }
}

/// What a fault is called that comes of it.
pub(super) fn distrust_cause(distrust: &Distrust) -> Cause {
    match distrust {
        Distrust::NoHttp2 => Cause::NoHttp2,
        distrust if distrust.is_of_certificate() => Cause::CertificateRefused,
        _ => Cause::TlsFailed,
    }
}

type Refusal = (Cause, String);

async fn tcp(addr: SocketAddr, limit: Duration) -> Result<Stream, Refusal> {
    let stream = match timeout(limit, TcpStream::connect(addr)).await {
        Ok(Ok(stream)) => stream,
        Ok(Err(error)) => return Err((cause(&error), text(&error))),
        Err(_) => return Err(timed_out(limit)),
    };
    set_options(&stream).map_err(|error| (Cause::ConnectFailed, format!("socket options: {error}")))?;
    Ok(Stream::Tcp(stream))
}

/// Requests go out in few writes, which must not wait for each other's acknowledgement.
fn set_options(stream: &TcpStream) -> io::Result<()> {
    stream.set_nodelay(true)?;
    let keepalive = TcpKeepalive::new().with_time(KEEPALIVE_AFTER).with_interval(KEEPALIVE_INTERVAL);
    SockRef::from(stream).set_tcp_keepalive(&keepalive)
}

async fn unix(path: &Path, limit: Duration) -> Result<Stream, Refusal> {
    match timeout(limit, UnixStream::connect(path)).await {
        Ok(Ok(stream)) => Ok(Stream::Unix(stream)),
        Ok(Err(error)) => Err(unix_refusal(path, &error)),
        Err(_) => Err(timed_out(limit)),
    }
}

fn unix_refusal(path: &Path, error: &io::Error) -> Refusal {
    // connect(2): a Unix socket does not wait for room in the backlog when it is non-blocking.
    if Errno::from_io_error(error) == Some(Errno::AGAIN) {
        return (Cause::BacklogFull, "its backlog is full: the app server accepts too slowly".into());
    }
    let cause = cause(error);
    let hint = match cause {
        Cause::SocketMissing | Cause::PermissionDenied | Cause::ConnectRefused => diagnose::diagnose(path),
        _ => None,
    };
    let hint = hint.as_deref().or(match cause {
        Cause::ConnectRefused => {
            Some("the socket is there, but nothing listens on it: is the app server still running?")
        }
        Cause::PermissionDenied => {
            Some("its permissions allow it: look at access lists, AppArmor or SELinux")
        }
        _ => None,
    });
    let what = text(error);
    (cause, hint.map_or_else(|| what.clone(), |hint| format!("{what}: {hint}")))
}

/// Every address of a name in turn, each with its share of the time left.
async fn named(authority: &str, settings: &Settings, resolver: &Resolver) -> Result<Stream, Refusal> {
    let limit = settings.connect;
    let end = Instant::now() + limit;
    let addresses = match timeout_at(end, resolver.resolve(authority, settings.resolve)).await {
        Ok(Ok(addresses)) => addresses,
        Ok(Err(error)) => return Err((Cause::ResolveFailed, format!("the name does not resolve: {error}"))),
        Err(_) => {
            return Err((Cause::ResolveFailed, format!("no answer from the resolver within {limit:?}")));
        }
    };
    let mut refusals = Vec::new();
    let mut last = Cause::ConnectFailed;
    for (index, addr) in addresses.iter().enumerate() {
        let left = end.saturating_duration_since(Instant::now());
        let share = left / u32::try_from(addresses.len() - index).unwrap_or(u32::MAX);
        match tcp(*addr, share).await {
            Ok(stream) => return Ok(stream),
            Err((cause, what)) => {
                refusals.push(format!("{addr}: {what}"));
                last = cause;
            }
        }
    }
    resolver.doubt(authority);
    Err((last, refusals.join("; ")))
}

fn timed_out(limit: Duration) -> Refusal {
    (Cause::ConnectTimeout, format!("no answer within {:.1} s", limit.as_secs_f64()))
}

fn cause(error: &io::Error) -> Cause {
    match Errno::from_io_error(error) {
        Some(Errno::NOENT | Errno::NOTDIR) => Cause::SocketMissing,
        Some(Errno::ACCESS | Errno::PERM) => Cause::PermissionDenied,
        Some(Errno::CONNREFUSED) => Cause::ConnectRefused,
        Some(Errno::TIMEDOUT) => Cause::ConnectTimeout,
        Some(Errno::MFILE | Errno::NFILE) => Cause::TooManyFiles,
        _ => Cause::ConnectFailed,
    }
}

/// What the operating system says, as it is looked for in search engines.
fn text(error: &io::Error) -> String {
    match Errno::from_io_error(error) {
        Some(Errno::ACCESS) => "permission denied".into(),
        Some(Errno::CONNREFUSED) => "connection refused".into(),
        Some(Errno::NOENT) => "no such file or directory".into(),
        _ => error.to_string(),
    }
}

#[cfg(test)]
mod tests;
