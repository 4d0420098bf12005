//! Connections that change their protocol (RFC 9110 7.8): WebSocket and its like.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use crate::http::wire::ResponseHead;
use crate::http::{Body, Response, Tunnel};
use crate::net::Stream;
use crate::upstream::{Lease, Line};

/// The 101 that was asked for, with the server's half of the tunnel.
///
/// Its fields are the server's own, `Upgrade` among them; the writer of the head says `Connection`.
pub(super) fn switch(head: ResponseHead, line: Line, early: Bytes) -> Response {
    let io = Tunnelled { stream: line.connection.stream, _lease: line.lease };
    let body = Body::Tunnel(Tunnel::new(io, early));
    Response { status: head.status, headers: head.headers, body, ..Response::default() }
}

/// A connection that its server is at work on for as long as it is open.
#[derive(Debug)]
struct Tunnelled {
    stream: Stream,
    _lease: Lease,
}

impl AsyncRead for Tunnelled {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().stream).poll_read(cx, buf)
    }
}

impl AsyncWrite for Tunnelled {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.get_mut().stream).poll_write(cx, buf)
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().stream).poll_flush(cx)
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().stream).poll_shutdown(cx)
    }
}
