//! Whether a server gets on with its work: what tells one that is busy from one that hangs.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tokio::time::Instant;

/// The bit that stands for an answer.
const ANSWERED: u64 = 1;

/// When a server last began to answer, or to work after that.
#[derive(Debug)]
pub(super) struct Progress {
    epoch: Instant,
    /// Milliseconds since `epoch`; doubled, and one more while the latest is an answer.
    state: AtomicU64,
}

impl Progress {
    pub(super) fn new() -> Self {
        Self { epoch: Instant::now(), state: AtomicU64::new(ANSWERED) }
    }

    /// It was idle, and has a request. Work upon work without an answer is no progress, even if nobody waits
    /// in between.
    pub(super) fn began(&self) {
        if self.state.load(Ordering::Relaxed) & ANSWERED != 0 {
            self.state.store(self.millis(Instant::now()) * 2, Ordering::Relaxed);
        }
    }

    /// It has answered, be it a request or a check.
    pub(super) fn answered(&self, now: Instant) {
        self.state.store(self.millis(now) * 2 + ANSWERED, Ordering::Relaxed);
    }

    /// Whether there was any so shortly before. A server with requests in flight is busy as long as it makes
    /// progress; without, it hangs.
    pub(super) fn within(&self, limit: Duration) -> bool {
        self.since(Instant::now()) <= limit
    }

    /// How long ago there was any.
    pub(super) fn since(&self, now: Instant) -> Duration {
        let last = self.state.load(Ordering::Relaxed) / 2;
        Duration::from_millis(self.millis(now).saturating_sub(last))
    }

    /// Half the range is enough for any process.
    fn millis(&self, now: Instant) -> u64 {
        let millis = now.saturating_duration_since(self.epoch).as_millis();
        u64::try_from(millis).unwrap_or(u64::MAX) & (u64::MAX >> 2)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    #[tokio::test(start_paused = true)]
    async fn progress_is_to_begin_an_answer_or_work_after_it() {
        let progress = Progress::new();
        tokio::time::advance(2 * SECOND).await;
        assert!(!progress.within(SECOND));
        progress.began();
        assert!(progress.within(SECOND));
        tokio::time::advance(2 * SECOND).await;
        progress.began();
        assert!(!progress.within(SECOND), "more work is no progress");
        progress.answered(Instant::now());
        assert!(progress.within(SECOND));
    }

    #[tokio::test(start_paused = true)]
    async fn requests_that_come_and_go_without_an_answer_are_no_progress() {
        let progress = Progress::new();
        for _ in 0..3 {
            progress.began();
            tokio::time::advance(SECOND).await;
        }
        assert!(!progress.within(2 * SECOND));
        progress.answered(Instant::now());
        tokio::time::advance(3 * SECOND).await;
        progress.began();
        assert!(progress.within(2 * SECOND));
    }
}
