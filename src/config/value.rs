//! Durations and sizes, as they are written and as they are shown.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use crate::http::Date;

/// Units of time with their length in nanoseconds.
const TIMES: &[(&str, u128)] = &[
    ("ms", 1_000_000),
    ("s", SECOND),
    ("m", 60 * SECOND),
    ("h", 3600 * SECOND),
    ("d", 86_400 * SECOND),
    ("w", 7 * 86_400 * SECOND),
    ("y", 365 * 86_400 * SECOND),
];

const SECOND: u128 = 1_000_000_000;

/// Units of size with their bytes.
const SIZES: &[(&str, u128)] = &[
    ("B", 1),
    ("KB", 1000),
    ("KiB", 1 << 10),
    ("MB", 1_000_000),
    ("MiB", 1 << 20),
    ("GB", 1_000_000_000),
    ("GiB", 1 << 30),
    ("TB", 1_000_000_000_000),
    ("TiB", 1 << 40),
];

/// What people write for units elsewhere, nginx's letters for sizes among them.
const TIME_WORDS: &[(&str, &str)] = &[
    ("msec", "ms"),
    ("millis", "ms"),
    ("milliseconds", "ms"),
    ("sec", "s"),
    ("secs", "s"),
    ("second", "s"),
    ("seconds", "s"),
    ("min", "m"),
    ("mins", "m"),
    ("minute", "m"),
    ("minutes", "m"),
    ("hr", "h"),
    ("hour", "h"),
    ("hours", "h"),
    ("day", "d"),
    ("days", "d"),
    ("week", "w"),
    ("weeks", "w"),
    ("year", "y"),
    ("years", "y"),
];

const SIZE_WORDS: &[(&str, &str)] =
    &[("k", "KiB"), ("m", "MiB"), ("g", "GiB"), ("t", "TiB"), ("byte", "B"), ("bytes", "B")];

/// Reads `"500ms"`, `"1.5s"`, `"5m"`.
pub fn parse_duration(text: &str) -> Result<Duration, String> {
    let Measure { number, unit } = Measure::new(text, TIMES, TIME_WORDS, "duration", "\"30s\"")?;
    let nanos = number.times(unit).ok_or_else(|| format!("`{text}` is too long a time"))?;
    let seconds = u64::try_from(nanos / SECOND).map_err(|_| format!("`{text}` is too long a time"))?;
    // The remainder is below a second and fits.
    Ok(Duration::new(seconds, u32::try_from(nanos % SECOND).unwrap_or_default()))
}

/// Reads `"64KiB"`, `"10MB"`, `"1.5GiB"`; digits alone are bytes.
pub fn parse_size(text: &str) -> Result<u64, String> {
    if let Ok(bytes) = text.parse::<u64>() {
        return Ok(bytes);
    }
    let Measure { number, unit } = Measure::new(text, SIZES, SIZE_WORDS, "size", "\"10MiB\"")?;
    let bytes = number.times(unit).ok_or_else(|| format!("`{text}` is too large"))?;
    u64::try_from(bytes).map_err(|_| format!("`{text}` is too large"))
}

/// A number and how much its unit is.
struct Measure {
    number: Decimal,
    unit: u128,
}

impl Measure {
    fn new(
        text: &str,
        units: &[(&str, u128)],
        words: &[(&str, &str)],
        what: &str,
        example: &str,
    ) -> Result<Self, String> {
        let end = text.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(text.len());
        let (digits, unit) = text.split_at(end);
        let Some(number) = Decimal::parse(digits) else {
            return Err(format!("`{text}` is not a {what}; write a number and its unit, like {example}"));
        };
        if let Some((_, unit)) = units.iter().find(|(name, _)| *name == unit) {
            return Ok(Self { number, unit: *unit });
        }
        Err(match meant(unit.trim(), units, words) {
            _ if unit.is_empty() => format!("`{text}` lacks its unit; {}", all(units)),
            Some(meant) => format!("`{text}` is not a {what}; did you mean \"{digits}{meant}\"?"),
            None => format!("`{}` is not a unit of a {what}; {}", unit.trim(), all(units)),
        })
    }
}

