//! How many requests may be sent again: a pool that fails must not get twice the work for it.

use std::sync::atomic::{AtomicU32, Ordering};

/// What one repetition costs; each request earns the budget's hundredths.
const COST: u32 = 100;
/// Saved up for bad moments: so many repetitions, also where there are few requests.
const SAVED: u32 = 20 * COST;

/// One purse for all event loops. It is full nearly always, and then nobody writes to it.
#[derive(Debug)]
pub(super) struct Budget(AtomicU32);

impl Budget {
    pub(super) fn full() -> Self {
        Self(AtomicU32::new(SAVED))
    }

    /// A request was made, and earns `percent` of a repetition.
    pub(super) fn earn(&self, percent: u32) {
        if self.0.load(Ordering::Relaxed) < SAVED {
            let earned = |saved: u32| Some(saved.saturating_add(percent).min(SAVED));
            let _ = self.0.fetch_update(Ordering::Relaxed, Ordering::Relaxed, earned);
        }
    }

    /// Whether there is enough for a repetition.
    pub(super) fn is_left(&self) -> bool {
        self.0.load(Ordering::Relaxed) >= COST
    }

    /// Whether there is enough for a repetition, which is then taken.
    pub(super) fn spend(&self) -> bool {
        let left = |saved: u32| saved.checked_sub(COST);
        self.0.fetch_update(Ordering::Relaxed, Ordering::Relaxed, left).is_ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn repetitions(budget: &Budget) -> usize {
        std::iter::from_fn(|| budget.spend().then_some(())).count()
    }

    #[test]
    fn what_was_saved_is_spent_and_no_more() {
        let budget = Budget::full();
        assert_eq!(repetitions(&budget), 20);
        assert!(!budget.is_left() && !budget.spend());
    }

    #[test]
    fn of_many_requests_a_share_may_be_sent_again() {
        let budget = Budget::full();
        repetitions(&budget);
        (0..50).for_each(|_| budget.earn(20));
        assert_eq!(repetitions(&budget), 10);
        (0..10_000).for_each(|_| budget.earn(20));
        assert_eq!(repetitions(&budget), 20, "no more is saved than fits");
    }
}
