//! Clients that leave while they are being served.

use std::task::{Context, Poll, ready};
use std::time::Duration;

use super::io::{End, Io};
use crate::http::Cause;
use crate::net::Deadline;

/// How long a client that has closed its sending side may still wait for what comes next.
const FAREWELL: Duration = Duration::from_millis(250);

/// Waits for a client to leave while its answer is waited for.
///
/// nginx takes every FIN for a farewell. Here a client that merely closed its sending side gets what is
/// ready in a moment; longer than that nobody works for it, and nobody begins to.
pub(super) struct Leaving {
    limit: Deadline,
    closed: bool,
}

impl Leaving {
    pub const fn new() -> Self {
        Self { limit: Deadline::none(), closed: false }
    }

    /// Ready when the client can no longer want an answer.
    pub fn poll(&mut self, io: &Io, cx: &mut Context<'_>) -> Poll<Cause> {
        if ready!(self.poll_closed(io, cx)) == End::Reset {
            return Poll::Ready(Cause::ClientLeft);
        }
        self.limit.poll(cx).map(|()| Cause::ClientLeft)
    }

    /// Ready when the client has closed its sending side.
    pub fn poll_closed(&mut self, io: &Io, cx: &mut Context<'_>) -> Poll<End> {
        if !self.closed {
            if ready!(io.poll_end(cx)) == End::Reset {
                return Poll::Ready(End::Reset);
            }
            self.closed = true;
            self.limit.set(FAREWELL);
        }
        Poll::Ready(End::Closed)
    }
}
