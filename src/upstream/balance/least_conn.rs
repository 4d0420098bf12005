//! The server with the fewest requests at work for its weight.

use std::cmp::Ordering;

use smallvec::SmallVec;

use super::round_robin::RoundRobin;
use super::{Balance, Choice};
use crate::upstream::Server;

/// nginx's `least_conn`: requests in flight, counted over all event loops, by weight. Servers that are
/// alike take turns.
#[derive(Debug)]
pub(super) struct LeastConn {
    members: Box<[usize]>,
    turns: RoundRobin,
}

impl LeastConn {
    pub(super) fn new(members: &[usize], servers: &[Server]) -> Self {
        Self { members: members.into(), turns: RoundRobin::new(members, servers) }
    }
}

impl Balance for LeastConn {
    fn pick(&self, choice: &Choice<'_>) -> Option<usize> {
        let mut least = Load { in_flight: u64::MAX, weight: 1 };
        let mut alike: SmallVec<[usize; 16]> = SmallVec::new();
        for index in choice.allowed(&self.members) {
            let load = Load::of(choice.servers.get(index)?);
            match load.compare(least) {
                Ordering::Greater => continue,
                Ordering::Less => alike.clear(),
                Ordering::Equal => {}
            }
            least = load;
            alike.push(index);
        }
        match alike[..] {
            [one] => Some(one),
            _ => self.turns.next(|index| alike.contains(&index)),
        }
    }
}

#[derive(Clone, Copy)]
struct Load {
    in_flight: u64,
    weight: u64,
}

impl Load {
    fn of(server: &Server) -> Self {
        Self { in_flight: server.endpoint.in_flight() as u64, weight: server.weight.into() }
    }

    /// Compares the quotients without dividing.
    fn compare(self, other: Self) -> Ordering {
        let (own, others) =
            (self.in_flight.saturating_mul(other.weight), other.in_flight.saturating_mul(self.weight));
        own.cmp(&others)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::upstream::balance::testing::{begin, choices, servers};

    fn pick(weights: &[u32], in_flight: &[usize], excluded: &[usize], count: usize) -> Vec<usize> {
        let servers = servers(weights);
        let begun = servers.iter().zip(in_flight);
        begun.for_each(|(server, count)| (0..*count).for_each(|_| begin(server)));
        let members: Vec<usize> = (0..weights.len()).collect();
        choices(&LeastConn::new(&members, &servers), &servers, excluded, count)
    }

    #[test]
    fn the_server_with_the_fewest_requests_is_chosen() {
        assert_eq!(pick(&[1, 1, 1], &[2, 1, 3], &[], 2), [1, 1]);
        assert_eq!(pick(&[1, 1, 1], &[2, 1, 3], &[1], 1), [0]);
        assert!(pick(&[1, 1], &[0, 0], &[0, 1], 1).is_empty());
    }

    #[test]
    fn a_server_of_twice_the_weight_has_twice_the_requests() {
        assert_eq!(pick(&[1, 2], &[2, 3], &[], 1), [1]);
        assert_eq!(pick(&[1, 2], &[2, 5], &[], 1), [0]);
    }

    #[test]
    fn servers_that_are_alike_take_turns_by_weight() {
        assert_eq!(pick(&[1, 1, 1], &[1, 0, 0], &[], 4), [1, 2, 1, 2]);
        assert_eq!(pick(&[2, 1], &[0, 0], &[], 6), [0, 1, 0, 0, 1, 0]);
    }

    /// With every choice at work for good, loads end up in the proportion of the weights.
    #[test]
    fn requests_that_stay_are_spread_by_weight() {
        let servers = servers(&[3, 1, 2]);
        let balance = LeastConn::new(&[0, 1, 2], &servers);
        for _ in 0..60 {
            let index = choices(&balance, &servers, &[], 1)[0];
            begin(&servers[index]);
        }
        let loads: Vec<usize> = servers.iter().map(|server| server.endpoint.in_flight()).collect();
        assert_eq!(loads, [30, 10, 20]);
    }
}
