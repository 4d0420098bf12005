//! By when the next thing has to happen.

use std::task::{Context, Poll, ready};
use std::time::Duration;

use super::super::fault;
use super::Conversation;
use crate::http::Fault;
use crate::net::Deadline;

/// What the deadline is set for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Waiting {
    /// The client's next bytes, which have their own limit.
    Client,
    /// The server's leave to open the stream.
    Open,
    Send,
    FirstByte,
    Read,
}

/// The limit for a wait, from its first poll on.
#[derive(Debug)]
pub(super) struct Timer {
    deadline: Deadline,
    armed: bool,
}

impl Timer {
    pub(super) const fn none() -> Self {
        Self { deadline: Deadline::none(), armed: false }
    }

    /// Another wait begins.
    pub(super) fn disarm(&mut self) {
        self.armed = false;
    }

    fn poll(&mut self, cx: &mut Context<'_>, limit: Duration) -> Poll<()> {
        if !self.armed {
            self.armed = true;
            self.deadline.set(limit);
        }
        self.deadline.poll(cx)
    }
}

impl Conversation {
    fn waiting(&self) -> Waiting {
        match (self.opening.is_over, self.sender.is_over(), self.answered) {
            (false, ..) => Waiting::Open,
            (true, false, _) => self.held_up,
            (true, true, false) => Waiting::FirstByte,
            (true, true, true) => Waiting::Read,
        }
    }

    /// The fault of whoever let the deadline pass.
    ///
    /// The deadline is set when nothing is there any more, not when something was: the time a slow
    /// client takes for what it was given is not the server's.
    pub(in super::super) fn poll_limit(&mut self, cx: &mut Context<'_>) -> Poll<Fault> {
        let settings = self.lease.settings();
        let waiting = self.waiting();
        let limit = match waiting {
            Waiting::Client => return Poll::Pending,
            Waiting::Open | Waiting::Send => settings.send,
            Waiting::FirstByte | Waiting::Read => settings.read,
        };
        ready!(self.timer.poll(cx, limit));
        Poll::Ready(match waiting {
            Waiting::Open => fault::not_opened(self, limit),
            Waiting::Send => fault::send_timeout(self, limit, self.sender.accepted),
            Waiting::Client | Waiting::FirstByte => fault::first_byte_timeout(self, limit),
            Waiting::Read => fault::read_timeout(self, limit),
        })
    }
}
