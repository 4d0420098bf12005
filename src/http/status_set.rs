//! Sets of statuses, as they are written in a configuration.

use std::fmt;
use std::ops::RangeInclusive;
use std::str::FromStr;

use ::http::StatusCode;

/// Statuses of final answers (RFC 9110 15), from 200 to 599: `"200-399"`, `"200,204"`, `"2xx"`, and lists of
/// these.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StatusSet(Vec<RangeInclusive<u16>>);

impl StatusSet {
    pub fn contains(&self, status: StatusCode) -> bool {
        self.0.iter().any(|range| range.contains(&status.as_u16()))
    }
}

impl FromStr for StatusSet {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        text.split(',').map(|part| range(part.trim())).collect::<Result<_, _>>().map(Self)
    }
}

impl fmt::Display for StatusSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, range) in self.0.iter().enumerate() {
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
    let code = digits.parse().ok().filter(|code| is_code && (200..=599).contains(code));
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
        let outside = [200, 205, 300, 304, 399, 500].map(|code| has(&set, code));
        assert_eq!(outside, [false; 6]);
        assert_eq!(set.to_string(), "204,301-303,400-499");
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
            let set = StatusSet(
                ranges.into_iter().map(|(first, more)| first..=(first + more).min(599)).collect(),
            );
            prop_assert_eq!(set.to_string().parse(), Ok(set));
        }

        #[test]
        fn no_text_upsets_the_parser(text in "[0-9x,é -]{0,12}") {
            let _ = text.parse::<StatusSet>();
        }
    }
}
