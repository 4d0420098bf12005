//! Byte ranges (RFC 9110 14): which part of a representation a Range field asks for.

use std::fmt;

use ::http::{HeaderValue, header};

use super::Fields;

/// A part that is there: `length` is at least 1, and `start + length` at most the whole.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ByteRange {
    pub start: u64,
    pub length: u64,
}

/// What a request asks for of a representation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Selection {
    /// All of it: there is no Range, or one that may be ignored.
    Whole,
    Part(ByteRange),
    /// Nothing of it is there: 416.
    Unsatisfiable,
}

/// Reads the Range field of a request for `length` bytes.
///
/// Ignored, as RFC 9110 14.2 allows or demands: units other than bytes, what cannot be parsed, a
/// repeated field, and more than one range in a field. An answer is thereby never longer than the file.
pub fn select(headers: &Fields, length: u64) -> Selection {
    let spec = headers.get_single(header::RANGE).and_then(|value| single(value.as_bytes()));
    spec.map_or(Selection::Whole, |spec| spec.resolve(length))
}

/// Content-Range of a 206: `bytes 0-9/100`.
pub fn content_range(range: ByteRange, length: u64) -> HeaderValue {
    let last = range.start.saturating_add(range.length).saturating_sub(1);
    field(&format_args!("bytes {}-{last}/{length}", range.start))
}

/// Content-Range of a 416: `bytes */100`.
pub fn unsatisfied(length: u64) -> HeaderValue {
    field(&format_args!("bytes */{length}"))
}

fn field(text: &dyn fmt::Display) -> HeaderValue {
    #[expect(clippy::expect_used, reason = "digits, letters, spaces and `-/*` only")]
    HeaderValue::try_from(text.to_string()).expect("a range is a valid field value")
}

/// One range as it is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Spec {
    /// `first-last` or `first-`
    From { first: u64, last: Option<u64> },
    /// `-count`: that many from the end.
    Suffix(u64),
}

impl Spec {
    fn parse(text: &[u8]) -> Option<Self> {
        let dash = memchr::memchr(b'-', text)?;
        let (before, after) = (text.get(..dash)?, text.get(dash + 1..)?);
        match (before, after) {
            ([], count) => digits(count).map(Self::Suffix),
            (first, []) => Some(Self::From { first: digits(first)?, last: None }),
            (first, last) => {
                let (first, last) = (digits(first)?, digits(last)?);
                (first <= last).then_some(Self::From { first, last: Some(last) })
            }
        }
    }

    fn resolve(self, length: u64) -> Selection {
        let (start, end) = match self {
            // Any suffix of an empty file is all of it, which no Content-Range can say.
            Self::Suffix(count) if count > 0 && length == 0 => return Selection::Whole,
            Self::Suffix(count) => (length.saturating_sub(count), length),
            Self::From { first, last } => {
                (first, last.map_or(length, |last| last.saturating_add(1).min(length)))
            }
        };
        match end.checked_sub(start) {
            Some(count @ 1..) => Selection::Part(ByteRange { start, length: count }),
            _ => Selection::Unsatisfiable,
        }
    }
}

/// The only range of a field value in bytes. The list may have empty members and optional white space
/// (RFC 9110 5.6.1.2); reading stops at a second range, so thousands of them cost nothing.
fn single(value: &[u8]) -> Option<Spec> {
    let equals = memchr::memchr(b'=', value)?;
    if !value.get(..equals)?.eq_ignore_ascii_case(b"bytes") {
        return None;
    }
    let members = value.get(equals + 1..)?.split(|byte| *byte == b',');
    let mut members = members.map(<[u8]>::trim_ascii).filter(|member| !member.is_empty());
    let only = members.next()?;
    if members.next().is_some() {
        return None;
    }
    Spec::parse(only)
}

