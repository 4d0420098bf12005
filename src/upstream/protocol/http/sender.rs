//! The request on its way out: its head and one piece of its body at a time.

mod disk;
mod replay;

use std::io::{self, IoSlice};
use std::task::{Context, Poll};

use bytes::{Buf, Bytes, BytesMut};

use super::head::Announced;
use crate::http::wire::chunked::{CHUNK_END, LAST_CHUNK, SizeLine};
use crate::http::{self, Body, Cause, Fault, FileRange, Frame};
use crate::net::Stream;

/// After this many pieces in a row other tasks get their turn: neither side may ever be slower than we are.
const PIECES_PER_POLL: usize = 32;

/// What is still to be sent.
#[derive(Debug)]
pub(super) struct Sender {
    /// The head, later the size line of a chunk.
    out: BytesMut,
    data: Bytes,
    tail: &'static [u8],
    rest: Rest,
    /// A body that was there as a whole, for another attempt.
    whole: Option<Whole>,
    /// Whether the first piece of the body has been asked for: it goes out together with the head.
    asked: bool,
    /// Whether any piece of the body was taken.
    pulled: bool,
    /// Bytes the kernel took.
    pub accepted: u64,
}

/// A body that can be sent again from its beginning.
#[derive(Debug)]
enum Whole {
    Memory(Bytes),
    Disk(FileRange),
}

#[derive(Debug)]
enum Rest {
    Nothing,
    /// What is left of a body on disk.
    Disk(FileRange),
    Stream {
        stream: http::Stream,
        /// What is left to come; `None` sends chunks.
        left: Option<u64>,
    },
    /// The server takes no more, but may still answer.
    Refused,
}

/// Why nothing more can be sent at the moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Progress {
    /// Everything is out.
    Sent,
    /// The server does not take more.
    Blocked,
    /// The client has not sent more.
    Starved,
}

#[derive(Debug)]
pub(super) enum SendError {
    Server(io::Error),
    /// The request's body failed.
    Client(Fault),
}

impl Sender {
    /// `out` is empty memory that the head is yet to be written to.
    pub(super) fn new(body: Body, out: BytesMut) -> Self {
        let (data, rest, whole) = match body {
            Body::Bytes(bytes) => (bytes.clone(), Rest::Nothing, Some(Whole::Memory(bytes))),
            Body::File(range) if range.length > 0 => {
                (Bytes::new(), Rest::Disk(range.clone()), Some(Whole::Disk(range)))
            }
            Body::Stream(stream) => {
                let left = stream.length;
                (Bytes::new(), Rest::Stream { stream, left }, None)
            }
            Body::Empty | Body::File(_) => (Bytes::new(), Rest::Nothing, Some(Whole::Memory(Bytes::new()))),
            Body::Parts(_) | Body::Tunnel(_) => (
                Bytes::new(),
                Rest::Stream { stream: http::Stream::new(None, replay::Unsendable), left: None },
                None,
            ),
        };
        Self { out, data, tail: b"", rest, whole, asked: false, pulled: false, accepted: 0 }
    }

    pub(super) fn head(&mut self) -> &mut BytesMut {
        &mut self.out
    }

    pub(super) fn announced(&self) -> Announced {
        match &self.rest {
            Rest::Stream { left: None, .. } => Announced::Chunked,
            Rest::Stream { left: Some(left), .. } => Announced::Length(*left),
            Rest::Disk(range) => Announced::Length(range.length),
            _ if self.data.is_empty() => Announced::Nothing,
            _ => Announced::Length(self.data.len() as u64),
        }
    }

    pub(super) fn is_sent(&self) -> bool {
        matches!(self.rest, Rest::Nothing) && !self.has_pending()
    }

    /// No other attempt will be made: what is kept for one, on disk or in memory, can go once it is sent.
    pub(super) fn keep_no_copy(&mut self) {
        self.whole = None;
    }

