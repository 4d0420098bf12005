//! Whether a body comes fast enough.

use std::time::Duration;

use tokio::time::Instant;

/// What the average is taken over: long enough for a train's tunnel.
const WINDOW: Duration = Duration::from_secs(30);

/// The average rate of a body. Only time spent waiting for the client counts: how long a disk or an
/// application takes for what has come is not the client's doing.
#[derive(Debug, Default)]
pub(super) struct Pace {
    /// In the present window, before the present wait.
    waited: Duration,
    received: u64,
    /// When the present wait began.
    since: Option<Instant>,
    /// How much of the present wait belongs to windows before.
    settled: Duration,
}

impl Pace {
    /// A wait begins, unless one is under way. True if it does.
    pub fn wait(&mut self) -> bool {
        let begins = self.since.is_none();
        self.since.get_or_insert_with(Instant::now);
        begins
    }

    /// How long the present wait has lasted.
    pub fn waiting(&self) -> Duration {
        self.since.map_or(Duration::ZERO, |since| since.elapsed())
    }

    /// How much longer the present wait may last before the rate is known.
    pub fn left(&self) -> Duration {
        WINDOW.saturating_sub(self.window())
    }

    /// The wait is over with so many bytes.
    pub fn came(&mut self, bytes: u64) {
        self.waited = self.window();
        (self.since, self.settled) = (None, Duration::ZERO);
        self.received = self.received.saturating_add(bytes);
    }

    /// Whether a whole window brought less than `rate` bytes a second; behind each window the next begins.
    pub fn is_below(&mut self, rate: u64) -> bool {
        if self.window() < WINDOW {
            return false;
        }
        let below = self.received < rate.saturating_mul(WINDOW.as_secs());
        (self.waited, self.received, self.settled) = (Duration::ZERO, 0, self.waiting());
        below
    }

    fn window(&self) -> Duration {
        self.waited + self.waiting().saturating_sub(self.settled)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn wait(pace: &mut Pace, seconds: u64, bytes: u64) {
        pace.wait();
        tokio::time::advance(Duration::from_secs(seconds)).await;
        pace.came(bytes);
    }

    #[tokio::test(start_paused = true)]
    async fn each_window_is_judged_by_itself() {
        let mut pace = Pace::default();
        wait(&mut pace, 29, 0).await;
        assert!(!pace.is_below(1), "nobody knows yet");
        wait(&mut pace, 1, 30).await;
        assert!(!pace.is_below(1));
        wait(&mut pace, 30, 29).await;
        assert!(pace.is_below(1), "what came before does not count");
    }

    #[tokio::test(start_paused = true)]
    async fn time_that_others_take_does_not_count() {
        let mut pace = Pace::default();
        wait(&mut pace, 20, 5).await;
        tokio::time::advance(Duration::from_secs(3600)).await;
        wait(&mut pace, 9, 5).await;
        assert!(!pace.is_below(1));
    }

    #[tokio::test(start_paused = true)]
    async fn a_wait_under_way_counts() {
        let mut pace = Pace::default();
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
