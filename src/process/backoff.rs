//! How long to wait before a pool that ended is started again.

use std::time::Duration;

const FIRST: Duration = Duration::from_millis(200);
const LONGEST: Duration = Duration::from_secs(10);
/// A pool that was ready for so long has earned a quick restart.
const HEALTHY: Duration = Duration::from_secs(10);

/// Doubles from 200 ms to 10 s, and begins anew after 10 s of health.
#[derive(Debug)]
pub(super) struct Backoff {
    next: Duration,
}

impl Backoff {
    pub(super) fn new() -> Self {
        Self { next: FIRST }
    }

    /// The delay before the next start, after the pool had been ready for `healthy`.
    pub(super) fn delay(&mut self, healthy: Duration) -> Duration {
        if healthy >= HEALTHY {
            self.next = FIRST;
        }
        let delay = self.next;
        self.next = delay.saturating_mul(2).min(LONGEST);
        delay
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn doubles_up_to_its_limit() {
        let mut backoff = Backoff::new();
        let delays: Vec<u128> = (0..8).map(|_| backoff.delay(Duration::ZERO).as_millis()).collect();
        assert_eq!(delays, [200, 400, 800, 1600, 3200, 6400, 10_000, 10_000]);
    }

    #[test]
    fn begins_anew_after_health() {
        let mut backoff = Backoff::new();
        backoff.delay(Duration::ZERO);
        backoff.delay(Duration::from_secs(9));
        assert_eq!(backoff.delay(Duration::from_secs(10)), FIRST);
    }
}
