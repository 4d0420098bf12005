//! By when the next thing has to happen.

use std::task::{Context, Poll, ready};

use super::super::fault;
use super::Conversation;
use crate::http::Fault;

/// What the deadline is set for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Waiting {
    /// The client's next bytes, which have their own limit.
    Client,
    Send,
    FirstByte,
    Read,
}

impl Conversation {
    fn waiting(&self) -> Waiting {
        match (self.sender.is_over(), self.answered) {
            (false, _) => self.held_up,
            (true, false) => Waiting::FirstByte,
            (true, true) => Waiting::Read,
        }
    }

    /// The fault of whoever let the deadline pass.
    ///
    /// The deadline is set when nothing is there any more, not when something was: the time a slow
    /// client takes for what it was given is not the server's.
    pub(in super::super) fn poll_limit(&mut self, cx: &mut Context<'_>) -> Poll<Fault> {
        let settings = self.line.lease.settings();
        let waiting = self.waiting();
        let limit = match waiting {
            Waiting::Client => return Poll::Pending,
            Waiting::Send => settings.send,
            Waiting::FirstByte | Waiting::Read => settings.read,
        };
        if !self.armed {
            self.armed = true;
            self.line.connection.deadline.set(limit);
        }
        ready!(self.line.connection.deadline.poll(cx));
        Poll::Ready(match waiting {
            Waiting::Send => fault::send_timeout(self, limit, self.sender.accepted),
            Waiting::Client | Waiting::FirstByte => fault::first_byte_timeout(self, limit),
            Waiting::Read => fault::read_timeout(self, limit),
        })
    }
}
