//! Answers that are sent no faster than their limit says.

use std::future::poll_fn;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::time::Instant;

use super::frames::Frames;
use super::io::{End, Io};
use crate::http::{Cause, Fault, LimitRate};
use crate::net::Deadline;

/// What may go at once, in parts of a second: short enough for a smooth flow, and the timer fires twice in it.
const BURST: u64 = 10;

/// And at least so much, or slow answers would go in packets that are mostly header.
const BURST_MIN: u64 = 4 * 1024;

/// Budgets are counted in billionths of a byte, so that nothing is lost by rounding at any rate.
const BYTE: u128 = 1_000_000_000;

/// A token bucket (nginx's limit_rate).
///
/// At no time more is out than `after`, one burst, and the rate times the time gone by.
#[derive(Debug)]
pub(super) struct Throttle {
    rate: u64,
    burst: u64,
    budget: u128,
    /// When that was the budget.
    counted: Instant,
    timer: Deadline,
}

impl Throttle {
    pub fn new(limit: LimitRate) -> Self {
        let rate = limit.rate.get();
        let burst = (rate / BURST).max(BURST_MIN);
        let budget = u128::from(limit.after.saturating_add(burst)).saturating_mul(BYTE);
        Self { rate, burst, budget, counted: Instant::now(), timer: Deadline::none() }
    }

    /// Waits until sending is worth while; then tells how many of the `wanted` bytes may go, at least one.
    /// Meanwhile what comes `behind` them may read on.
    pub async fn turn(
        &mut self,
        io: &Io,
        wanted: u64,
        mut behind: Option<&mut Frames>,
    ) -> Result<u64, Fault> {
        let wait = self.wait(wanted);
        if !wait.is_zero() {
            self.timer.set(wait);
            poll_fn(|cx| {
                if let Some(frames) = behind.as_deref_mut() {
                    frames.poll_ahead(cx);
                }
                // One that merely ended its direction waits for no fault of its own: it gets its bytes. If it
                // is gone, the next write tells.
                if io.poll_end(cx) == Poll::Ready(End::Reset) {
                    return Poll::Ready(Err(Fault::from(Cause::ClientLeft)));
                }
                self.timer.poll(cx).map(Ok)
            })
            .await?;
        }
        self.count();
        Ok(self.allowed(wanted))
    }

    /// The same without a connection's end to look out for.
    pub fn poll_turn(&mut self, cx: &mut Context<'_>, wanted: u64) -> Poll<u64> {
        let wait = self.wait(wanted);
        if !wait.is_zero() {
            self.timer.set(wait);
            ready!(self.timer.poll(cx));
            self.count();
        }
        Poll::Ready(self.allowed(wanted))
    }

    fn allowed(&self, wanted: u64) -> u64 {
        u64::try_from(self.budget / BYTE).unwrap_or(u64::MAX).clamp(1, wanted.max(1))
    }

    /// So many bytes went.
    pub fn spend(&mut self, bytes: u64) {
        self.budget = self.budget.saturating_sub(u128::from(bytes).saturating_mul(BYTE));
    }

    /// How long it is until sending is worth while: for half a burst, but no longer than a second.
    fn wait(&mut self, wanted: u64) -> Duration {
        self.count();
        let step = wanted.min(self.burst / 2).min(self.rate).max(1);
        let missing = u128::from(step).saturating_mul(BYTE).saturating_sub(self.budget);
        let nanoseconds = missing.div_ceil(u128::from(self.rate));
        Duration::from_nanos(u64::try_from(nanoseconds).unwrap_or(u64::MAX))
    }

    /// Adds what time brought. What is not used lasts for one burst; `after` lasts until it is.
    fn count(&mut self) {
        let now = Instant::now();
        let gone = now.saturating_duration_since(self.counted).as_nanos();
        let full = u128::from(self.burst).saturating_mul(BYTE);
        let grown = self.budget.saturating_add(gone.saturating_mul(u128::from(self.rate))).min(full);
        self.budget = self.budget.max(grown);
        self.counted = now;
    }
}