/// The unit that was meant by another word or other letter case.
fn meant<'a>(unit: &str, units: &[(&'a str, u128)], words: &[(&str, &'a str)]) -> Option<&'a str> {
    let lower = unit.to_ascii_lowercase();
    let word = words.iter().find(|(word, _)| *word == lower).map(|(_, unit)| *unit);
    word.or_else(|| units.iter().find(|(name, _)| name.to_ascii_lowercase() == lower).map(|(name, _)| *name))
}

fn all(units: &[(&str, u128)]) -> String {
    let names: Vec<String> = units.iter().map(|(name, _)| format!("`{name}`")).collect();
    format!("units are {}", super::names::and(&names))
}

/// A decimal fraction, kept exact: 1.5 is 15 tenths.
struct Decimal {
    digits: u128,
    scale: u128,
}

impl Decimal {
    /// `None` unless it is digits, perhaps with more digits behind a point.
    fn parse(text: &str) -> Option<Self> {
        let (whole, fraction) = text.split_once('.').unwrap_or((text, "0"));
        let all_digits = |part: &str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_digit());
        if !all_digits(whole) || !all_digits(fraction) {
            return None;
        }
        let scale = 10_u128.checked_pow(u32::try_from(fraction.len()).ok()?)?;
        let digits = whole.parse::<u128>().ok()?.checked_mul(scale)?.checked_add(fraction.parse().ok()?)?;
        Some(Self { digits, scale })
    }

    /// Rounded down.
    fn times(&self, unit: u128) -> Option<u128> {
        Some(self.digits.checked_mul(unit)? / self.scale)
    }
}

/// In the largest unit that says it without fraction. Minutes begin at two, as people think of timeouts
/// as "60s" and "75s".
pub fn show_duration(duration: Duration) -> String {
    let nanos = duration.as_nanos();
    let least = |name: &str| if name == "m" { 2 } else { 1 };
    let exact = |(name, unit): &&(&str, u128)| {
        !["w", "ms"].contains(name) && nanos.is_multiple_of(*unit) && nanos / unit >= least(name)
    };
    if let Some((name, unit)) = TIMES.iter().rev().find(exact) {
        return format!("{}{name}", nanos / unit);
    }
    if nanos == 0 {
        return "0s".into();
    }
    if nanos < SECOND && nanos.is_multiple_of(1_000_000) {
        return format!("{}ms", nanos / 1_000_000);
    }
    let (name, unit, digits) = if nanos > SECOND { ("s", SECOND, 9) } else { ("ms", 1_000_000, 6) };
    let fraction = format!("{:0digits$}", nanos % unit);
    format!("{}.{}{name}", nanos / unit, fraction.trim_end_matches('0'))
}

/// `2026-11-21`, in UTC.
pub fn show_day(time: SystemTime) -> String {
    let seconds = time.duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
    let date = i64::try_from(seconds).ok().and_then(Date::from_seconds);
    date.and_then(|date| Some(date.to_rfc3339().get(..10)?.to_owned())).unwrap_or_else(|| "9999-12-31".into())
}

/// In the largest unit that says it without fraction.
pub fn show_size(bytes: u64) -> String {
    let bytes = u128::from(bytes);
    let exact = |unit: &&(&str, u128)| unit.0.ends_with("iB") && bytes > 0 && bytes.is_multiple_of(unit.1);
    match SIZES.iter().rev().find(exact) {
        Some((name, unit)) => format!("{}{name}", bytes / unit),
        None => format!("{bytes}B"),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn durations_are_read() {
        for (text, millis) in [
            ("500ms", 500),
            ("0s", 0),
            ("30s", 30_000),
            ("1.5s", 1500),
            ("0.25m", 15_000),
            ("5m", 300_000),
            ("2h", 7_200_000),
            ("1d", 86_400_000),
            ("1w", 604_800_000),
            ("1y", 31_536_000_000),
        ] {
            assert_eq!(parse_duration(text), Ok(Duration::from_millis(millis)), "{text}");
        }
        assert_eq!(parse_duration("0.0001ms"), Ok(Duration::from_nanos(100)));
    }

    #[test]
    fn sizes_are_read() {
        for (text, bytes) in [
            ("0", 0),
            ("512", 512),
            ("1B", 1),
            ("10KB", 10_000),
            ("64KiB", 65_536),
            ("10MB", 10_000_000),
            ("1.5MiB", 1_572_864),
            ("1GB", 1_000_000_000),
            ("1GiB", 1 << 30),
            ("2TB", 2_000_000_000_000),
            ("2TiB", 2 << 40),
        ] {
            assert_eq!(parse_size(text), Ok(bytes), "{text}");
        }
    }

    #[test]
    fn what_is_no_measure_is_refused() {
        for text in ["", "s", "-1s", "1..5s", ".5s", "1.s", "1 s", "1e3s", "1h30m", "٣s", "+1s"] {
            assert!(parse_duration(text).is_err(), "{text}");
        }
        for text in ["", "KiB", "-1B", "1KiBs", "1 KiB", "0x10", "+1KiB"] {
            assert!(parse_size(text).is_err(), "{text}");
        }
    }

    #[test]
    fn numbers_beyond_all_measure_are_refused() {
        let digits = "9".repeat(60);
        assert!(parse_duration(&format!("{digits}y")).is_err());
        assert!(parse_duration("99999999999999999999y").is_err());
        assert!(parse_duration(&format!("1.{digits}s")).is_err());
        assert!(parse_size("99999999999TiB").is_err());
    }

    #[test]
    fn units_of_elsewhere_are_translated() {
        assert_eq!(parse_duration("30sec").unwrap_err(), "`30sec` is not a duration; did you mean \"30s\"?");
        assert_eq!(parse_duration("5 S").unwrap_err(), "`5 S` is not a duration; did you mean \"5s\"?");
        assert_eq!(parse_size("10m").unwrap_err(), "`10m` is not a size; did you mean \"10MiB\"?");
        assert_eq!(parse_size("10mb").unwrap_err(), "`10mb` is not a size; did you mean \"10MB\"?");
    }

    #[test]
    fn measures_are_shown_as_people_write_them() {
        for text in
            ["0s", "1ms", "1.5s", "1.234s", "30s", "60s", "75s", "5m", "2h", "90m", "30d", "2y", "0.5ms"]
        {
            assert_eq!(show_duration(parse_duration(text).unwrap()), text);
        }
        for text in ["0B", "1000B", "64KiB", "256MiB", "2TiB"] {
            assert_eq!(show_size(parse_size(text).unwrap()), text);
        }
    }

    proptest! {
        #[test]
        fn what_is_shown_is_read_again(nanos in 0..=u64::MAX, bytes: u64) {
            let duration = Duration::from_nanos(nanos);
            prop_assert_eq!(parse_duration(&show_duration(duration)), Ok(duration));
            prop_assert_eq!(parse_size(&show_size(bytes)), Ok(bytes));
        }

        #[test]
        fn no_text_upsets_the_parsers(text in "[0-9.]{0,40}[ a-zA-Zµ]{0,3}") {
            let _ = parse_duration(&text);
            let _ = parse_size(&text);
        }
    }
}
