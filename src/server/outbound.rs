//! A response onto the wire: memory by vectored writes, files by `sendfile(2)`, streams as they come.

use std::future::poll_fn;
use std::io::{self, IoSlice};
use std::os::fd::AsFd;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::BytesMut;

use super::encode::{self, Asked, Framing};
use super::frames::{Frames, Next, Parts};
use super::io::Io;
use super::leaving::Leaving;
use super::pace::{Late, Pace};
use super::scratch;
use crate::http::wire::chunked;
use crate::http::{Body, Cause, Fault, FileRange, Limits, Response, Sent, Stream, Tunnel};
use crate::net::{SENDFILE_MAX, send_more, sendfile};

/// What a head commonly needs.
const HEAD_SIZE: usize = 512;

/// A body up to this is copied behind its head: one `send(2)` costs less than a `writev(2)` of two pieces,
/// by more than the copy takes.
const COPIED: usize = 4 * 1024;

/// Bytes a second that a client has to take on average, while it is waited for.
const RATE: u64 = 1024;

/// What that is taken over. The kernel tells of room in lumps of 64 KiB and more
/// ([`crate::net::Bound::new`]): a shorter window could miss them.
const WINDOW: Duration = Duration::from_secs(60);

/// A client that has taken so many bytes of an answer, and was waited for less than this, is fast.
const FAST: u64 = 1024 * 1024;
const FAST_WAIT: Duration = Duration::from_secs(1);

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
    let mut out = Outbound { io, limits, sent: 0, pace: Pace::over(WINDOW) };
    let head_bytes = head.len() as u64;
    let (result, tunnel) = match body {
        Body::Tunnel(tunnel) => (out.whole(head, &[]).await, Some(tunnel)),
        _ if framing == Framing::None => (out.whole(head, &[]).await, None),
        Body::Empty => (out.whole(head, &[]).await, None),
        Body::Bytes(bytes) => (out.whole(head, &bytes).await, None),
        Body::File(range) => (out.file(&head, &range).await, None),
        // Boxed, so that an answer which is there as a whole carries no room for one that comes in pieces.
        Body::Stream(stream) => (Box::pin(out.stream(head, stream, framing, asked.trailers)).await, None),
    };
    let fault = result.err();
    Written {
        tunnel: tunnel.filter(|_| fault.is_none()),
        must_reset: fault.is_some() && framing == Framing::UntilClose,
        sent: Sent { body_bytes: out.sent.saturating_sub(head_bytes), bytes: out.sent, fault },
    }
}

struct Outbound<'a> {
    io: &'a Io,
    limits: &'a Limits,
    sent: u64,
    pace: Pace,
}

