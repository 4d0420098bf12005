//! Telling of what happens often.

use std::sync::Mutex;
use std::time::{Duration, Instant};

/// Between two lines about the same thing.
const PAUSE: Duration = Duration::from_secs(60);

/// Counts something for the whole process, and says when a line about it is due: at once, then every minute.
#[derive(Debug, Default)]
pub struct Seldom(Mutex<Count>);

#[derive(Debug, Default)]
struct Count {
    untold: u64,
    told: Option<Instant>,
}

impl Seldom {
    /// Counts once. `Some` if a line is due: how often it happened since the one before.
    pub fn count(&self, now: Instant) -> Option<u64> {
        // Nobody panics with the lock held; if it were so, a count would be no reason to fail as well.
        let mut count = self.0.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        count.untold = count.untold.saturating_add(1);
        if count.told.is_some_and(|told| now.saturating_duration_since(told) < PAUSE) {
            return None;
        }
        count.told = Some(now);
        Some(std::mem::take(&mut count.untold))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_is_told_at_once_and_the_rest_once_a_minute() {
        let (seldom, start) = (Seldom::default(), Instant::now());
        let told: Vec<_> = [0, 1, 59, 60, 61, 130]
            .map(|seconds| seldom.count(start + Duration::from_secs(seconds)))
            .to_vec();
        assert_eq!(told, [Some(1), None, None, Some(3), None, Some(2)]);
    }
}