/// Digits and nothing else. A number too large for 64 bits lies behind the end of any file, and so does
/// the largest number there is.
fn digits(text: &[u8]) -> Option<u64> {
    if text.is_empty() {
        return None;
    }
    text.iter().try_fold(0_u64, |number, byte| {
        let digit = byte.is_ascii_digit().then(|| u64::from(byte - b'0'))?;
        Some(number.saturating_mul(10).saturating_add(digit))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn ask(value: &str, length: u64) -> Selection {
        let mut headers = Fields::new();
        headers.insert(header::RANGE, HeaderValue::from_str(value).unwrap());
        select(&headers, length)
    }

    fn part(start: u64, length: u64) -> Selection {
        Selection::Part(ByteRange { start, length })
    }

    #[test]
    fn ranges_that_are_there_are_parts() {
        for (value, expected) in [
            ("bytes=0-0", part(0, 1)),
            ("bytes=0-99", part(0, 100)),
            ("bytes=10-19", part(10, 10)),
            ("bytes=99-99", part(99, 1)),
            ("bytes=90-", part(90, 10)),
            ("bytes=0-", part(0, 100)),
            ("bytes=-1", part(99, 1)),
            ("bytes=-100", part(0, 100)),
            ("BYTES=1-2", part(1, 2)),
        ] {
            assert_eq!(ask(value, 100), expected, "{value}");
        }
    }

    #[test]
    fn ends_behind_the_file_are_cut() {
        assert_eq!(ask("bytes=90-1000", 100), part(90, 10));
        assert_eq!(ask("bytes=-1000", 100), part(0, 100));
        assert_eq!(ask("bytes=5-18446744073709551615", 100), part(5, 95));
        assert_eq!(ask("bytes=5-99999999999999999999999999", 100), part(5, 95));
        assert_eq!(ask("bytes=-99999999999999999999999999", 100), part(0, 100));
        assert_eq!(ask("bytes=-9223372036854775808", 100), part(0, 100));
    }

    #[test]
    fn starts_behind_the_file_are_unsatisfiable() {
        for value in ["bytes=100-", "bytes=100-200", "bytes=-0", "bytes=99999999999999999999999999-"] {
            assert_eq!(ask(value, 100), Selection::Unsatisfiable, "{value}");
        }
    }

    #[test]
    fn an_empty_file_has_no_range() {
        assert_eq!(ask("bytes=0-0", 0), Selection::Unsatisfiable);
        assert_eq!(ask("bytes=0-", 0), Selection::Unsatisfiable);
        assert_eq!(ask("bytes=-5", 0), Selection::Whole);
    }

    #[test]
    fn what_is_not_one_byte_range_is_ignored() {
        for value in [
            "",
            "bytes",
            "bytes=",
            "bytes=-",
            "bytes=,",
            "bytes=5",
            "bytes=5-4",
            "bytes=a-b",
            "bytes=0x0-1",
            "bytes=+1-2",
            "bytes=--5",
            "bytes=1--2",
            "bytes=1-2-3",
            "bytes=0 - 5",
            "bytes 0-5",
            "bytes =0-5",
            "items=0-5",
            "none",
            "bytes=\u{b2}-5",
        ] {
            assert_eq!(ask(value, 100), Selection::Whole, "{value}");
        }
    }

    #[test]
    fn list_members_may_be_empty_and_spaced() {
        assert_eq!(ask("bytes= 0-4", 100), part(0, 5));
        assert_eq!(ask("bytes=,0-4 ,\t,", 100), part(0, 5));
    }

    #[test]
    fn range_amplification_1300_overlapping_ranges_yield_the_file_once() {
        let many = (0..1300).map(|n| format!("{n}-")).collect::<Vec<_>>().join(",");
        assert_eq!(ask(&format!("bytes={many}"), 1_000_000), Selection::Whole);
        assert_eq!(ask("bytes=-9223372036854775808,-9223372036854775700", 100), Selection::Whole);
    }

    #[test]
    fn a_repeated_field_is_ignored() {
        let mut headers = Fields::new();
        headers.append(header::RANGE, HeaderValue::from_static("bytes=0-1"));
        headers.append(header::RANGE, HeaderValue::from_static("bytes=0-1"));
        assert_eq!(select(&headers, 100), Selection::Whole);
    }

    #[test]
    fn content_range_is_written_as_the_rfc_has_it() {
        assert_eq!(content_range(ByteRange { start: 42, length: 1192 }, 1234), "bytes 42-1233/1234");
        assert_eq!(unsatisfied(1234), "bytes */1234");
    }

    proptest! {
        #[test]
        fn range_arithmetic_never_leaves_the_file(first: u64, last: u64, length: u64, form in 0..3) {
            let value = match form {
                0 => format!("bytes={first}-{last}"),
                1 => format!("bytes={first}-"),
                _ => format!("bytes=-{last}"),
            };
            if let Selection::Part(range) = ask(&value, length) {
                prop_assert!(range.length >= 1);
                prop_assert!(range.start.checked_add(range.length).unwrap() <= length);
            }
        }

        #[test]
        fn any_bytes_are_taken(value: Vec<u8>, length: u64) {
            let _ = single(&value).map(|spec| spec.resolve(length));
        }
    }
}
