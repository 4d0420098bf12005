//! Both directions of an upgraded connection, byte for byte.

use std::future::poll_fn;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::{Buf, Bytes, BytesMut};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::io::{BODY_SIZE, Io};
use crate::http::{Duplex, Tunnel};
use crate::net::Deadline;

/// A tunnel through which nothing passes for this long is closed.
const IDLE: Duration = Duration::from_secs(60 * 60);

/// Once one side has ended, the other gets this long between two bytes: most have nothing more to say, and
/// those that never close would hold both connections for as long as `IDLE`.
const HALF_OPEN: Duration = Duration::from_secs(30);

/// Passes bytes on until both sides have ended, one fails, or nothing happens for too long.
/// Returns how many bytes the client was sent. Of it, `early` was read ahead.
pub(super) async fn run(mut client: Pin<&mut dyn Duplex>, early: Bytes, tunnel: Tunnel) -> u64 {
    let mut up = Direction::new(early);
    let mut down = Direction::new(tunnel.early);
    let mut upstream = tunnel.io;
    let mut idle = Deadline::none();
    idle.set(IDLE);
    let mut last = (0, false);
    poll_fn(|cx| {
        let failed = up.poll(cx, client.as_mut(), upstream.as_mut()).is_err()
            || down.poll(cx, upstream.as_mut(), client.as_mut()).is_err();
        let flushed = flush(cx, client.as_mut(), upstream.as_mut());
        let failed = failed || matches!(flushed, Poll::Ready(Err(_)));
        if failed || (up.ended && down.ended && flushed.is_ready()) {
            return Poll::Ready(());
        }
        let now = (up.moved + down.moved, up.closing || down.closing);
        if now != last {
            last = now;
            idle.set(if now.1 { HALF_OPEN } else { IDLE });
        }
        idle.poll(cx)
    })
    .await;
    down.moved
}

/// Records that were written may be on their way to the sockets still.
fn flush(
    cx: &mut Context<'_>,
    client: Pin<&mut (dyn Duplex + '_)>,
    upstream: Pin<&mut (dyn Duplex + '_)>,
) -> Poll<io::Result<()>> {
    let client = client.poll_flush(cx)?;
    let upstream = upstream.poll_flush(cx)?;
    if client.is_ready() && upstream.is_ready() { Poll::Ready(Ok(())) } else { Poll::Pending }
}

/// One direction: at most one read's worth of bytes, and whether it has ended.
struct Direction {
    pending: Bytes,
    moved: u64,
    /// Its source has ended, and its end has not been passed on.
    closing: bool,
    ended: bool,
}

impl Direction {
    fn new(pending: Bytes) -> Self {
        Self { pending, moved: 0, closing: false, ended: false }
    }

    /// Moves what can be moved now. An end of `from` is passed on as an end of `to`'s input only, so
    /// that the other direction goes on.
    fn poll(
        &mut self,
        cx: &mut Context<'_>,
        mut from: Pin<&mut (dyn Duplex + '_)>,
        mut to: Pin<&mut (dyn Duplex + '_)>,
    ) -> io::Result<()> {
        while !self.ended {
            if self.closing {
                // Records on their way go before the farewell.
                self.ended = to.as_mut().poll_shutdown(cx)?.is_ready();
                return Ok(());
            }
            while !self.pending.is_empty() {
                let Poll::Ready(written) = to.as_mut().poll_write(cx, &self.pending)? else { return Ok(()) };
                if written == 0 {
                    return Err(io::ErrorKind::WriteZero.into());
                }
                self.pending.advance(written);
                self.moved += written as u64;
            }
            let Poll::Ready(read) = poll_read(cx, from.as_mut())? else { return Ok(()) };
            self.closing = read.is_empty();
            self.pending = read;
        }
        Ok(())
    }
}

/// Reads into a buffer that lives only while it holds something: thousands of silent WebSockets hold none.
fn poll_read(cx: &mut Context<'_>, from: Pin<&mut (dyn Duplex + '_)>) -> Poll<io::Result<Bytes>> {
    let mut space = [0; BODY_SIZE];
    let mut read = ReadBuf::new(&mut space);
    from.poll_read(cx, &mut read).map_ok(|()| BytesMut::from(read.filled()).freeze())
}

/// The client's socket in the shape that the other side has.
pub(super) struct Client<'a>(pub &'a Io);

impl AsyncRead for Client<'_> {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let room = buf.remaining();
        let mut bytes = BytesMut::with_capacity(room);
        self.0.stream.poll_read(cx, &mut bytes, room).map_ok(|count| {
            buf.put_slice(bytes.get(..count.min(buf.remaining())).unwrap_or_default());
        })
    }
}

impl AsyncWrite for Client<'_> {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        self.0.stream.poll_write_vectored(cx, &[io::IoSlice::new(buf)])
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.0.stream.poll_flushed(cx)
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        ready!(self.0.stream.poll_flushed(cx))?;
        Poll::Ready(self.0.stream.shutdown_write())
    }
}
