//! Any server, by weight.

use super::dice::Dice;
use super::{Balance, Choice};

#[derive(Debug)]
pub(super) struct Random {
    members: Box<[usize]>,
    dice: Dice,
}

impl Random {
    pub(super) fn new(members: &[usize], dice: Dice) -> Self {
        Self { members: members.into(), dice }
    }
}

impl Balance for Random {
    fn pick(&self, choice: &Choice<'_>) -> Option<usize> {
        let weight = |index: usize| choice.servers.get(index).map_or(0, |server| server.weight as usize);
        let total = choice.allowed(&self.members).map(weight).sum();
        let mut rolled = self.dice.roll(total);
        choice.allowed(&self.members).find(|&index| {
            let below = rolled < weight(index);
            rolled = rolled.saturating_sub(weight(index));
            below
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::upstream::balance::testing::{choices, counts, servers};

    #[test]
    fn servers_come_up_by_weight() {
        let servers = servers(&[1, 2, 5]);
        let random = Random::new(&[0, 1, 2], Dice::seeded(3));
        let counts = counts(&random, &servers, &[], 80_000);
        for (count, expected) in counts.iter().zip([10_000_u32, 20_000, 50_000]) {
            assert!(count.abs_diff(expected) < expected / 20, "{counts:?}");
        }
    }

    #[test]
    fn excluded_servers_leave_their_share_to_the_others_by_weight() {
        let servers = servers(&[1, 2, 5]);
        let random = Random::new(&[0, 1, 2], Dice::seeded(4));
        let counts = counts(&random, &servers, &[2], 30_000);
        assert_eq!(counts[2], 0);
        assert!(counts[0].abs_diff(10_000) < 500, "{counts:?}");
        assert!(choices(&random, &servers, &[0, 1, 2], 1).is_empty());
    }
}
