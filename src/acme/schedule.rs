//! When a certificate is to be renewed.

use std::time::{Duration, SystemTime};

use super::chance::Chance;

/// However an authority wants it: what is younger is not renewed again, or a mistake of its would have us ask
/// without end.
const YOUNGEST: Duration = Duration::from_secs(6 * 3600);

/// Whatever an authority says, and whatever a clock has said: an attempt a week harms nobody.
const LONGEST: Duration = Duration::from_secs(7 * 24 * 3600);

/// What clocks of machines that share a disk may be apart.
const APART: Duration = Duration::from_secs(60);

/// A time before which nothing is to be asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Embargo {
    /// When that was said.
    pub since: SystemTime,
    pub until: SystemTime,
}

impl Embargo {
    /// How much longer; nothing once it is over.
    pub fn left(self, now: SystemTime) -> Duration {
        if self.since.duration_since(now).is_ok_and(|ahead| ahead > APART) {
            // The clock that it was said by ran ahead, and has been corrected.
            return Duration::ZERO;
        }
        let until = self.since.checked_add(LONGEST).map_or(self.until, |longest| self.until.min(longest));
        until.duration_since(now).unwrap_or_default()
    }
}

/// From when to when it is valid.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Life {
    pub not_before: SystemTime,
    pub not_after: SystemTime,
}

/// When the authority wants to hear of it (RFC 9773 4.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Window {
    pub start: SystemTime,
    pub end: SystemTime,
}

impl Life {
    /// A moment in the authority's window, or else shortly before two thirds of it are over: the same share of it
    /// for certificates of three months and of six days.
    pub fn renewal(&self, window: Option<Window>, chance: Chance) -> SystemTime {
        let whole = self.not_after.duration_since(self.not_before).unwrap_or_default();
        let after = |share| self.not_before.checked_add(share).unwrap_or(self.not_after);
        let Some(Window { start, end }) = window else {
            let latest = whole / 3 * 2;
            return after(latest.saturating_sub(chance.of(whole / 20)));
        };
        let length = end.duration_since(start).unwrap_or_default();
        let chosen = start.checked_add(chance.of(length)).unwrap_or(end);
        // It has to be there before the old one ends, with time for another attempt.
        chosen.min(after(whole / 10 * 9)).max(after((whole / 10).min(YOUNGEST)))
    }
}

#[cfg(test)]
mod tests {
    use std::time::UNIX_EPOCH;

    use super::*;

    const DAY: u64 = 24 * 3600;

    fn at(days: f64) -> SystemTime {
        UNIX_EPOCH + Duration::from_secs(DAY).mul_f64(1000.0 + days)
    }

    /// In days of a life.
    fn renewal(days: f64, window: Option<(f64, f64)>, chance: Chance) -> f64 {
        let life = Life { not_before: at(0.0), not_after: at(days) };
        let window = window.map(|(start, end)| Window { start: at(start), end: at(end) });
        let since = life.renewal(window, chance).duration_since(at(0.0)).unwrap();
        (since.as_secs_f64() / Duration::from_secs(DAY).as_secs_f64() * 1000.0).round() / 1000.0
    }

    /// The seconds that are left of a pause that was said at day 0.
    fn left(until: f64, now: f64) -> u64 {
        Embargo { since: at(0.0), until: at(until) }.left(at(now)).as_secs()
    }

    #[test]
    fn a_pause_ends_and_none_is_for_longer_than_a_week() {
        assert_eq!([left(2.0, 0.0), left(2.0, 1.0), left(2.0, 2.0), left(2.0, 3.0)], [2 * DAY, DAY, 0, 0]);
        assert_eq!([left(4000.0, 0.0), left(4000.0, 6.0), left(4000.0, 7.0)], [7 * DAY, DAY, 0]);
    }

    #[test]
    fn a_pause_of_a_clock_that_ran_ahead_is_none() {
        assert_eq!(left(2.0, -0.5), 0);
        // Nor do machines agree to the second.
        assert!(left(2.0, -0.0005) > 2 * DAY);
    }

    #[test]
    fn without_a_word_of_the_authority_two_thirds_decide() {
        assert_eq!(renewal(90.0, None, Chance::LEAST).to_string(), "60");
        assert_eq!(renewal(90.0, None, Chance::MOST).to_string(), "55.5");
        assert_eq!(renewal(6.0, None, Chance::LEAST).to_string(), "4");
    }

    #[test]
    fn an_authoritys_window_decides() {
        let window = Some((30.0, 32.0));
        assert_eq!(renewal(90.0, window, Chance::LEAST).to_string(), "30");
        assert_eq!(renewal(90.0, window, Chance::MOST).to_string(), "32");
    }

    #[test]
    fn a_window_of_the_past_is_now_but_not_without_end() {
        assert_eq!(renewal(90.0, Some((-30.0, -29.0)), Chance::LEAST).to_string(), "0.25");
        assert_eq!(renewal(1.0, Some((-30.0, -29.0)), Chance::LEAST).to_string(), "0.1");
    }

    #[test]
    fn a_window_behind_the_end_is_too_late() {
        assert_eq!(renewal(90.0, Some((89.0, 120.0)), Chance::MOST).to_string(), "81");
    }
}