    /// Gives up sending.
    pub(super) fn refuse(&mut self) {
        self.rest = Rest::Refused;
        (self.data, self.tail) = (Bytes::new(), b"");
        self.out.clear();
    }

    pub(super) fn is_over(&self) -> bool {
        matches!(self.rest, Rest::Refused) || self.is_sent()
    }

    /// Sends what can be sent now.
    pub(super) fn poll(&mut self, cx: &mut Context<'_>, stream: &Stream) -> Result<Progress, SendError> {
        for _ in 0..PIECES_PER_POLL {
            let starved = self.wants_piece() && self.pull(cx).map_err(SendError::Client)?.is_pending();
            let written = match self.rest {
                Rest::Disk(_) => self.write_from_disk(cx, stream),
                _ if self.has_pending() => self.write(cx, stream).map_err(SendError::Server),
                _ if starved => return Ok(Progress::Starved),
                Rest::Stream { .. } => continue,
                Rest::Nothing | Rest::Refused => return Ok(Progress::Sent),
            };
            match written {
                Poll::Ready(result) => result?,
                Poll::Pending => return Ok(Progress::Blocked),
            }
        }
        cx.waker().wake_by_ref();
        Ok(Progress::Starved)
    }

    fn has_pending(&self) -> bool {
        !(self.out.is_empty() && self.data.is_empty() && self.tail.is_empty())
    }

    fn wants_piece(&self) -> bool {
        matches!(self.rest, Rest::Stream { .. }) && (!self.asked || !self.has_pending())
    }

    /// Takes the next piece of the body, framed for sending.
    fn pull(&mut self, cx: &mut Context<'_>) -> Result<Poll<()>, Fault> {
        self.asked = true;
        let Rest::Stream { stream, left } = &mut self.rest else { return Ok(Poll::Ready(())) };
        let frame = match stream.poll_frame(cx) {
            Poll::Pending => return Ok(Poll::Pending),
            Poll::Ready(frame) => frame.transpose()?,
        };
        self.pulled |= frame.is_some();
        match (frame, left) {
            (Some(Frame::Data(data)), _) if data.is_empty() => {}
            (Some(Frame::Data(data)), Some(left)) => {
                *left = left.checked_sub(data.len() as u64).ok_or_else(|| mismatch("longer"))?;
                let complete = *left == 0;
                self.data = data;
                if complete {
                    self.rest = Rest::Nothing;
                }
            }
            (Some(Frame::Data(data)), None) => {
                self.out.extend_from_slice(SizeLine::new(data.len() as u64).as_bytes());
                self.data = data;
                self.tail = CHUNK_END;
            }
            (_, Some(left)) if *left > 0 => return Err(mismatch("shorter")),
            // RFC 9112 7.1.2: trailers may be discarded, and WSGI has no place for them.
            (None | Some(Frame::Trailers(_)), left) => {
                self.tail = if left.is_none() { LAST_CHUNK } else { b"" };
                self.rest = Rest::Nothing;
            }
        }
        Ok(Poll::Ready(()))
    }

    fn write(&mut self, cx: &mut Context<'_>, stream: &Stream) -> Poll<io::Result<()>> {
        let slices = [IoSlice::new(&self.out), IoSlice::new(&self.data), IoSlice::new(self.tail)];
        stream.poll_write_vectored(cx, &slices).map_ok(|written| {
            self.accepted += written as u64;
            let rest = take(&mut self.out, written);
            let rest = take(&mut self.data, rest);
            take(&mut self.tail, rest);
        })
    }

    /// The memory that heads are written to, for the next request.
    pub(super) fn into_memory(self) -> BytesMut {
        self.out
    }
}

/// Takes up to `count` bytes off the front; how many of them are left for what follows.
fn take(bytes: &mut impl Buf, count: usize) -> usize {
    let taken = count.min(bytes.remaining());
    bytes.advance(taken);
    count - taken
}

fn mismatch(how: &str) -> Fault {
    Fault::new(Cause::Internal, format!("the request's body is {how} than announced"))
}

#[cfg(test)]
mod tests;
