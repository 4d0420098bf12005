//! A streamed body piece by piece, framed for the wire.

use std::task::{Context, Poll, ready};

use bytes::Bytes;

use super::encode::Framing;
use crate::http::wire::chunked;
use crate::http::{Fault, Fields, Frame, Stream};

/// Behind a piece up to this the end of a body is looked for before it is sent.
const LOOK_AHEAD_MAX: usize = 16 * 1024;

/// What frames one piece of content.
pub(super) struct Parts {
    size: Option<chunked::SizeLine>,
    pub behind: &'static [u8],
}

impl Parts {
    pub fn new(framing: Framing, data: &Bytes, last: bool) -> Self {
        if framing != Framing::Chunked || data.is_empty() {
            return Self { size: None, behind: b"" };
        }
        let behind: &[u8] = if last { b"\r\n0\r\n\r\n" } else { chunked::CHUNK_END };
        Self { size: Some(chunked::SizeLine::new(data.len() as u64)), behind }
    }

    pub fn before(&self) -> &[u8] {
        self.size.as_ref().map_or(&[], |size| size.as_bytes())
    }
}

/// What comes next of a streamed body.
pub(super) enum Next {
    /// Content, and whether it is known to be the last.
    Data(Bytes, bool),
    End(Option<Fields>),
    Nothing,
}

/// A streamed body with one look ahead, which saves the last chunk a system call and a packet of its own.
pub(super) struct Frames {
    stream: Stream,
    ahead: Option<Result<Frame, Fault>>,
    /// Whether the end is told by a chunk of its own.
    chunked: bool,
}

impl Frames {
    pub fn new(stream: Stream, framing: Framing) -> Self {
        Self { stream, ahead: None, chunked: framing == Framing::Chunked }
    }

    /// The client takes nothing at the moment: see [`crate::http::Source::poll_ahead`].
    pub fn poll_ahead(&mut self, cx: &mut Context<'_>) {
        self.stream.poll_ahead(cx);
    }

    pub fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Result<Next, Fault>> {
        let frame = match self.ahead.take() {
            Some(frame) => Some(frame),
            None => ready!(self.stream.poll_frame(cx)),
        };
        Poll::Ready(match frame {
            Some(Ok(Frame::Data(data))) => {
                let last = self.look_ahead(cx, data.len());
                Ok(Next::Data(data, last))
            }
            Some(Ok(Frame::Trailers(fields))) => Ok(Next::End(Some(fields))),
            Some(Err(fault)) => Err(fault),
            None => Ok(Next::End(None)),
        })
    }

    /// Whether the body ends right here. Of large pieces one at a time is enough: what a slow client is sent
    /// next need not be in memory twice.
    fn look_ahead(&mut self, cx: &mut Context<'_>, length: usize) -> bool {
        if !self.chunked || length > LOOK_AHEAD_MAX {
            return false;
        }
        match self.stream.poll_frame(cx) {
            Poll::Ready(None) => true,
            Poll::Ready(frame) => {
                self.ahead = frame;
                false
            }
            Poll::Pending => false,
        }
    }
}
