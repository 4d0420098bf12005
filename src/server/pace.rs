//! Whether a body comes, or goes, fast enough.

use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::time::Instant;

use crate::net::Deadline;

/// The average rate of a body. Only time spent waiting for the client counts: how long a disk or an
/// application takes for what has come is not the client's doing.
#[derive(Debug)]
pub(super) struct Pace {
    /// What the average is taken over.
    period: Duration,
    /// In the present window, before the present wait.
    waited: Duration,
    moved: u64,
    /// When the present wait began.
    since: Option<Instant>,
    /// How much of the present wait belongs to windows before.
    settled: Duration,
}

/// How a client is late.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Late {
    /// Nothing came, or was taken, for too long.
    Silent,
    /// Too little on average.
    Slow,
}

impl Pace {
    pub const fn over(period: Duration) -> Self {
        Self { period, waited: Duration::ZERO, moved: 0, since: None, settled: Duration::ZERO }
    }

    /// Waits until the client has been silent for `silence`, or has kept up less than `rate` bytes a second;
    /// 0 is any rate. `limit` is the timer for this wait alone.
    pub fn poll(
        &mut self,
        cx: &mut Context<'_>,
        limit: &mut Deadline,
        silence: Duration,
        rate: u64,
    ) -> Poll<Late> {
        let mut begins = self.wait();
        loop {
            if begins {
                let left = silence.saturating_sub(self.waiting());
                limit.set(if rate > 0 { left.min(self.left()) } else { left });
            }
            ready!(limit.poll(cx));
            if self.waiting() >= silence {
                return Poll::Ready(Late::Silent);
            }
            if self.is_below(rate) {
                return Poll::Ready(Late::Slow);
            }
            begins = true;
        }
    }

    /// A wait begins, unless one is under way. True if it does.
    fn wait(&mut self) -> bool {
        let begins = self.since.is_none();
        self.since.get_or_insert_with(Instant::now);
        begins
    }

    /// How long the present wait has lasted.
    fn waiting(&self) -> Duration {
        self.since.map_or(Duration::ZERO, |since| since.elapsed())
    }

    /// How much longer the present wait may last before the rate is known.
    fn left(&self) -> Duration {
        self.period.saturating_sub(self.window())
    }

    /// The wait is over with so many bytes.
    pub fn moved(&mut self, bytes: u64) {
        self.waited = self.window();
        (self.since, self.settled) = (None, Duration::ZERO);
        self.moved = self.moved.saturating_add(bytes);
    }

    /// How long the client was waited for in the present window.
    pub const fn waited(&self) -> Duration {
        self.waited
    }

    /// Whether a whole window moved less than `rate` bytes a second; behind each window the next begins.
    pub fn is_below(&mut self, rate: u64) -> bool {
        if self.window() < self.period {
            return false;
        }
        let below = self.moved < rate.saturating_mul(self.period.as_secs());
        (self.waited, self.moved, self.settled) = (Duration::ZERO, 0, self.waiting());
        below
    }

    fn window(&self) -> Duration {
        self.waited + self.waiting().saturating_sub(self.settled)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const WINDOW: Duration = Duration::from_secs(30);

    async fn wait(pace: &mut Pace, seconds: u64, bytes: u64) {
        pace.wait();
        tokio::time::advance(Duration::from_secs(seconds)).await;
        pace.moved(bytes);
    }

    #[tokio::test(start_paused = true)]
    async fn each_window_is_judged_by_itself() {
        let mut pace = Pace::over(WINDOW);
        wait(&mut pace, 29, 0).await;
        assert!(!pace.is_below(1), "nobody knows yet");
        wait(&mut pace, 1, 30).await;
        assert!(!pace.is_below(1));
        wait(&mut pace, 30, 29).await;
        assert!(pace.is_below(1), "what came before does not count");
    }

    #[tokio::test(start_paused = true)]
    async fn time_that_others_take_does_not_count() {
        let mut pace = Pace::over(WINDOW);
        wait(&mut pace, 20, 5).await;
        tokio::time::advance(Duration::from_secs(3600)).await;
        wait(&mut pace, 9, 5).await;
        assert!(!pace.is_below(1));
    }

    #[tokio::test(start_paused = true)]
    async fn a_wait_under_way_counts() {
        let mut pace = Pace::over(WINDOW);
        assert!(pace.wait());
        tokio::time::advance(Duration::from_secs(10)).await;
        assert!(!pace.wait());
        assert_eq!((pace.waiting(), pace.left()), (Duration::from_secs(10), Duration::from_secs(20)));
        tokio::time::advance(Duration::from_secs(20)).await;
        assert!(pace.is_below(1));
        // The silence goes on, in the next window.
        assert_eq!((pace.waiting(), pace.left()), (Duration::from_secs(30), WINDOW));
    }
}
