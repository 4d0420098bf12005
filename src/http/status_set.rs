//! Sets of statuses, as they are written in a configuration.

use std::fmt;
use std::ops::RangeInclusive;
use std::str::FromStr;

use ::http::StatusCode;

/// Statuses of final answers (RFC 9110 15), from 200 to 599: `"200-399"`, `"200,204"`, `"2xx"`, and lists of
/// these.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct StatusSet([u64; WORDS]);

const FIRST: u16 = 200;
const LAST: u16 = 599;
/// A bit for each.
const WORDS: usize = 7;

impl StatusSet {
    pub const NONE: Self = Self([0; WORDS]);

    pub const ALL: Self = Self([!0, !0, !0, !0, !0, !0, (1 << ((LAST - FIRST + 1) % 64)) - 1]);

    pub fn contains(&self, status: StatusCode) -> bool {
        self.has(status.as_u16())
    }

    /// What is in either.
    #[must_use]
    pub fn or(mut self, other: Self) -> Self {
        self.0.iter_mut().zip(other.0).for_each(|(word, more)| *word |= more);
        self
    }

    /// Its members in ascending order.
    pub fn iter(self) -> impl Iterator<Item = u16> {
        (FIRST..=LAST).filter(move |status| self.has(*status))
    }

    fn has(&self, status: u16) -> bool {
        place(status).is_some_and(|(word, bit)| self.0.get(word).is_some_and(|word| word & bit != 0))
    }

    fn insert(&mut self, range: RangeInclusive<u16>) {
        for (index, bit) in range.filter_map(place) {
            if let Some(word) = self.0.get_mut(index) {
                *word |= bit;
            }
        }
    }

    /// Its members, as few ranges as possible.
    fn ranges(self) -> Vec<RangeInclusive<u16>> {
        let mut ranges: Vec<RangeInclusive<u16>> = Vec::new();
        for status in self.iter() {
            match ranges.last_mut() {
                Some(last) if *last.end() + 1 == status => *last = *last.start()..=status,
                _ => ranges.push(status..=status),
            }
        }
        ranges
    }
}

/// The word and the bit in it.
fn place(status: u16) -> Option<(usize, u64)> {
    let index = usize::from(status.checked_sub(FIRST).filter(|_| status <= LAST)?);
    Some((index / 64, 1 << (index % 64)))
}

impl FromStr for StatusSet {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let mut set = Self::NONE;
        for part in text.split(',') {
            set.insert(range(part.trim())?);
        }
        Ok(set)
    }
}

impl fmt::Display for StatusSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, range) in self.ranges().iter().enumerate() {
            let comma = if index > 0 { "," } else { "" };
            match (range.start(), range.end()) {
                (only, last) if only == last => write!(f, "{comma}{only}")?,
                (first, last) => write!(f, "{comma}{first}-{last}")?,
            }
        }
        Ok(())
    }
}

fn range(part: &str) -> Result<RangeInclusive<u16>, String> {
    if let Some(class) = part.strip_suffix("xx") {
        return match class {
            "2" | "3" | "4" | "5" => code(&format!("{class}00")).map(|first| first..=first + 99),
            _ => Err(format!("there is no class of final statuses `{part}`")),
        };
    }
    let (first, last) = part.split_once('-').unwrap_or((part, part));
    let range = code(first.trim_end())?..=code(last.trim_start())?;
    if range.is_empty() { Err(format!("`{part}` ends before it begins")) } else { Ok(range) }
}

fn code(digits: &str) -> Result<u16, String> {
    let is_code = digits.len() == 3 && digits.bytes().all(|digit| digit.is_ascii_digit());
    let code = digits.parse().ok().filter(|code| is_code && (FIRST..=LAST).contains(code));
    code.ok_or_else(|| format!("`{digits}` is not the status of a final answer"))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn set(text: &str) -> StatusSet {
        text.parse().unwrap()
    }

    fn has(set: &StatusSet, code: u16) -> bool {
        set.contains(StatusCode::from_u16(code).unwrap())
    }

    #[test]
    fn codes_ranges_and_classes_can_be_listed() {
        let set = set("204, 301-303 ,4xx");
        let inside = [204, 301, 302, 303, 400, 499].map(|code| has(&set, code));
        assert_eq!(inside, [true; 6]);
        let outside = [100, 200, 205, 300, 304, 399, 500, 600, 999].map(|code| has(&set, code));
        assert_eq!(outside, [false; 9]);
        assert_eq!(set.to_string(), "204,301-303,400-499");
        assert_eq!(set.iter().count(), 1 + 3 + 100);
    }

    #[test]
    fn sets_are_joined() {
        let joined = set("502").or(set("503-504")).or(StatusSet::NONE);
        assert_eq!((joined, joined.to_string()), (set("502,503,504"), "502-504".into()));
    }

    #[test]
    fn what_is_no_set_of_final_statuses_is_refused() {
        for text in
            ["", ",", "200,", "-", "200-", "399-200", "199", "600", "1xx", "xx", "20x", "+20", "0200", "ok"]
        {
            assert!(text.parse::<StatusSet>().is_err(), "{text}");
        }
    }

    proptest! {
        #[test]
        fn what_is_shown_is_read_again(
            ranges in prop::collection::vec((200..=599u16, 0..100u16), 1..5),
        ) {
            let mut set = StatusSet::NONE;
            for (first, more) in ranges {
                set.insert(first..=(first + more).min(599));
            }
            prop_assert_eq!(set.to_string().parse(), Ok(set));
        }

        #[test]
        fn no_text_upsets_the_parser(text in "[0-9x,é -]{0,12}") {
            let _ = text.parse::<StatusSet>();
        }
    }
}
