//! A little time for receivers that are nearly as fast as their senders.

use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::time::Instant;

use crate::net::Deadline;

/// How long an upstream is held back, all in all, before a file is made of what it sends. Without it a client
/// on the same machine would have every large answer go by way of the disk, at twice the processor time.
pub(super) const GRACE: Duration = Duration::from_millis(10);

/// What is left of it for one answer.
#[derive(Debug)]
pub(super) struct Grace {
    left: Duration,
    since: Option<Instant>,
    timer: Deadline,
}

impl Default for Grace {
    fn default() -> Self {
        Self { left: GRACE, since: None, timer: Deadline::none() }
    }
}

impl Grace {
    /// The upstream is held back: ready when it has been for long enough.
    pub fn poll_end(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        if !self.left.is_zero() {
            if self.since.is_none() {
                self.since = Some(Instant::now());
                self.timer.set(self.left);
            }
            ready!(self.timer.poll(cx));
            self.left = Duration::ZERO;
        }
        Poll::Ready(())
    }

    /// The receiver has taken something, so that the upstream may send again.
    pub fn pause(&mut self) {
        if let Some(since) = self.since.take() {
            self.left = self.left.saturating_sub(since.elapsed());
        }
    }
}

#[cfg(test)]
mod tests {
    use std::future::poll_fn;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn only_time_in_which_the_upstream_is_held_back_counts() {
        let (mut grace, begun) = (Grace::default(), Instant::now());
        let is_over =
            |grace: &mut Grace| grace.poll_end(&mut Context::from_waker(std::task::Waker::noop())).is_ready();
        assert!(!is_over(&mut grace));
        tokio::time::advance(GRACE / 2).await;
        grace.pause();
        tokio::time::advance(GRACE * 2).await;
        assert!(!is_over(&mut grace));
        poll_fn(|cx| grace.poll_end(cx)).await;
        assert!(begun.elapsed() >= GRACE * 3 && begun.elapsed() < GRACE * 4, "{:?}", begun.elapsed());
        grace.pause();
        assert!(is_over(&mut grace), "there is one for each answer");
    }
}
