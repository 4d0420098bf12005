//! How long a connection may do nothing, and how long its client may take nothing.

use std::rc::Rc;
use std::task::{Context, Poll, ready};
use std::time::{Duration, Instant};

use super::link::Link;
use crate::http::Cause;
use crate::net::Deadline;
use crate::server::connection::Shared;
use crate::server::outbound::{FAST, FAST_WAIT, RATE, WINDOW};
use crate::server::pace::{Late, Pace};
use crate::server::room::Room;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    Busy,
    /// Nothing was asked for yet.
    First,
    Between,
    /// Something has begun to come.
    Inside,
}

pub(super) struct Rest {
    link: Rc<Link>,
    phase: Phase,
    /// Since when nothing is being answered.
    since: Instant,
    asked: bool,
    pace: Pace,
    written: u64,
    /// How much was written when answers were last seen to be held back, and how long they may be.
    held: (u64, Deadline),
}

impl Rest {
    pub fn new(link: &Rc<Link>) -> Self {
        Self {
            link: Rc::clone(link),
            phase: Phase::Busy,
            since: Instant::now(),
            asked: false,
            pace: Pace::over(WINDOW),
            written: 0,
            held: (u64::MAX, Deadline::none()),
        }
    }

    /// A request has come.
    pub fn work(&mut self, room: &Room) {
        self.asked = true;
        if self.phase != Phase::Busy {
            self.phase = Phase::Busy;
            if self.link.io.leave_idle() {
                room.left();
            }
        }
    }

    /// Nothing is being answered. Ready when there is a reason not to wait on; `last` is one.
    pub fn poll_idle<S>(&mut self, shared: &Shared<S>, last: bool, cx: &mut Context<'_>) -> Poll<()> {
        let io = &self.link.io;
        if self.phase == Phase::Busy {
            self.since = Instant::now();
            io.begin_waiting();
        }
        let phase = match self.asked {
            _ if self.link.floods.borrow().is_inside() => Phase::Inside,
            true => Phase::Between,
            false => Phase::First,
        };
        if phase != self.phase {
            self.phase = phase;
            let settings = shared.settings.get();
            // Whatever comes in between that is no request, such as a PING, does not have it wait for longer.
            io.read_limit.borrow_mut().set(match phase {
                Phase::Inside => settings.header,
                Phase::First | Phase::Busy => settings.header.saturating_sub(self.since.elapsed()),
                Phase::Between => settings.keep_alive.saturating_sub(self.since.elapsed()),
            });
        }
        if last || shared.connections.ends_idle() || io.is_unwanted() {
            return Poll::Ready(());
        }
        io.rest_idle(cx.waker().clone());
        io.read_limit.borrow_mut().poll(cx)
    }

    /// Answers wait for the client's windows, and for nothing else. Ready when that has lasted for too long.
    pub fn poll_held(&mut self, send: Duration, cx: &mut Context<'_>) -> Poll<()> {
        let (written, limit) = &mut self.held;
        if *written != self.link.written() {
            *written = self.link.written();
            limit.set(send);
        }
        ready!(limit.poll(cx));
        self.link.cause.set(Some(Cause::ClientStalled));
        Poll::Ready(())
    }

    /// Ready when the client has taken nothing, or too little, for too long, of whatever it asked for.
    pub fn poll_stalled(&mut self, send: Duration, cx: &mut Context<'_>) -> Poll<()> {
        let late = ready!(self.poll_late(send, cx));
        self.link.cause.set(Some(match late {
            Late::Silent => Cause::ClientStalled,
            Late::Slow => Cause::ClientTooSlow,
        }));
        Poll::Ready(())
    }

    fn poll_late(&mut self, send: Duration, cx: &mut Context<'_>) -> Poll<Late> {
        let (io, written) = (&self.link.io, self.link.written());
        if written > self.written {
            self.pace.moved(written - self.written);
            self.written = written;
            if self.pace.is_below(RATE) {
                return Poll::Ready(Late::Slow);
            }
            if written >= FAST && self.pace.waited() < FAST_WAIT && !io.fast.replace(true) {
                io.stream.take_any_amount();
            }
        }
        if !self.link.is_blocked() {
            return Poll::Pending;
        }
        self.pace.poll(cx, &mut io.write_limit.borrow_mut(), send, RATE)
    }
}
