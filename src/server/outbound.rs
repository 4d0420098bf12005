//! A response onto the wire: memory by vectored writes, files by `sendfile(2)`, streams as they come.

mod attempt;
mod cursor;
mod file;
mod stream;

use bytes::BytesMut;

use self::attempt::Attempts;
pub(super) use self::attempt::{FAST, FAST_WAIT, RATE, WINDOW};
pub(super) use self::cursor::{Cursor, Ready, Recipient};
pub(super) use self::stream::{finished, too_long};
use super::encode::{self, Asked, Framing};
use super::io::Io;
use super::scratch;
use crate::http::{Body, Fault, Limits, Rate, Response, Sent, Tunnel};

/// What a head commonly needs.
const HEAD_SIZE: usize = 512;

/// A body up to this is copied behind its head: one `send(2)` costs less than a `writev(2)` of two pieces,
/// by more than the copy takes.
const COPIED: usize = 4 * 1024;

/// How a response went out.
pub(super) struct Written {
    pub sent: Sent,
    /// The bytes go on in both directions.
    pub tunnel: Option<Tunnel>,
    /// The end of the body was to be told by the end of the connection, and must not look like one.
    pub must_reset: bool,
}

/// Writes the whole response. After a fault the connection is of no use any more.
pub(super) async fn send(
    io: &Io,
    limits: &Limits,
    response: &mut Response,
    asked: Asked,
    close: bool,
) -> Written {
    let framing = Framing::of(response, asked);
    let mut head = scratch::take();
    head.reserve(HEAD_SIZE);
    head.extend_from_slice(&std::mem::take(&mut *io.owed.borrow_mut()));
    encode::head(&mut head, response, framing, asked, close);
    let body = std::mem::take(&mut response.body);
    let mut out = Attempts::new(io, limits, response.limit_rate.and_then(Rate::limit));
    let head_bytes = head.len() as u64;
    let (result, tunnel) = match body {
        Body::Tunnel(tunnel) => (whole(&mut out, head, &[]).await, Some(tunnel)),
        _ if framing == Framing::None => (whole(&mut out, head, &[]).await, None),
        Body::Empty => (whole(&mut out, head, &[]).await, None),
        Body::Bytes(bytes) => (whole(&mut out, head, &bytes).await, None),
        Body::File(range) => (file::send(&mut out, &head, &range).await, None),
        Body::Parts(parts) => (Box::pin(file::send_parts(&mut out, &head, &parts)).await, None),
        // Boxed, so that an answer which is there as a whole carries no room for one that comes in pieces.
        Body::Stream(stream) => {
            (Box::pin(stream::send(&mut out, head, stream, framing, asked.trailers)).await, None)
        }
    };
    let mut fault = result.err();
    if fault.is_none() && !io.stream.is_flushed() {
        fault = Box::pin(out.finish()).await.err();
    }
    Written {
        tunnel: tunnel.filter(|_| fault.is_none()),
        must_reset: fault.is_some() && framing == Framing::UntilClose,
        sent: Sent { body_bytes: out.sent().saturating_sub(head_bytes), bytes: out.sent(), fault },
    }
}

/// Writes a response that is in memory.
async fn whole(out: &mut Attempts<'_>, mut head: BytesMut, body: &[u8]) -> Result<(), Fault> {
    let rest = if body.len() <= COPIED {
        head.extend_from_slice(body);
        &[]
    } else {
        body
    };
    let result = out.write(&[&head, rest], None).await;
    scratch::give_back(head);
    result
}
