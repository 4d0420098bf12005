//! A deadline that costs nothing to move later.
//!
//! A connection sets a new limit in each phase of each request. A timer armed and disarmed every time
//! would touch the timer wheel several times per request; here the wheel is touched only when a limit
//! moves nearer, and a timer that fires early just looks at the clock and arms itself again.

use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::time::{Instant, Sleep};

/// One lazily armed limit, owned by a connection for its whole life.
#[derive(Debug)]
pub struct Deadline {
    at: Option<Instant>,
    timer: Option<Pin<Box<Sleep>>>,
}

impl Deadline {
    /// No limit until [`Self::set`] is called.
    pub const fn none() -> Self {
        Self { at: None, timer: None }
    }

    /// The limit is `after` from now.
    pub fn set(&mut self, after: Duration) {
        let now = Instant::now();
        self.at = now.checked_add(after);
    }

    pub fn clear(&mut self) {
        self.at = None;
    }

    /// Ready when the limit has passed.
    pub fn poll(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let Some(at) = self.at else { return Poll::Pending };
        loop {
            let timer = self.timer.get_or_insert_with(|| Box::pin(tokio::time::sleep_until(at)));
            if timer.deadline() > at {
                timer.as_mut().reset(at);
            }
            match timer.as_mut().poll(cx) {
                Poll::Pending => return Poll::Pending,
                Poll::Ready(()) if Instant::now() >= at => return Poll::Ready(()),
                Poll::Ready(()) => timer.as_mut().reset(at),
            }
        }
    }

    /// Runs `work` until the limit passes; `None` when it did.
    pub async fn run<T>(&mut self, work: impl Future<Output = T>) -> Option<T> {
        let mut work = std::pin::pin!(work);
        poll_fn(|cx| {
            if let Poll::Ready(value) = work.as_mut().poll(cx) {
                return Poll::Ready(Some(value));
            }
            self.poll(cx).map(|()| None)
        })
        .await
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn fires_at_the_limit_last_set() {
        let mut deadline = Deadline::none();
        let start = Instant::now();
        deadline.set(Duration::from_secs(1));
        assert!(deadline.run(tokio::time::sleep(Duration::from_millis(500))).await.is_some());
        deadline.set(Duration::from_secs(5));
        assert!(deadline.run(std::future::pending::<()>()).await.is_none());
        assert!(start.elapsed() >= Duration::from_secs(5));
    }

    #[tokio::test(start_paused = true)]
    async fn moves_nearer() {
        let mut deadline = Deadline::none();
        deadline.set(Duration::from_secs(60));
        assert!(deadline.run(tokio::time::sleep(Duration::from_millis(1))).await.is_some());
        let start = Instant::now();
        deadline.set(Duration::from_secs(1));
        assert!(deadline.run(std::future::pending::<()>()).await.is_none());
        assert!(start.elapsed() < Duration::from_secs(2));
    }
}
