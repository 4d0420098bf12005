//! Bodies for another attempt.

use std::task::{Context, Poll};

use bytes::Bytes;

use super::{Rest, Sender, Whole};
use crate::http::{self, Body, Cause, Fault, Frame, Source};

impl Sender {
    /// The body, if another attempt can still send all of it.
    pub(in super::super) fn reclaim(self) -> Option<Body> {
        let first = (!self.data.is_empty()).then_some(self.data);
        match (self.whole, self.rest, first) {
            (Some(Whole::Disk(range)), ..) => Some(Body::File(range)),
            (Some(Whole::Memory(bytes)), ..) if bytes.is_empty() => Some(Body::Empty),
            (Some(Whole::Memory(bytes)), ..) => Some(Body::Bytes(bytes)),
            (None, Rest::Stream { stream, .. }, None) if !self.pulled => Some(Body::Stream(stream)),
            (None, Rest::Stream { stream, .. }, first) if self.accepted == 0 => {
                Some(Body::Stream(http::Stream::new(stream.length, Prefixed { first, stream })))
            }
            (None, Rest::Nothing, Some(only)) if self.accepted == 0 => Some(Body::Bytes(only)),
            _ => None,
        }
    }
}

/// A body whose first piece was taken already, but not sent.
struct Prefixed {
    first: Option<Bytes>,
    stream: http::Stream,
}

impl Source for Prefixed {
    fn poll_frame(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Frame, Fault>>> {
        match self.first.take() {
            Some(first) => Poll::Ready(Some(Ok(Frame::Data(first)))),
            None => self.stream.poll_frame(cx),
        }
    }
}

/// What no request has for a body.
pub(super) struct Unsendable;

impl Source for Unsendable {
    fn poll_frame(&mut self, _cx: &mut Context<'_>) -> Poll<Option<Result<Frame, Fault>>> {
        Poll::Ready(Some(Err(Fault::new(Cause::Internal, "the request's body is a tunnel"))))
    }
}
