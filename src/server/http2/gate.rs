//! How much the streams of a connection may hand over before that is written.

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::task::{Context, Poll, Waker};

/// What may be handed over in a turn. What waits in memory has so a bound that does not grow with the number
/// of streams.
const TURN: usize = 128 * 1024;

/// A stream takes no more at a time.
pub(super) const PIECE: usize = 64 * 1024;

/// And less where there are many, so that none keeps the others waiting for long.
const SHARED: usize = 256 * 1024;
const LEAST: usize = 4 * 1024;

/// Room for pieces, first come, first served.
#[derive(Debug, Default)]
pub(super) struct Gate {
    room: Cell<usize>,
    /// Of it, what is kept for those who were told that it is their turn.
    kept: Cell<usize>,
    waiting: RefCell<VecDeque<(Waker, usize)>>,
    /// Who comes next to wait, and who was not told yet, counted from the first.
    next: Cell<u64>,
    called: Cell<u64>,
}

/// A stream's place among those that wait, and what it waits for.
#[derive(Debug, Default)]
pub(super) struct Turn(Option<(u64, usize)>);

impl Gate {
    /// As much may be handed over again, unless what was before is still here.
    pub fn open(&self, blocked: bool) {
        self.kept.set(0);
        if blocked {
            return self.room.set(0);
        }
        self.room.set(TURN);
        while self.kept.get() < TURN {
            let Some((waker, wanted)) = self.waiting.borrow_mut().pop_front() else { return };
            self.kept.set(self.kept.get() + wanted);
            self.called.set(self.called.get() + 1);
            waker.wake();
        }
    }

    /// Takes room for up to `wanted` bytes, at least one.
    pub fn poll_take(&self, cx: &mut Context<'_>, turn: &mut Turn, wanted: usize) -> Poll<usize> {
        let wanted = wanted.min(PIECE);
        let room = match turn.0 {
            Some((place, _)) if place >= self.called.get() => return Poll::Pending,
            Some((_, kept)) => {
                turn.0 = None;
                self.kept.set(self.kept.get().saturating_sub(kept));
                self.room.get().min(kept)
            }
            None if self.is_awaited() => 0,
            None => self.room.get().saturating_sub(self.kept.get()),
        };
        let taken = wanted.min(room);
        if taken == 0 {
            turn.0 = Some((self.next.get(), wanted));
            self.next.set(self.next.get() + 1);
            self.waiting.borrow_mut().push_back((cx.waker().clone(), wanted));
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

/// What one of so many streams asks for at a time.
pub(super) const fn share(streams: usize) -> usize {
    let share = SHARED / if streams > 0 { streams } else { 1 };
    if share < LEAST {
        LEAST
    } else if share < PIECE {
        share
    } else {
        PIECE
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn take(gate: &Gate, turn: &mut Turn, wanted: usize) -> usize {
        match gate.poll_take(&mut Context::from_waker(Waker::noop()), turn, wanted) {
            Poll::Ready(taken) => taken,
            Poll::Pending => 0,
        }
    }

    #[test]
    fn a_turn_has_an_end() {
        let gate = Gate::default();
        gate.open(false);
        let mut turns = [const { Turn(None) }; 3];
        let taken = turns.each_mut().map(|turn| take(&gate, turn, usize::MAX));
        assert_eq!((taken, gate.is_awaited()), ([PIECE, PIECE, 0], true));
        gate.open(true);
        assert_eq!(take(&gate, &mut turns[2], PIECE), 0, "the socket takes nothing");
    }

    #[test]
    fn who_has_waited_comes_first() {
        let gate = Gate::default();
        gate.open(false);
        let mut turns = [const { Turn(None) }; 4];
        let [first, second, third, fourth] = &mut turns;
        for turn in [&mut *first, second, third, fourth] {
            take(&gate, turn, PIECE);
        }
        // Two were served, and ask again before the two others are there.
        gate.open(false);
        assert_eq!((take(&gate, first, PIECE), take(&gate, second, PIECE)), (0, 0));
        assert_eq!((take(&gate, third, PIECE), take(&gate, fourth, PIECE)), (PIECE, PIECE));
        gate.open(false);
        assert_eq!((take(&gate, first, PIECE), take(&gate, second, PIECE)), (PIECE, PIECE));
    }

    #[test]
    fn many_that_want_little_are_served_in_one_turn() {
        let gate = Gate::default();
        let mut turns = [const { Turn(None) }; 100];
        assert!(turns.iter_mut().all(|turn| take(&gate, turn, 1000) == 0));
        gate.open(false);
        assert!(turns.iter_mut().all(|turn| take(&gate, turn, 1000) == 1000));
    }

    #[test]
    fn one_that_has_left_keeps_nobody_waiting_for_ever() {
        let gate = Gate::default();
        let (mut gone, mut stays) = (Turn(None), Turn(None));
        for turn in [&mut gone, &mut stays] {
            take(&gate, turn, PIECE);
        }
        gate.open(false);
        assert_eq!(take(&gate, &mut stays, PIECE), PIECE);
    }

    #[test]
    fn shares_are_smaller_where_there_are_many() {
        assert_eq!([share(0), share(1), share(8), share(128)], [PIECE, PIECE, 32 * 1024, LEAST]);
    }
}
