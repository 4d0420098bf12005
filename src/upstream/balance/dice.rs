//! Random numbers for all event loops.

use std::hash::{BuildHasher, RandomState};
use std::sync::atomic::{AtomicU64, Ordering};

use super::hash::mix;

/// SplitMix64: the numbers are a counter's, well stirred, so that threads share it by one addition.
/// Good enough to spread load, and not meant to keep secrets.
#[derive(Debug)]
pub struct Dice(AtomicU64);

/// The golden ratio's fraction: an odd step that visits every number.
const STEP: u64 = 0x9e37_79b9_7f4a_7c15;

impl Dice {
    /// Different in each process.
    pub fn new() -> Self {
        Self::seeded(RandomState::new().hash_one(()))
    }

    pub(super) fn seeded(seed: u64) -> Self {
        Self(AtomicU64::new(seed))
    }

    /// A number below `sides`, or 0.
    pub fn roll(&self, sides: usize) -> usize {
        let random = mix(self.0.fetch_add(STEP, Ordering::Relaxed));
        // The product's upper half is as even as a division's rest, and cheaper.
        let scaled = (u128::from(random) * (sides as u128)) >> 64;
        usize::try_from(scaled).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_side_comes_up_alike() {
        let dice = Dice::seeded(1);
        let mut counts = [0; 6];
        (0..60_000).for_each(|_| counts[dice.roll(6)] += 1);
        assert!(counts.iter().all(|count| (9_600..10_400).contains(count)), "{counts:?}");
    }

    #[test]
    fn nothing_to_choose_from_is_no_reason_to_panic() {
        assert_eq!(Dice::new().roll(0), 0);
    }
}
