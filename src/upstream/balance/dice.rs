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

    pub(in crate::upstream) fn seeded(seed: u64) -> Self {
        Self(AtomicU64::new(seed))
    }

    /// A number below `sides`, or 0.
    pub fn roll(&self, sides: usize) -> usize {
        let random = mix(self.0.fetch_add(STEP, Ordering::Relaxed));
        // The product's upper half is as even as a division's rest, and cheaper.
        let scaled = (u128::from(random) * (sides as u128)) >> 64;
        usize::try_from(scaled).unwrap_or_default()
    }

    /// Whether chance is below `share`, which goes from 0 to 1.
    pub(in crate::upstream) fn falls_below(&self, share: f32) -> bool {
        const SIDES: u16 = 1000;
        let rolled = u16::try_from(self.roll(SIDES.into())).unwrap_or_default();
        f32::from(rolled) < share * f32::from(SIDES)
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
    fn a_share_is_met_as_often_as_it_is_large() {
        let dice = Dice::seeded(2);
        for share in [0_u16, 10, 50, 100] {
            let met = (0..10_000).filter(|_| dice.falls_below(f32::from(share) / 100.0)).count();
            assert!(met.abs_diff(usize::from(share) * 100) < 200, "{met} of 10000 for {share} %");
        }
    }

    #[test]
    fn nothing_to_choose_from_is_no_reason_to_panic() {
        assert_eq!(Dice::new().roll(0), 0);
    }
}
