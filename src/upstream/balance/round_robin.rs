//! Servers in turn, smoothly by their weights.

use std::sync::atomic::{AtomicUsize, Ordering};

use super::{Balance, Choice};
use crate::upstream::Server;

/// nginx's smooth weighted round robin, with its turns laid out beforehand as one cycle.
///
/// nginx keeps a running weight for each server under a lock; after as many turns as the weights'
/// sum all of them are back where they began. So the event loops share only a place in that cycle.
/// Turns of excluded servers are passed over and count as taken: the others keep their proportions.
#[derive(Debug)]
pub(super) struct RoundRobin {
    cycle: Box<[usize]>,
    turn: AtomicUsize,
}

impl RoundRobin {
    pub(super) fn new(members: &[usize], servers: &[Server]) -> Self {
        let weighted: Vec<_> =
            members.iter().filter_map(|&index| Some((index, servers.get(index)?.weight))).collect();
        Self { cycle: cycle(&weighted), turn: AtomicUsize::new(0) }
    }

    /// The next in turn of those that are eligible.
    pub(super) fn next(&self, eligible: impl Fn(usize) -> bool) -> Option<usize> {
        let mut turn = self.turn.load(Ordering::Relaxed);
        loop {
            let (before, from_here) = self.cycle.split_at_checked(turn)?;
            let mut ahead = from_here.iter().chain(before).copied().enumerate();
            let (passed, index) = ahead.find(|(_, index)| eligible(*index))?;
            let next = (turn + passed + 1) % self.cycle.len();
            match self.turn.compare_exchange_weak(turn, next, Ordering::Relaxed, Ordering::Relaxed) {
                Ok(_) => return Some(index),
                Err(moved) => turn = moved,
            }
        }
    }
}

impl Balance for RoundRobin {
    fn pick(&self, choice: &Choice<'_>) -> Option<usize> {
        self.next(|index| choice.allows(index))
    }
}

/// One cycle of nginx's `ngx_http_upstream_get_peer`: every server gains its weight, the one that is
/// ahead (the first of several) has its turn and loses the sum of all.
fn cycle(members: &[(usize, u32)]) -> Box<[usize]> {
    // A common divisor would only repeat the cycle.
    let divisor = members.iter().fold(0, |divisor, (_, weight)| gcd(divisor, *weight)).max(1);
    let weights: Vec<i64> = members.iter().map(|(_, weight)| i64::from(weight / divisor)).collect();
    let total: i64 = weights.iter().sum();
    let mut current = vec![0; members.len()];
    let turn = |_| {
        current.iter_mut().zip(&weights).for_each(|(current, weight)| *current += weight);
        let ahead = current.iter_mut().zip(members).rev().max_by_key(|(current, _)| **current)?;
        *ahead.0 -= total;
        Some(ahead.1.0)
    };
    (0..total).filter_map(turn).collect()
}

const fn gcd(a: u32, b: u32) -> u32 {
    if b == 0 { a } else { gcd(b, a % b) }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::upstream::balance::testing::{choices, servers};

    /// Turns do not depend on what becomes of the servers.
    fn picks(turns: &RoundRobin, count: usize, excluded: &[usize]) -> Vec<usize> {
        choices(turns, &[], excluded, count)
    }

    fn turns(weights: &[u32]) -> RoundRobin {
        let members: Vec<usize> = (0..weights.len()).collect();
        RoundRobin::new(&members, &servers(weights))
    }

    #[test]
    fn servers_take_turns() {
        assert_eq!(picks(&turns(&[1, 1, 1]), 6, &[]), [0, 1, 2, 0, 1, 2]);
    }

    /// The example in the commit that brought the algorithm to nginx.
    #[test]
    fn weights_are_spread_as_by_nginx() {
        assert_eq!(picks(&turns(&[5, 1, 1]), 7, &[]), [0, 0, 1, 0, 2, 0, 0]);
        assert_eq!(picks(&turns(&[500, 100, 100]), 7, &[]), [0, 0, 1, 0, 2, 0, 0]);
    }

    #[test]
    fn excluded_servers_are_passed_over_until_none_is_left() {
        let turns = turns(&[1, 2, 1]);
        assert_eq!(picks(&turns, 1, &[1]), [0]);
        assert_eq!(picks(&turns, 1, &[0, 1]), [2]);
        assert!(picks(&turns, 1, &[0, 1, 2]).is_empty());
        assert!(picks(&self::turns(&[]), 1, &[]).is_empty());
    }

    /// nginx itself, step by step.
    fn reference(weights: &[u32], count: usize) -> Vec<usize> {
        let total: i64 = weights.iter().map(|weight| i64::from(*weight)).sum();
        let mut current = vec![0; weights.len()];
        let turn = |_| {
            let mut best = 0;
            for (index, weight) in weights.iter().enumerate() {
                current[index] += i64::from(*weight);
                if index > 0 && current[index] > current[best] {
                    best = index;
                }
            }
            current[best] -= total;
            best
        };
        (0..count).map(turn).collect()
    }

    proptest! {
        #[test]
        fn the_cycle_is_nginx_over_and_over(weights in prop::collection::vec(1..20u32, 1..6)) {
            prop_assert_eq!(picks(&turns(&weights), 200, &[]), reference(&weights, 200));
        }

        #[test]
        fn each_server_has_its_weight_in_turns(weights in prop::collection::vec(1..=1000u32, 1..5)) {
            let total: u32 = weights.iter().sum();
            let picked = picks(&turns(&weights), total as usize, &[]);
            for (index, weight) in weights.iter().enumerate() {
                prop_assert_eq!(picked.iter().filter(|pick| **pick == index).count(), *weight as usize);
            }
        }

        /// The load of a server that fails is not its neighbour's alone.
        #[test]
        fn without_one_server_the_others_keep_their_proportions(
            weights in prop::collection::vec(1..20u32, 2..6),
            without in any::<prop::sample::Index>(),
        ) {
            let without = without.index(weights.len());
            let rest = weights.iter().sum::<u32>() - weights[without];
            let picked = picks(&turns(&weights), rest as usize, &[without]);
            for (index, weight) in weights.iter().enumerate().filter(|(index, _)| *index != without) {
                prop_assert_eq!(picked.iter().filter(|pick| **pick == index).count(), *weight as usize);
            }
        }
    }

    #[test]
    fn event_loops_share_the_turns() {
        let turns = turns(&[3, 1]);
        let count = |index| {
            let loops: Vec<Vec<usize>> = std::thread::scope(|scope| {
                let threads: Vec<_> = (0..4).map(|_| scope.spawn(|| picks(&turns, 1000, &[]))).collect();
                threads.into_iter().map(|thread| thread.join().unwrap()).collect()
            });
            loops.concat().into_iter().filter(|pick| *pick == index).count()
        };
        assert_eq!(count(0), 3000);
        assert_eq!(count(1), 1000);
    }
}
