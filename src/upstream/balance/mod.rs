//! Which server a request goes to.

pub(super) mod dice;
mod hash;
mod least_conn;
mod p2c;
mod random;
mod ring;
mod round_robin;
#[cfg(test)]
pub mod testing;

use std::fmt::Debug;

pub use dice::Dice;

use super::{Server, StickyCookie};
use crate::http::Template;

/// A way to choose. Shared by the event loops, so that the choice is even over the whole process.
pub trait Balance: Debug + Send + Sync {
    /// The index of the server to try; `None` when none is left.
    fn pick(&self, choice: &Choice<'_>) -> Option<usize>;
}

/// What there is to choose from, for one attempt.
#[derive(Clone, Copy, Debug)]
pub struct Choice<'a> {
    /// All servers of the upstream.
    pub servers: &'a [Server],
    /// Indexes of those that were tried in vain.
    pub excluded: &'a [usize],
    /// What [`Policy::Hash`] made of the request.
    pub key: &'a [u8],
}

impl<'a> Choice<'a> {
    fn allows(&self, index: usize) -> bool {
        !self.excluded.contains(&index)
    }

    fn allowed(&self, members: &'a [usize]) -> impl Iterator<Item = usize> + use<'a> {
        let excluded = self.excluded;
        members.iter().copied().filter(|index| !excluded.contains(index))
    }
}

/// A policy by its name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Policy {
    /// Servers in turn, smoothly by their weights.
    RoundRobin,
    LeastConn,
    Random,
    P2c,
    /// The same server for the same key.
    Hash(Template),
    /// The server that the client's cookie names, and turns for clients without one.
    Cookie(StickyCookie),
}

impl Policy {
    /// The policy at work among `members`, which are indexes of `servers`.
    pub(super) fn among(&self, members: &[usize], servers: &[Server]) -> Box<dyn Balance> {
        match self {
            Self::RoundRobin | Self::Cookie(_) => Box::new(round_robin::RoundRobin::new(members, servers)),
            Self::LeastConn => Box::new(least_conn::LeastConn::new(members, servers)),
            Self::Random => Box::new(random::Random::new(members, Dice::new())),
            Self::P2c => Box::new(p2c::P2c::new(members, Dice::new())),
            Self::Hash(_) => Box::new(ring::Ring::new(members, servers)),
        }
    }
}
