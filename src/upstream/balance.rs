//! Which server a request goes to.

use std::fmt::Debug;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use super::Endpoint;

/// A way to choose. Shared by the event loops, so that the choice is even over the whole process.
pub trait Balance: Debug + Send + Sync {
    /// The index of the server to try, among those not `excluded`; `None` when none is left.
    fn pick(&self, endpoints: &[Arc<Endpoint>], excluded: &[usize]) -> Option<usize>;
}

/// Servers in turn.
///
/// The turns are laid out beforehand as one cycle, so that a choice is one atomic addition however
/// the cycle came about.
#[derive(Debug)]
pub struct RoundRobin {
    cycle: Box<[usize]>,
    turn: AtomicUsize,
}

impl RoundRobin {
    pub fn new(servers: usize) -> Self {
        Self { cycle: (0..servers).collect(), turn: AtomicUsize::new(0) }
    }
}

impl Balance for RoundRobin {
    fn pick(&self, _endpoints: &[Arc<Endpoint>], excluded: &[usize]) -> Option<usize> {
        if self.cycle.is_empty() {
            return None;
        }
        let turn = self.turn.fetch_add(1, Ordering::Relaxed) % self.cycle.len();
        let (before, from_here) = self.cycle.split_at(turn);
        from_here.iter().chain(before).copied().find(|index| !excluded.contains(index))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn servers_take_turns() {
        let turns = RoundRobin::new(3);
        let picked: Vec<_> = (0..6).filter_map(|_| turns.pick(&[], &[])).collect();
        assert_eq!(picked, [0, 1, 2, 0, 1, 2]);
    }

    #[test]
    fn excluded_servers_are_passed_over_until_none_is_left() {
        let turns = RoundRobin::new(3);
        assert_eq!(turns.pick(&[], &[0]), Some(1));
        assert_eq!(turns.pick(&[], &[1, 2]), Some(0));
        assert_eq!(turns.pick(&[], &[0, 1, 2]), None);
        assert_eq!(RoundRobin::new(0).pick(&[], &[]), None);
    }
}
