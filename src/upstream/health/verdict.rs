//! What a row of checks amounts to.

/// What one check says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Sign {
    Passed,
    Failed,
    /// No answer, from a server that is at work. It counts neither way: to leave out who is busy would
    /// make the others busier, one after the other.
    Busy,
}

/// What has changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Change {
    Down,
    Up,
    /// Checks begin to meet a server at work.
    Busy,
    /// They pass again.
    Calm,
}

/// The state of one server.
#[derive(Debug)]
pub(super) struct Verdict {
    rise: u32,
    fall: u32,
    up: bool,
    busy: bool,
    /// Checks in a row against the present state.
    against: u32,
    /// Checks passed in a row since one that met a server at work.
    calm: u32,
}

impl Verdict {
    /// A server that nothing is known of is `up`: traffic does not wait for the first checks.
    pub(super) fn new(up: bool, rise: u32, fall: u32) -> Self {
        Self { rise, fall, up, busy: false, against: 0, calm: 0 }
    }

    pub(super) fn note(&mut self, sign: Sign) -> Option<Change> {
        match sign {
            Sign::Passed if self.up => self.passed_while_up(),
            Sign::Failed if !self.up => {
                self.against = 0;
                None
            }
            Sign::Passed => self.turns(self.rise).then_some(Change::Up),
            Sign::Failed => {
                self.calm = 0;
                self.turns(self.fall).then_some(Change::Down)
            }
            Sign::Busy => {
                self.calm = 0;
                let begins = self.up && !self.busy;
                self.busy |= begins;
                begins.then_some(Change::Busy)
            }
        }
    }

    fn passed_while_up(&mut self) -> Option<Change> {
        self.against = 0;
        self.calm = self.calm.saturating_add(1);
        let ends = self.busy && self.calm >= self.rise;
        self.busy &= !ends;
        ends.then_some(Change::Calm)
    }

    /// Counts one more against the present state, which `limit` of them turn.
    fn turns(&mut self, limit: u32) -> bool {
        self.against += 1;
        let turns = self.against >= limit;
        if turns {
            *self = Self::new(!self.up, self.rise, self.fall);
        }
        turns
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::Sign::{Busy, Failed, Passed};
    use super::*;

    fn changes(rise: u32, fall: u32, signs: &[Sign]) -> Vec<Option<Change>> {
        let mut verdict = Verdict::new(true, rise, fall);
        signs.iter().map(|sign| verdict.note(*sign)).collect()
    }

    #[test]
    fn a_server_is_down_after_as_many_failures_as_fall_and_up_after_as_many_passes_as_rise() {
        let signs = [Failed, Failed, Failed, Failed, Passed, Passed];
        let expected = [None, None, Some(Change::Down), None, None, Some(Change::Up)];
        assert_eq!(changes(2, 3, &signs), expected);
    }

    #[test]
    fn one_check_the_other_way_starts_the_count_anew() {
        assert_eq!(changes(2, 2, &[Failed, Passed, Failed, Passed]), [None; 4]);
        let signs = [Failed, Passed, Failed, Passed];
        assert_eq!(changes(2, 1, &signs), [Some(Change::Down), None, None, None]);
    }

    #[test]
    fn a_busy_server_stays_up_and_a_busy_one_that_is_down_stays_down() {
        assert_eq!(changes(1, 1, &[Busy; 3]), [Some(Change::Busy), None, None]);
        let signs = [Failed, Busy, Busy];
        assert_eq!(changes(1, 1, &signs), [Some(Change::Down), None, None]);
    }

    #[test]
    fn a_busy_spell_ends_with_as_many_passes_as_rise() {
        let signs = [Busy, Passed, Busy, Passed, Passed, Passed];
        assert_eq!(changes(2, 3, &signs), [Some(Change::Busy), None, None, None, Some(Change::Calm), None]);
    }

    #[test]
    fn a_busy_spell_ends_without_a_word_of_its_own_when_the_server_goes_down() {
        let signs = [Busy, Failed, Passed, Passed, Passed];
        assert_eq!(
            changes(1, 1, &signs),
            [Some(Change::Busy), Some(Change::Down), Some(Change::Up), None, None]
        );
    }

    fn signs() -> impl Strategy<Value = Vec<Sign>> {
        prop::collection::vec(prop::sample::select(vec![Passed, Failed, Busy]), 0..200)
    }

    /// The checks that count, since the last one that counted the other way.
    fn in_a_row(signs: &[Sign], sign: Sign) -> usize {
        let counted = signs.iter().rev().filter(|sign| **sign != Busy);
        counted.take_while(|other| **other == sign).count()
    }

    proptest! {
        #[test]
        fn the_state_turns_exactly_when_enough_checks_in_a_row_say_so(
            rise in 1..5u32, fall in 1..5u32, signs in signs(),
        ) {
            let changes = changes(rise, fall, &signs);
            let mut up = true;
            for (index, change) in changes.iter().enumerate() {
                let (limit, against, expected) =
                    if up { (fall, Failed, Change::Down) } else { (rise, Passed, Change::Up) };
                let due = signs[index] == against
                    && in_a_row(&signs[..=index], against) >= limit as usize;
                prop_assert_eq!(due, *change == Some(expected));
                up ^= due;
            }
        }

        #[test]
        fn no_change_is_told_twice(rise in 1..5u32, fall in 1..5u32, signs in signs()) {
            let changes: Vec<_> = changes(rise, fall, &signs).into_iter().flatten().collect();
            let turns = |change: &&Change| matches!(change, Change::Up | Change::Down);
            let spells = |change: &&Change| matches!(change, Change::Busy | Change::Calm);
            let state: Vec<_> = changes.iter().filter(turns).collect();
            prop_assert!(state.windows(2).all(|pair| pair[0] != pair[1]));
            // A server that goes down is busy no more.
            let spell: Vec<_> = changes.split(|change| *change == Change::Down).collect();
            for part in spell {
                let told: Vec<_> = part.iter().filter(spells).collect();
                prop_assert!(told.windows(2).all(|pair| pair[0] != pair[1]));
            }
        }

        #[test]
        fn without_the_busy_ones_the_state_is_the_same(rise in 1..5u32, fall in 1..5u32, signs in signs()) {
            let turns = |signs: &[Sign]| -> Vec<_> {
                let turn = |change: &Change| matches!(change, Change::Up | Change::Down);
                changes(rise, fall, signs).into_iter().flatten().filter(turn).collect()
            };
            let idle: Vec<_> = signs.iter().copied().filter(|sign| *sign != Busy).collect();
            prop_assert_eq!(turns(&signs), turns(&idle));
        }
    }
}
