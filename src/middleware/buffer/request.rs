//! Request bodies are read whole before a server is taken, so that a slow client holds none.
//!
//! A worker of gunicorn's `sync` class serves one request at a time, and has no limit for a body that
//! trickles: without this, as many slow clients as there are workers stop a site.

use std::sync::Arc;
use std::task::{Context, Poll, ready};

use bytes::{Bytes, BytesMut};

use super::{MEMORY, is_grpc, tell};
use crate::http::{Body, Cause, Fault, FileRange, Frame, Request, Source, Stream};
use crate::observe::Seldom;
use crate::spool::{Reader, Spool, SpoolError, SpoolFile, Writer};

/// Bytes a second that a client has to send on average. The slowest of mobile networks bring ten times that.
const RATE: u64 = 1024;

/// What becomes of a body that fits neither in memory nor on disk.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Overflow {
    /// A server is taken, and the body streams to it as fast as the client sends.
    Streams,
    /// 507: no server is to wait for any client.
    Refused,
}

/// Reads bodies ahead; one for all event loops.
#[derive(Debug)]
pub struct RequestBuffer {
    spool: Arc<Spool>,
    overflows: Seldom,
}

impl RequestBuffer {
    pub fn new(spool: Arc<Spool>) -> Self {
        Self { spool, overflows: Seldom::default() }
    }

    pub fn spool(&self) -> &Spool {
        &self.spool
    }

    /// Whether there is something to read ahead, and somebody who waits for the whole of it.
    ///
    /// In gRPC both sides may speak at the same time. (So they do behind an upgrade, but its request has no
    /// body.)
    pub fn concerns(request: &Request) -> bool {
        matches!(request.body, Body::Stream(_)) && !is_grpc(&request.headers)
    }

    /// Replaces a body on the wire by one in memory or on disk, whose length is known and which can be
    /// sent again. Where it does not fit, it streams: what came of it first, then the rest as it comes.
    ///
    /// # Errors
    /// Of the body: the client left, or was too slow, or sent too much. [`Cause::SpoolFull`] where it does
    /// not fit and may not stream.
    pub async fn fill(&self, request: &mut Request, overflow: Overflow) -> Result<(), Fault> {
        request.limits.body_rate.set(RATE);
        request.body = match std::mem::take(&mut request.body) {
            Body::Stream(stream) => self.gather(stream, overflow).await?,
            body => body,
        };
        Ok(())
    }

    async fn gather(&self, mut stream: Stream, overflow: Overflow) -> Result<Body, Fault> {
        let (mut memory, mut writer) = (BytesMut::new(), Writer::new(&self.spool));
        while let Some(frame) = stream.frame().await {
            let Frame::Data(data) = frame? else { break };
            if Some(data.len() as u64) == stream.length {
                return Ok(Body::Bytes(data));
            }
            let full = memory.len() + data.len() > MEMORY;
            let written = if full { writer.append(&mut memory).await } else { Ok(()) };
            // Copied: a piece may be one byte, and would keep the whole buffer it was read into.
            memory.extend_from_slice(&data);
            if let Err(error) = written {
                self.overflow(&error, overflow)?;
                return Ok(begun(writer, memory, Some(stream)));
            }
        }
        if !writer.is_begun() {
            return Ok(if memory.is_empty() { Body::Empty } else { Body::Bytes(memory.freeze()) });
        }
        if let Err(error) = writer.append(&mut memory).await {
            self.overflow(&error, overflow)?;
            return Ok(begun(writer, memory, None));
        }
        Ok(writer.finish().map_or(Body::Empty, |(file, length)| on_disk(file, length)))
    }

    fn overflow(&self, error: &SpoolError, overflow: Overflow) -> Result<(), Fault> {
        if overflow == Overflow::Refused {
            return Err(Fault::new(Cause::SpoolFull, error.to_string()));
        }
        tell(&self.overflows, "a request's body streams", error);
        Ok(())
    }
}

fn on_disk(file: Arc<SpoolFile>, length: u64) -> Body {
    Body::File(FileRange { file, offset: 0, length })
}

/// A body that has outgrown its buffer.
fn begun(writer: Writer, memory: BytesMut, rest: Option<Stream>) -> Body {
    let file = writer.finish();
    let length = match &rest {
        Some(rest) => rest.length,
        None => Some(file.as_ref().map_or(0, |(_, length)| *length) + memory.len() as u64),
    };
    let disk = file.map(|(file, length)| Reader::new(file, length));
    Body::Stream(Stream::new(length, Begun { disk, memory: Some(memory.freeze()), rest }))
}

/// In the order the client sent it: what is on disk, what is in memory, what is still to come.
struct Begun {
    disk: Option<Reader>,
    memory: Option<Bytes>,
    rest: Option<Stream>,
}

impl Source for Begun {
    fn poll_frame(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Frame, Fault>>> {
        if let Some(disk) = &mut self.disk {
            if let Some(piece) = ready!(disk.poll_piece(cx)) {
                let piece = piece.map(Frame::Data);
                return Poll::Ready(Some(piece.map_err(|e| Fault::new(Cause::FileRead, e.to_string()))));
            }
            // Its room is for others now.
            self.disk = None;
        }
        if let Some(memory) = self.memory.take().filter(|memory| !memory.is_empty()) {
            return Poll::Ready(Some(Ok(Frame::Data(memory))));
        }
        self.rest.as_mut().map_or(Poll::Ready(None), |rest| rest.poll_frame(cx))
    }
}

#[cfg(test)]
mod tests;
