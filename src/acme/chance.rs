//! Chance, so that not all servers of the world ask at the same moment.

use std::hash::{BuildHasher, RandomState};
use std::time::Duration;

/// What chance has chosen, once and for all.
#[derive(Clone, Copy, Debug)]
pub(super) struct Chance(u64);

impl Chance {
    pub fn new() -> Self {
        // The operating system has given each its key.
        Self(RandomState::new().hash_one(()))
    }

    /// The share of `whole` that it has chosen.
    pub fn of(self, whole: Duration) -> Duration {
        // Lives of certificates in milliseconds leave room for 64 bits more.
        let milliseconds = (whole.as_millis() * u128::from(self.0)) >> u64::BITS;
        Duration::from_millis(u64::try_from(milliseconds).unwrap_or(u64::MAX))
    }

    #[cfg(test)]
    pub const LEAST: Self = Self(0);
    #[cfg(test)]
    pub const MOST: Self = Self(u64::MAX);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn chance_chooses_from_all_of_it() {
        let whole = Duration::from_secs(100);
        let parts: Vec<_> = (0..1000).map(|_| Chance::new().of(whole)).collect();
        assert!(parts.iter().all(|part| *part < whole));
        let (low, high) = (parts.iter().min().unwrap(), parts.iter().max().unwrap());
        assert!(*low < whole / 10 && *high > whole * 9 / 10, "{low:?} to {high:?}");
    }
}
