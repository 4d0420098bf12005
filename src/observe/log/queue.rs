//! What is on its way to the thread that writes it.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::ThreadId;
use std::time::{Duration, Instant};

use super::output::Output;

/// Lines and orders of one log. The lock is held for a few instructions, never while anything is written.
#[derive(Debug)]
pub(super) struct Queue {
    state: Mutex<State>,
    changed: Condvar,
    wanted: AtomicBool,
    dropped: AtomicU64,
    /// Bytes.
    most: usize,
}

#[derive(Debug, Default)]
struct State {
    lines: VecDeque<Vec<u8>>,
    bytes: usize,
    orders: VecDeque<Order>,
    /// Once it has started.
    writer: Option<ThreadId>,
    /// The writer is at something that it took from here.
    busy: bool,
    life: Life,
}

/// How far the writer is on its way to its end.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
enum Life {
    #[default]
    Open,
    /// It is to end when nothing is left.
    Closing,
    /// It is to end now.
    GivenUp,
    Ended,
}

/// Comes before all lines, and has always room.
#[derive(Debug)]
pub(super) enum Order {
    Reopen,
    TurnTo(Output),
}

/// What the writer does next.
#[derive(Debug)]
pub(super) enum Next {
    Lines(Vec<u8>),
    Order(Order),
    /// Nothing has come for a while.
    Idle,
    End,
}

impl Queue {
    pub fn new(most: usize) -> Self {
        Self {
            state: Mutex::default(),
            changed: Condvar::new(),
            wanted: AtomicBool::new(false),
            dropped: AtomicU64::new(0),
            most,
        }
    }

    pub fn set_started(&self, writer: ThreadId) {
        self.lock().writer = Some(writer);
    }

    pub fn is_wanted(&self) -> bool {
        self.wanted.load(Ordering::Relaxed)
    }

    pub fn set_wanted(&self, wanted: bool) {
        self.wanted.store(wanted, Ordering::Relaxed);
    }

    pub fn dropped(&self) -> u64 {
        self.dropped.load(Ordering::Relaxed)
    }

    /// Counts lines that are not written.
    pub fn lose(&self, lines: &[u8]) {
        self.dropped.fetch_add(count(lines), Ordering::Relaxed);
    }

    pub fn push(&self, lines: Vec<u8>) {
        if lines.is_empty() {
            return;
        }
        let mut state = self.lock();
        let is_full = state.bytes + lines.len() > self.most;
        // What the writer has to say of lost lines must not be one of them.
        if state.life >= Life::GivenUp || (is_full && state.writer != Some(std::thread::current().id())) {
            drop(state);
            return self.lose(&lines);
        }
        state.bytes += lines.len();
        state.lines.push_back(lines);
        drop(state);
        self.changed.notify_all();
    }

    pub fn order(&self, order: Order) {
        self.lock().orders.push_back(order);
        self.changed.notify_all();
    }

    /// Waits for something to do, but no longer than `limit`.
    pub fn next(&self, limit: Duration) -> Next {
        let mut state = self.lock();
        state.busy = false;
        self.changed.notify_all();
        let deadline = Instant::now() + limit;
        loop {
            if state.life >= Life::GivenUp {
                return Self::end(state, &self.changed);
            }
            if let Some(order) = state.orders.pop_front() {
                state.busy = true;
                return Next::Order(order);
            }
            if let Some(lines) = state.lines.pop_front() {
                state.bytes -= lines.len();
                state.busy = true;
                return Next::Lines(lines);
            }
            if state.life >= Life::Closing {
                return Self::end(state, &self.changed);
            }
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Next::Idle;
            }
            state = self.wait(state, left);
        }
    }

    fn end(mut state: MutexGuard<'_, State>, changed: &Condvar) -> Next {
        state.life = Life::Ended;
        changed.notify_all();
        Next::End
    }

    /// An order that came while the writer is held up.
    pub fn urgent(&self) -> Option<Order> {
        self.lock().orders.pop_front()
    }

    /// Whether nobody waits any longer for what is being written.
    pub fn is_given_up(&self) -> bool {
        self.lock().life >= Life::GivenUp
    }

    /// Waits until all is written; `false` if that takes too long. The writer itself cannot wait for it.
    pub fn flush(&self, limit: Duration) -> bool {
        if self.lock().writer == Some(std::thread::current().id()) {
            return false;
        }
        let is_done = |state: &State| {
            state.writer.is_none() || (state.lines.is_empty() && state.orders.is_empty() && !state.busy)
        };
        self.wait_until(limit, is_done).1
    }

    pub fn close(&self, limit: Duration) {
        self.lock().life = Life::Closing;
        self.changed.notify_all();
        let (mut state, ended) =
            self.wait_until(limit, |state| state.writer.is_none() || state.life == Life::Ended);
        state.life = state.life.max(Life::GivenUp);
        let lost: u64 = state.lines.drain(..).map(|lines| count(&lines)).sum();
        drop(state);
        self.dropped.fetch_add(lost, Ordering::Relaxed);
        if !ended {
            self.changed.notify_all();
        }
    }

    fn wait_until(&self, limit: Duration, holds: impl Fn(&State) -> bool) -> (MutexGuard<'_, State>, bool) {
        let deadline = Instant::now() + limit;
        let mut state = self.lock();
        while !holds(&state) {
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return (state, false);
            }
            state = self.wait(state, left);
        }
        (state, true)
    }

    fn wait<'a>(&self, state: MutexGuard<'a, State>, limit: Duration) -> MutexGuard<'a, State> {
        self.changed.wait_timeout(state, limit).unwrap_or_else(PoisonError::into_inner).0
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // Nobody panics with the lock held; if it were so, a log would be no reason to fail as well.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn count(lines: &[u8]) -> u64 {
    memchr::memchr_iter(b'\n', lines).count() as u64
}
