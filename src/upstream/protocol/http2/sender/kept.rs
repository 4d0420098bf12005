//! What was taken of a body that streams, for a server that has not looked at it.

use std::collections::VecDeque;
use std::task::{Context, Poll};

use bytes::Bytes;

use crate::http::{Body, Fault, Fields, Frame, Source, Stream};

/// A call's first messages. A server refuses a request before it has taken much.
const KEPT_MAX: usize = 64 * 1024;

/// The beginning of a body, as long as it is small.
#[derive(Debug)]
pub(super) struct Kept {
    /// Of the whole body, where it was announced.
    length: Option<u64>,
    pieces: VecDeque<Bytes>,
    trailers: Option<Fields>,
    size: usize,
    complete: bool,
}

impl Kept {
    pub(super) fn new(length: Option<u64>) -> Self {
        Self { length, pieces: VecDeque::new(), trailers: None, size: 0, complete: true }
    }

    pub(super) fn nothing() -> Self {
        Self { complete: false, ..Self::new(None) }
    }

    /// Whether nothing of it is missing.
    pub(super) const fn is_complete(&self) -> bool {
        self.complete
    }

    pub(super) fn take(&mut self, frame: Option<&Frame>) {
        match frame {
            _ if !self.complete => {}
            Some(Frame::Data(data)) => {
                self.size += data.len();
                self.complete = self.size <= KEPT_MAX;
                if self.complete {
                    self.pieces.push_back(data.clone());
                } else {
                    self.pieces = VecDeque::new();
                }
            }
            Some(Frame::Trailers(fields)) => self.trailers = Some(fields.clone()),
            None => {}
        }
    }

    /// The body again: what was taken, then what is still to come.
    pub(super) fn before(self, rest: Option<Stream>) -> Option<Body> {
        let Self { length, pieces, trailers, complete, .. } = self;
        if !complete {
            return None;
        }
        match rest {
            Some(rest) if pieces.is_empty() => Some(Body::Stream(rest)),
            rest => Some(Body::Stream(Stream::new(length, Again { pieces, trailers, rest }))),
        }
    }
}

struct Again {
    pieces: VecDeque<Bytes>,
    trailers: Option<Fields>,
    rest: Option<Stream>,
}

impl Source for Again {
    fn poll_frame(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Frame, Fault>>> {
        if let Some(piece) = self.pieces.pop_front() {
            return Poll::Ready(Some(Ok(Frame::Data(piece))));
        }
        match &mut self.rest {
            Some(rest) => rest.poll_frame(cx),
            None => Poll::Ready(self.trailers.take().map(|trailers| Ok(Frame::Trailers(trailers)))),
        }
    }
}
