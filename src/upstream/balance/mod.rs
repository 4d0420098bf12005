//! Which server a request goes to.

mod round_robin;
#[cfg(test)]
pub mod testing;

use std::fmt::Debug;

use super::Server;
use round_robin::RoundRobin;

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
}

impl Choice<'_> {
    fn allows(&self, index: usize) -> bool {
        !self.excluded.contains(&index)
    }
}

/// A policy by its name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Policy {
    /// Servers in turn, smoothly by their weights.
    RoundRobin,
}

impl Policy {
    /// The policy at work among `members`, which are indexes of `servers`.
    pub fn among(self, members: &[usize], servers: &[Server]) -> Box<dyn Balance> {
        match self {
            Self::RoundRobin => Box::new(RoundRobin::new(members, servers)),
        }
    }
}
