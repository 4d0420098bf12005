//! The better of two.

use smallvec::SmallVec;
use tokio::time::Instant;

use super::dice::Dice;
use super::{Balance, Choice};
use crate::upstream::Server;
use crate::upstream::latency::PENALTY;

/// Of two random servers the one that is expected to answer sooner ("power of two choices"): its
/// latency, times the requests it would then be at work on, for its weight.
///
/// Asking all servers would send every event loop to the same one at once. The worse of the two gets one of
/// [`TRIALS`] requests all the same, but no second one while that is under way: nobody else would find out
/// that a slow server is quick again.
#[derive(Debug)]
pub(super) struct P2c {
    members: Box<[usize]>,
    dice: Dice,
}

const TRIALS: usize = 16;

impl P2c {
    pub(super) fn new(members: &[usize], dice: Dice) -> Self {
        Self { members: members.into(), dice }
    }

    fn is_tried(&self, worse: Option<&Server>) -> bool {
        let is_idle = worse.is_some_and(|server| server.endpoint.in_flight() == 0);
        is_idle && self.dice.roll(TRIALS) == 0
    }

    /// Two different ones of several, in random order.
    fn two(&self, of: &[usize]) -> Option<(usize, usize)> {
        let one = self.dice.roll(of.len());
        let behind = 1 + self.dice.roll(of.len().checked_sub(1)?);
        Some((*of.get(one)?, *of.get((one + behind) % of.len())?))
    }
}

impl Balance for P2c {
    fn pick(&self, choice: &Choice<'_>) -> Option<usize> {
        let allowed: SmallVec<[usize; 16]> = choice.allowed(&self.members).collect();
        if let [one] = allowed[..] {
            return Some(one);
        }
        let (one, other) = self.two(&allowed)?;
        let now = Instant::now();
        let cost = |index| choice.servers.get(index).map_or(f32::MAX, |server| cost(server, now));
        let (better, worse) = if cost(other) < cost(one) { (other, one) } else { (one, other) };
        Some(if self.is_tried(choice.servers.get(worse)) { worse } else { better })
    }
}