impl Outbound<'_> {
    /// Writes a response that is in memory.
    async fn whole(&mut self, mut head: BytesMut, body: &[u8]) -> Result<(), Fault> {
        let rest = if body.len() <= COPIED {
            head.extend_from_slice(body);
            &[]
        } else {
            body
        };
        let result = self.write(&[&head, rest], None).await;
        scratch::give_back(head);
        result
    }

    /// Writes all of `parts`, together as far as the socket takes them. Meanwhile what comes `behind` them
    /// may read on.
    async fn write(&mut self, parts: &[&[u8]], mut behind: Option<&mut Frames>) -> Result<(), Fault> {
        let mut slices: smallvec::SmallVec<[IoSlice<'_>; 4]> =
            parts.iter().map(|part| IoSlice::new(part)).collect();
        let mut rest = &mut slices[..];
        IoSlice::advance_slices(&mut rest, 0);
        while !rest.is_empty() {
            let written =
                self.attempt(|io| io.stream.try_write_vectored(rest), behind.as_deref_mut()).await?;
            IoSlice::advance_slices(&mut rest, written);
        }
        Ok(())
    }

    /// Runs a write until it takes something, within the limits of a wait for the client.
    async fn attempt(
        &mut self,
        write: impl Fn(&Io) -> io::Result<usize>,
        mut behind: Option<&mut Frames>,
    ) -> Result<usize, Fault> {
        let written = poll_fn(|cx| self.poll_attempt(cx, &write, behind.as_deref_mut())).await?;
        self.sent += written as u64;
        self.pace.moved(written as u64);
        if self.pace.is_below(RATE) {
            return Err(self.late(Late::Slow));
        }
        if self.sent >= FAST && self.pace.waited() < FAST_WAIT && !self.io.fast.replace(true) {
            self.io.stream.take_any_amount();
        }
        Ok(written)
    }

    fn poll_attempt(
        &mut self,
        cx: &mut Context<'_>,
        write: &impl Fn(&Io) -> io::Result<usize>,
        behind: Option<&mut Frames>,
    ) -> Poll<Result<usize, Fault>> {
        loop {
            match write(self.io) {
                Ok(written) => return Poll::Ready(Ok(written)),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                Err(error) => return Poll::Ready(Err(client_left(&error))),
            }
            match self.io.stream.poll_write_ready(cx) {
                Poll::Ready(Ok(())) => {}
                Poll::Ready(Err(error)) => return Poll::Ready(Err(client_left(&error))),
                Poll::Pending => break,
            }
        }
        if let Some(frames) = behind {
            frames.poll_ahead(cx);
        }
        let mut limit = self.io.write_limit.borrow_mut();
        let late = ready!(self.pace.poll(cx, &mut limit, self.limits.send.get(), RATE));
        Poll::Ready(Err(self.late(late)))
    }

    fn late(&self, late: Late) -> Fault {
        let send = self.limits.send.get();
        match late {
            Late::Silent => Fault::new(Cause::ClientStalled, format!("took nothing for {send:?}")),
            Late::Slow => Fault::new(Cause::ClientTooSlow, format!("less than {RATE} bytes a second")),
        }
    }

    async fn file(&mut self, head: &[u8], range: &FileRange) -> Result<(), Fault> {
        if range.length == 0 {
            return self.write(&[head], None).await;
        }
        let mut rest = head;
        while !rest.is_empty() {
            let written = self.attempt(|io| send_more(&io.stream, rest), None).await?;
            rest = rest.get(written..).unwrap_or_default();
        }
        let (mut offset, mut left) = (range.offset, range.length);
        while left > 0 {
            let written =
                self.attempt(|io| sendfile(&io.stream, range.file.as_fd(), offset, left), None).await?;
            if written == 0 {
                return Err(Fault::new(Cause::FileTruncated, format!("{left} bytes were still to be sent")));
            }
            offset += written as u64;
            left = left.saturating_sub(written as u64);
            if left > 0 && written as u64 >= SENDFILE_MAX {
                // A client that reads as fast as we send must not hold the event loop. One that does not
                // is waited for anyway.
                tokio::task::yield_now().await;
            }
        }
        Ok(())
    }

    async fn stream(
        &mut self,
        mut head: BytesMut,
        stream: Stream,
        framing: Framing,
        trailers: bool,
    ) -> Result<(), Fault> {
        let mut frames = Frames::new(stream, framing);
        let mut left = if let Framing::Length(length) = framing { length } else { u64::MAX };
        loop {
            let next = self.next(&mut frames, !head.is_empty()).await;
            let head = std::mem::take(&mut head);
            if next.is_err() && !head.is_empty() {
                // A connection that closes without a word looks as if the request had not been read, and a
                // client may send it again.
                self.write(&[&head], None).await?;
            }
            match next? {
                Next::Nothing => self.write(&[&head], Some(&mut frames)).await?,
                Next::Data(data, last) => {
                    left = left.checked_sub(data.len() as u64).ok_or_else(too_long)?;
                    let parts = Parts::new(framing, &data, last);
                    self.write(&[&head, parts.before(), &data, parts.behind], Some(&mut frames)).await?;
                    if last {
                        return finished(left, framing);
                    }
                }
                Next::End(fields) => {
                    let mut tail = BytesMut::new();
                    if framing == Framing::Chunked {
                        chunked::write_end(&mut tail, &fields.filter(|_| trailers).unwrap_or_default());
                    }
                    self.write(&[&head, &tail], None).await?;
                    return finished(left, framing);
                }
            }
        }
    }

    /// What comes next of the body. With `unwritten` head it does not wait: an event stream's
    /// head reaches the client before its first event.
    async fn next(&mut self, frames: &mut Frames, unwritten: bool) -> Result<Next, Fault> {
        let mut leaving = Leaving::new();
        poll_fn(|cx| match frames.poll(cx) {
            Poll::Ready(next) => Poll::Ready(next),
            Poll::Pending if unwritten => Poll::Ready(Ok(Next::Nothing)),
            Poll::Pending => leaving.poll(self.io, cx).map(|cause| Err(cause.into())),
        })
        .await
    }
}

fn finished(left: u64, framing: Framing) -> Result<(), Fault> {
    if left > 0 && matches!(framing, Framing::Length(_)) {
        return Err(Fault::new(Cause::ResponseCutShort, format!("{left} bytes are missing")));
    }
    Ok(())
}

fn too_long() -> Fault {
    Fault::new(Cause::MalformedResponse, "more content than announced")
}

fn client_left(error: &io::Error) -> Fault {
    Fault::new(Cause::ClientLeft, error.to_string())
}
