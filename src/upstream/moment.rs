//! An instant that threads share without a lock.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tokio::time::Instant;

/// An instant, to the millisecond, or none.
#[derive(Debug)]
pub(super) struct Moment {
    epoch: Instant,
    /// Milliseconds since `epoch`, and one more; 0 is none.
    millis: AtomicU64,
}

impl Moment {
    pub(super) fn none() -> Self {
        Self { epoch: Instant::now(), millis: AtomicU64::new(0) }
    }

    pub(super) fn set(&self, at: Instant) {
        let millis = at.saturating_duration_since(self.epoch).as_millis();
        self.millis.store(u64::try_from(millis).unwrap_or(u64::MAX - 1) + 1, Ordering::Relaxed);
    }

    pub(super) fn get(&self) -> Option<Instant> {
        let millis = self.millis.load(Ordering::Relaxed).checked_sub(1)?;
        self.epoch.checked_add(Duration::from_millis(millis))
    }

    pub(super) fn is_set(&self) -> bool {
        self.millis.load(Ordering::Relaxed) != 0
    }

    /// True for the one caller that ended it.
    pub(super) fn clear(&self) -> bool {
        self.millis.swap(0, Ordering::Relaxed) != 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn an_instant_is_kept_to_the_millisecond_until_it_is_cleared_once() {
        let moment = Moment::none();
        assert!(!moment.is_set() && moment.get().is_none() && !moment.clear());
        let at = Instant::now() + Duration::from_millis(1500);
        moment.set(at);
        assert_eq!(moment.get(), Some(at));
        assert!(moment.clear() && !moment.clear());
        moment.set(Instant::now());
        assert!(moment.is_set(), "the very beginning is an instant as well");
    }
}