fn cost(server: &Server, now: Instant) -> f32 {
    let in_flight = server.endpoint.in_flight();
    let small = |number: usize| f32::from(u16::try_from(number).unwrap_or(u16::MAX));
    // Whoever was never asked is asked soon, but not by all at once.
    let unknown = if in_flight == 0 { 0.0 } else { PENALTY.as_secs_f32() };
    let latency = server.endpoint.expected_latency(now).unwrap_or(unknown);
    latency * small(in_flight.saturating_add(1)) / small(server.weight as usize).max(1.0)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use proptest::prelude::*;

    use super::*;
    use crate::upstream::balance::testing::{begin, choices, counts, servers};

    const MS: Duration = Duration::from_millis(1);

    fn p2c(servers: &[Server]) -> P2c {
        P2c::new(&(0..servers.len()).collect::<Vec<_>>(), Dice::seeded(5))
    }

    #[tokio::test(start_paused = true)]
    async fn servers_that_are_alike_share_evenly() {
        let servers = servers(&[1, 1, 1, 1]);
        for server in &servers {
            server.endpoint.answered(10 * MS);
        }
        let counts = counts(&p2c(&servers), &servers, &[], 40_000);
        assert!(counts.iter().all(|count| count.abs_diff(10_000) < 500), "{counts:?}");
    }

    /// So many of 1000 requests are trials: of a pair's, or if a server is in each.
    const TRIALS_OF_1000: std::ops::Range<u32> = 30..100;

    /// Of three servers each pair is as likely, and the slow one loses both of its own.
    #[tokio::test(start_paused = true)]
    async fn a_slow_server_is_hardly_asked() {
        let servers = servers(&[1, 1, 1]);
        for (server, latency) in servers.iter().zip([10 * MS, 500 * MS, 10 * MS]) {
            server.endpoint.answered(latency);
        }
        let asked = counts(&p2c(&servers), &servers, &[], 10_000);
        assert!(TRIALS_OF_1000.contains(&(asked[1] * 3 / 2 / 10)), "{asked:?}");
        assert!(asked[0].abs_diff(asked[2]) < 400, "{asked:?}");
        begin(&servers[1]);
        assert_eq!(counts(&p2c(&servers), &servers, &[], 10_000)[1], 0, "one trial at a time");
    }

    #[tokio::test(start_paused = true)]
    async fn a_slow_server_is_asked_again_later() {
        let servers = servers(&[1, 1]);
        let p2c = p2c(&servers);
        servers[0].endpoint.answered(10 * MS);
        servers[1].endpoint.answered(500 * MS);
        assert!(TRIALS_OF_1000.contains(&counts(&p2c, &servers, &[], 1000)[1]));
        tokio::time::advance(Duration::from_secs(60)).await;
        servers[0].endpoint.answered(10 * MS);
        assert!(TRIALS_OF_1000.contains(&counts(&p2c, &servers, &[], 1000)[0]));
    }

    #[tokio::test(start_paused = true)]
    async fn a_server_that_fails_fast_does_not_look_quick() {
        let servers = servers(&[1, 1]);
        servers[0].endpoint.answered(100 * MS);
        servers[1].endpoint.failed();
        assert!(TRIALS_OF_1000.contains(&counts(&p2c(&servers), &servers, &[], 1000)[1]));
        servers[1].endpoint.returned();
        assert!(counts(&p2c(&servers), &servers, &[], 1000)[1] > 900, "nothing is known of it any more");
    }

    /// Frozen, it gives no measurement at all.
    #[tokio::test(start_paused = true)]
    async fn a_server_that_falls_silent_with_requests_at_work_is_left_alone() {
        let servers = servers(&[1, 1]);
        for server in &servers {
            server.endpoint.answered(10 * MS);
        }
        begin(&servers[1]);
        tokio::time::advance(Duration::from_secs(1)).await;
        servers[0].endpoint.answered(10 * MS);
        (0..5).for_each(|_| begin(&servers[0]));
        assert_eq!(counts(&p2c(&servers), &servers, &[], 100), [100, 0]);
    }

    #[tokio::test(start_paused = true)]
    async fn a_new_server_is_tried_by_one_request_first() {
        let servers = servers(&[1, 1]);
        servers[0].endpoint.answered(100 * MS);
        begin(&servers[0]);
        assert_eq!(counts(&p2c(&servers), &servers, &[], 10), [0, 10]);
        begin(&servers[1]);
        assert_eq!(counts(&p2c(&servers), &servers, &[], 10), [10, 0]);
    }

    #[tokio::test(start_paused = true)]
    async fn requests_at_work_count_by_weight() {
        let servers = servers(&[1, 3]);
        for server in &servers {
            server.endpoint.answered(10 * MS);
        }
        let p2c = p2c(&servers);
        servers.iter().for_each(begin);
        for _ in 0..38 {
            begin(&servers[choices(&p2c, &servers, &[], 1)[0]]);
        }
        assert!(servers[0].endpoint.in_flight().abs_diff(10) <= 1);
    }

    proptest! {
        #[test]
        fn two_are_never_the_same(count in 2..20usize, seed: u64) {
            let of: Vec<usize> = (0..count).collect();
            let p2c = P2c::new(&of, Dice::seeded(seed));
            for _ in 0..100 {
                let (one, other) = p2c.two(&of).unwrap();
                prop_assert_ne!(one, other);
            }
        }

        #[test]
        fn excluded_servers_are_never_chosen(excluded in prop::collection::vec(0..5usize, 0..6)) {
            let servers = servers(&[1, 1, 1, 1, 1]);
            let left = (0..5).any(|index| !excluded.contains(&index));
            let picked = choices(&p2c(&servers), &servers, &excluded, 50);
            prop_assert_eq!(picked.len(), if left { 50 } else { 0 });
            prop_assert!(picked.iter().all(|pick| !excluded.contains(pick)));
        }
    }
}
