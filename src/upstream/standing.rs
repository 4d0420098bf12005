//! What a server's record is worth: whether it may be asked, and how much.
//!
//! Two judges have a say. Active checks call a server down or up, or see that it stalls: it is at work, and
//! answered nothing while they waited. Whether such a one is busy or hangs nobody knows, but others are
//! quicker. Requests that fail one after the other have it left alone for a while ("ejected"); after that
//! it is on trial, with one request at a time, until it answers one. A server that came back by either way
//! has its share of the requests by and by.

use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

use super::moment::Moment;
use super::settings::Passive;

/// Written by all event loops and the checks; what every request reads of it is atomic.
#[derive(Debug)]
pub(super) struct Standing {
    down: Moment,
    stalled: AtomicBool,
    ejected_until: Moment,
    on_trial: AtomicBool,
    /// When its share of the requests began to grow.
    rising_since: Moment,
    /// Whether there is a tally, so that answers of a server without one touch no lock.
    failing: AtomicBool,
    tally: Mutex<Option<Tally>>,
    /// Answers since the failures of the tally began.
    answers: AtomicU32,
}

/// Whether a server may be asked.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Fitness {
    Fit,
    /// So much of its share, below 1.
    Rising(f32),
    /// One request at a time.
    OnTrial,
    Unfit,
}

/// Failures within one window.
#[derive(Clone, Copy, Debug)]
struct Tally {
    since: Instant,
    failures: u32,
}

/// What has to be told of a failure.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Record {
    pub failures: u32,
    /// Answers that came in between.
    pub answers: u32,
}

impl Standing {
    pub(super) fn new() -> Self {
        Self {
            down: Moment::none(),
            stalled: AtomicBool::new(false),
            ejected_until: Moment::none(),
            on_trial: AtomicBool::new(false),
            rising_since: Moment::none(),
            failing: AtomicBool::new(false),
            tally: Mutex::new(None),
            answers: AtomicU32::new(0),
        }
    }

    pub(super) fn fitness(&self, slow_start: Duration) -> Fitness {
        if self.down.is_set() || self.stalled.load(Ordering::Relaxed) {
            return Fitness::Unfit;
        }
        if let Some(until) = self.ejected_until.get() {
            if Instant::now() < until {
                return Fitness::Unfit;
            }
            return Fitness::OnTrial;
        }
        if self.on_trial.load(Ordering::Relaxed) {
            return Fitness::OnTrial;
        }
        let Some(since) = self.rising_since.get() else { return Fitness::Fit };
        let risen = since.elapsed();
        if risen >= slow_start {
            self.rising_since.clear();
            return Fitness::Fit;
        }
        Fitness::Rising(risen.as_secs_f32() / slow_start.as_secs_f32())
    }

    /// Ends an ejection whose time is over. True for the one caller that has to tell of it.
    pub(super) fn recall(&self) -> bool {
        let over = self.ejected_until.get().is_some_and(|until| Instant::now() >= until);
        // On trial first: between the two it must not look as if nothing had been.
        if over {
            self.on_trial.store(true, Ordering::Relaxed);
        }
        over && self.ejected_until.clear()
    }

    /// An answer came. True if it ends a trial.
    pub(super) fn answered(&self, slow_start: Duration) -> bool {
        if self.stalled.load(Ordering::Relaxed) {
            self.stalled.store(false, Ordering::Relaxed);
        }
        if self.failing.load(Ordering::Relaxed) {
            self.answers.fetch_add(1, Ordering::Relaxed);
        }
        let acquitted = self.on_trial.load(Ordering::Relaxed) && self.on_trial.swap(false, Ordering::Relaxed);
        if acquitted {
            self.forget();
            self.rise(slow_start);
        }
        acquitted
    }

    /// A request failed. `Some` if the server is to be left alone for it: too many failures within the
    /// window, and at least as many as answers, since a busy server may lose a few of thousands; or one on
    /// trial.
    pub(super) fn failed(&self, passive: &Passive) -> Option<Record> {
        if passive.fails == 0 {
            return None;
        }
        let now = Instant::now();
        let mut tally = self.lock();
        let fresh = tally.filter(|tally| now.saturating_duration_since(tally.since) < passive.window);
        let since = fresh.map_or(now, |tally| tally.since);
        let failures = fresh.map_or(0, |tally| tally.failures).saturating_add(1);
        if fresh.is_none() {
            self.answers.store(0, Ordering::Relaxed);
        }
        *tally = Some(Tally { since, failures });
        self.failing.store(true, Ordering::Relaxed);
        let answers = self.answers.load(Ordering::Relaxed);
        let too_many = failures >= passive.fails && failures >= answers;
        (too_many || self.on_trial.load(Ordering::Relaxed)).then_some(Record { failures, answers })
    }

    /// Leaves the server alone until then. True unless it is already.
    pub(super) fn eject(&self, until: Instant) -> bool {
        let news = !self.ejected_until.is_set();
        self.ejected_until.set(until);
        self.on_trial.store(false, Ordering::Relaxed);
        self.forget();
        news
    }

    pub(super) fn ejected_until(&self) -> Option<Instant> {
        self.ejected_until.get()
    }

    /// Since when checks call it down.
    pub(super) fn down_since(&self) -> Option<Instant> {
        self.down.get()
    }

    /// The verdict of the checks. What requests said of it is outdated then.
    pub(super) fn set_down(&self, down: bool, slow_start: Duration) {
        if down {
            self.down.set(Instant::now());
        } else if self.down.clear() {
            self.ejected_until.clear();
            self.on_trial.store(false, Ordering::Relaxed);
            self.forget();
            self.rise(slow_start);
        }
    }

    /// Whether a check found it at work without an answer to anyone.
    pub(super) fn set_stalled(&self, stalled: bool) {
        self.stalled.store(stalled, Ordering::Relaxed);
    }

    /// Takes back the word of a judge that has been dismissed: the checks, or the count of failures.
    pub(super) fn pardon(&self, checked: bool, ejected: bool) {
        if !checked {
            self.down.clear();
            self.set_stalled(false);
        }
        if !ejected {
            self.ejected_until.clear();
            self.on_trial.store(false, Ordering::Relaxed);
            self.forget();
        }
    }

    fn rise(&self, slow_start: Duration) {
        if !slow_start.is_zero() {
            self.rising_since.set(Instant::now());
        }
    }

    fn forget(&self) {
        *self.lock() = None;
        self.failing.store(false, Ordering::Relaxed);
    }

    /// Nobody panics with the lock held; if it were so, a count would be no reason to fail as well.
    fn lock(&self) -> MutexGuard<'_, Option<Tally>> {
        self.tally.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests;
