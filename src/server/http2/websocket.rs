//! WebSockets over one stream (RFC 8441): towards applications an upgrade of HTTP/1.1 like any other.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use ::http::header::{CONNECTION, SEC_WEBSOCKET_ACCEPT, SEC_WEBSOCKET_KEY, UPGRADE};
use ::http::{HeaderName, HeaderValue, Method, StatusCode};
use bytes::{Buf, Bytes};
use h2::{RecvStream, SendStream};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use crate::http::{Cause, Fault, Fields, Response, unguessable_key};
use crate::server::head::Head;

/// Nothing else is known that begins with an extended CONNECT.
const WEBSOCKET: &str = "websocket";

/// The request that a server of HTTP/1.1 understands. Nobody compares its key with what the server makes of
/// it: that proves to a client that no cache has answered, which a stream of its own does as well.
pub(super) fn downgrade(head: &mut Head, protocol: &str) -> Result<(), Fault> {
    if !protocol.eq_ignore_ascii_case(WEBSOCKET) {
        return Err(Fault::new(Cause::NotImplemented, format!("a CONNECT for {protocol:?}")));
    }
    head.method = Method::GET;
    head.headers.retain(|name: &HeaderName| *name != SEC_WEBSOCKET_KEY);
    head.headers.append(CONNECTION, HeaderValue::from_static("upgrade"));
    head.headers.append(UPGRADE, HeaderValue::from_static(WEBSOCKET));
    head.headers.append(SEC_WEBSOCKET_KEY, unguessable_key());
    Ok(())
}

/// The answer to the extended CONNECT, of a server that has switched: 101 is not known in HTTP/2 (RFC 9113 8.6).
pub(super) fn accept(response: &mut Response) {
    response.status = StatusCode::OK;
    let of_http1 = [CONNECTION, UPGRADE, SEC_WEBSOCKET_ACCEPT];
    let headers: &mut Fields = &mut response.headers;
    headers.retain(|name| !of_http1.contains(name));
}

/// Both directions of a stream.
pub(super) struct Channel {
    inbound: RecvStream,
    outbound: SendStream<Bytes>,
    /// Of the piece that is being read.
    rest: Bytes,
}

impl Channel {
    pub fn new(inbound: RecvStream, outbound: SendStream<Bytes>) -> Self {
        Self { inbound, outbound, rest: Bytes::new() }
    }
}

impl AsyncRead for Channel {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        room: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        while self.rest.is_empty() {
            match ready!(self.inbound.poll_data(cx)) {
                Some(data) => self.rest = data.map_err(io::Error::other)?,
                None => return Poll::Ready(Ok(())),
            }
        }
        let taken = room.remaining().min(self.rest.len());
        room.put_slice(self.rest.get(..taken).unwrap_or_default());
        self.rest.advance(taken);
        self.inbound.flow_control().release_capacity(taken).map_err(io::Error::other)?;
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Channel {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        self.outbound.reserve_capacity(bytes.len());
        while self.outbound.capacity() == 0 {
            match ready!(self.outbound.poll_capacity(cx)) {
                Some(room) => room.map_err(io::Error::other)?,
                None => return Poll::Ready(Err(io::ErrorKind::BrokenPipe.into())),
            };
        }
        let taken = bytes.len().min(self.outbound.capacity());
        let piece = Bytes::copy_from_slice(bytes.get(..taken).unwrap_or_default());
        self.outbound.send_data(piece, false).map_err(io::Error::other)?;
        Poll::Ready(Ok(taken))
    }

    fn poll_flush(self: Pin<&mut Self>, _cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, _cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(self.outbound.send_data(Bytes::new(), true).map_err(io::Error::other))
    }
}
