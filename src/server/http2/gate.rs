//! How much the streams of a connection may hand over before that is written.

use std::cell::{Cell, RefCell};
use std::task::{Context, Poll, Waker};

/// What may be handed over in a turn. Streams take pieces of it one after the other, and who found none is
/// first in the next turn: so none keeps the others waiting for long, and what waits in memory has a bound
/// that does not grow with their number.
const TURN: usize = 128 * 1024;

/// A stream takes no more at a time.
pub(super) const PIECE: usize = 64 * 1024;

#[derive(Debug, Default)]
pub(super) struct Gate {
    room: Cell<usize>,
    waiting: RefCell<Vec<Waker>>,
}

impl Gate {
    /// A turn begins, in which as much may be handed over again, unless what was before is still here.
    pub fn open(&self, blocked: bool) {
        if blocked {
            return self.room.set(0);
        }
        self.room.set(TURN);
        for waker in self.waiting.take() {
            waker.wake();
        }
    }

    /// Takes room for up to `wanted` bytes, at least one.
    pub fn poll_take(&self, cx: &mut Context<'_>, wanted: usize) -> Poll<usize> {
        let taken = wanted.min(self.room.get()).min(PIECE);
        if taken == 0 {
            self.waiting.borrow_mut().push(cx.waker().clone());
            return Poll::Pending;
        }
        self.room.set(self.room.get() - taken);
        Poll::Ready(taken)
    }

    /// Whether somebody waits for the next turn.
    pub fn is_awaited(&self) -> bool {
        !self.waiting.borrow().is_empty()
    }
}
