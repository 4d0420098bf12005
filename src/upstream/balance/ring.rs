//! The same server for the same key.

use super::hash::hash;
use super::round_robin::RoundRobin;
use super::{Balance, Choice};
use crate::upstream::Server;

/// As many as in nginx and libketama: shares then differ by some 8 % of a server's own.
const POINTS_PER_WEIGHT: u32 = 160;

/// Consistent hashing: servers own points on a ring, and a key belongs to the next point. A server
/// that comes or goes moves only the keys of its own points; one that fails leaves its keys, while it
/// does, to those that stand next on the ring.
#[derive(Debug)]
pub(super) struct Ring {
    /// Hashes with the index of their server, in ascending order.
    points: Box<[(u64, usize)]>,
    turns: RoundRobin,
}

impl Ring {
    pub(super) fn new(members: &[usize], servers: &[Server]) -> Self {
        let known = members.iter().filter_map(|&index| Some((index, servers.get(index)?)));
        let mut points: Vec<_> = known.flat_map(|(index, server)| points(index, server)).collect();
        points.sort_unstable();
        Self { points: points.into(), turns: RoundRobin::new(members, servers) }
    }
}

/// Where a server stands follows from its address alone: not from its neighbours, nor from the order
/// they are written in. More weight adds points and moves none.
fn points(index: usize, server: &Server) -> impl Iterator<Item = (u64, usize)> + '_ {
    let label = server.endpoint.identity().as_bytes();
    let count = server.weight.saturating_mul(POINTS_PER_WEIGHT);
    (0..count).map(move |number| (hash(&[label, b"#", &number.to_le_bytes()]), index))
}

impl Balance for Ring {
    /// Requests without a key take turns, as in nginx: one server need not have them all.
    fn pick(&self, choice: &Choice<'_>) -> Option<usize> {
        if choice.key.is_empty() {
            return self.turns.pick(choice);
        }
        let key = hash(&[choice.key]);
        let at = self.points.partition_point(|(point, _)| *point < key);
        let (before, from_here) = self.points.split_at_checked(at)?;
        from_here.iter().chain(before).map(|(_, index)| *index).find(|index| choice.allows(*index))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::upstream::balance::testing::{server, servers};

    fn ring(servers: &[Server]) -> Ring {
        Ring::new(&(0..servers.len()).collect::<Vec<_>>(), servers)
    }

    fn keys() -> impl Iterator<Item = String> {
        (0..6000).map(|number: u32| format!("10.0.{}.{}", number >> 8, number & 255))
    }

    /// The label of each key's server.
    fn owners(servers: &[Server], excluded: &[usize]) -> Vec<String> {
        let ring = ring(servers);
        let owner = |key: String| {
            let index = ring.pick(&Choice { servers, excluded, key: key.as_bytes() }).unwrap();
            servers[index].endpoint.label().to_owned()
        };
        keys().map(owner).collect()
    }

    fn moved(before: &[String], after: &[String]) -> usize {
        before.iter().zip(after).filter(|(before, after)| before != after).count()
    }

    #[test]
    fn keys_are_spread_by_weight() {
        let servers = servers(&[1, 1, 2]);
        let owners = owners(&servers, &[]);
        for (server, expected) in servers.iter().zip([1500_usize, 1500, 3000]) {
            let count = owners.iter().filter(|owner| *owner == server.endpoint.label()).count();
            assert!(count.abs_diff(expected) < expected / 5, "{count} instead of {expected}");
        }
    }

    #[test]
    fn the_order_of_the_servers_does_not_matter() {
        let there = [server(1), server(2), server(3)];
        let back = [server(3), server(2), server(1)];
        assert_eq!(owners(&there, &[]), owners(&back, &[]));
    }

    #[test]
    fn requests_without_a_key_take_turns() {
        let servers = servers(&[1, 1, 1]);
        let ring = ring(&servers);
        let choice = Choice { servers: &servers, excluded: &[], key: b"" };
        assert_eq!([(); 4].map(|()| ring.pick(&choice).unwrap()), [0, 1, 2, 0]);
    }

    #[test]
    fn nobody_is_left_when_all_failed() {
        let servers = servers(&[1, 1]);
        let choice = Choice { servers: &servers, excluded: &[0, 1], key: b"a" };
        assert_eq!(ring(&servers).pick(&choice), None);
        assert_eq!(ring(&[]).pick(&choice), None);
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(12))]

        #[test]
        fn a_server_that_goes_moves_only_its_own_keys(
            weights in prop::collection::vec(1..4u32, 2..8),
            gone in any::<prop::sample::Index>(),
        ) {
            let all = servers(&weights);
            let gone = gone.index(all.len());
            let label = all[gone].endpoint.label();
            let mut rest = all.clone();
            rest.remove(gone);
            let (before, after) = (owners(&all, &[]), owners(&rest, &[]));
            for (before, after) in before.iter().zip(&after) {
                prop_assert!(before == label || before == after);
                prop_assert!(after != label);
            }
            // One that fails for a while is as good as gone.
            prop_assert_eq!(owners(&all, &[gone]), after);
        }

        #[test]
        fn a_server_that_comes_takes_its_share_and_no_more(count in 2..10usize) {
            let servers = servers(&vec![1; count + 1]);
            let (before, after) = (owners(&servers[..count], &[]), owners(&servers, &[]));
            let new = servers[count].endpoint.label();
            let to_others = before.iter().zip(&after).filter(|(before, after)| before != after && *after != new);
            prop_assert_eq!(to_others.count(), 0);
            let share = before.len() / (count + 1);
            prop_assert!(moved(&before, &after).abs_diff(share) < share / 3);
        }

        #[test]
        fn more_weight_takes_keys_from_others_and_gives_none(weights in prop::collection::vec(1..4u32, 2..5)) {
            let before = servers(&weights);
            let mut after = before.clone();
            after[0].weight += 1;
            let label = before[0].endpoint.label();
            for (before, after) in owners(&before, &[]).iter().zip(&owners(&after, &[])) {
                prop_assert!(before == after || after == label);
            }
        }
    }
}
