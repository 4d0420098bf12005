//! How fast an answer may go out.

use std::num::NonZeroU64;

/// What is said of an answer's speed: by an application, or else by its location.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rate {
    Unlimited,
    Limited(LimitRate),
}

impl Rate {
    pub const fn limit(self) -> Option<LimitRate> {
        match self {
            Self::Unlimited => None,
            Self::Limited(limit) => Some(limit),
        }
    }
}

/// nginx's limit_rate and limit_rate_after: of one answer, not of a client.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LimitRate {
    /// Bytes a second, on average.
    pub rate: NonZeroU64,
    /// So many bytes go at full speed before: what a player needs to begin.
    pub after: u64,
}
