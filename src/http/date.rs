//! Times as HTTP writes them: whole seconds, between 1970 and the end of year 9999.

use std::fmt;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use ::http::HeaderValue;

/// The first second of year 10000, which IMF-fixdate cannot write.
const END: u64 = 253_402_300_800;

const MONTHS: [&str; 12] =
    ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];

/// An HTTP-date (RFC 9110 5.6.7), in seconds since 1970. Any value of it can be written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Date(u64);

impl Date {
    /// `None` for what HTTP has no notation for: files may claim to be from 1901, or from year 40000.
    pub fn from_seconds(seconds: i64) -> Option<Self> {
        u64::try_from(seconds).ok().filter(|seconds| *seconds < END).map(Self)
    }

    /// Reads all three notations RFC 9110 demands of a recipient; `None` if it is none of them.
    pub fn parse(text: &[u8]) -> Option<Self> {
        let text = std::str::from_utf8(text).ok()?;
        let time = httpdate::parse_http_date(text).ok()?;
        let since = time.duration_since(UNIX_EPOCH).ok()?;
        i64::try_from(since.as_secs()).ok().and_then(Self::from_seconds)
    }

    pub fn seconds(self) -> u64 {
        self.0
    }

    /// `2026-11-21T10:15:00Z` (RFC 3339).
    pub fn to_rfc3339(self) -> String {
        // The parts of an IMF-fixdate stand in fixed places: `Sat, 21 Nov 2026 10:15:00 GMT`.
        let date = self.to_string();
        let part = |range| date.get(range).unwrap_or_default();
        let month =
            MONTHS.iter().zip(1..).find(|(name, _)| **name == part(8..11)).map_or(0, |(_, number)| number);
        format!("{}-{month:02}-{}T{}Z", part(12..16), part(5..7), part(17..25))
    }

    pub fn to_header(self) -> HeaderValue {
        #[expect(clippy::expect_used, reason = "a date is written in letters, digits, spaces, `,` and `:`")]
        HeaderValue::try_from(self.to_string()).expect("a date is a valid field value")
    }
}

impl fmt::Display for Date {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // `httpdate` panics outside the range that `from_seconds` has made sure of.
        let time: SystemTime = UNIX_EPOCH + Duration::from_secs(self.0);
        httpdate::HttpDate::from(time).fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn all_three_notations_are_read() {
        let expected = Date::from_seconds(784_111_777);
        assert_eq!(Date::parse(b"Sun, 06 Nov 1994 08:49:37 GMT"), expected);
        assert_eq!(Date::parse(b"Sunday, 06-Nov-94 08:49:37 GMT"), expected);
        assert_eq!(Date::parse(b"Sun Nov  6 08:49:37 1994"), expected);
    }

    #[test]
    fn nonsense_is_no_date() {
        for text in ["", "now", "Sun, 06 Nov 1994 08:49:37 CET", "Sun, 32 Nov 1994 08:49:37 GMT", "\"etag\""]
        {
            assert_eq!(Date::parse(text.as_bytes()), None, "{text}");
        }
        assert_eq!(Date::parse(b"Sun, 06 Nov 1994 \xff8:49:37 GMT"), None);
    }

    #[test]
    fn times_http_cannot_write_are_refused() {
        assert_eq!(Date::from_seconds(-1), None);
        assert_eq!(Date::from_seconds(i64::MIN), None);
        assert_eq!(Date::from_seconds(i64::MAX), None);
        assert_eq!(Date::from_seconds(253_402_300_800), None);
        let last = Date::from_seconds(253_402_300_799).unwrap();
        assert_eq!(last.to_header(), "Fri, 31 Dec 9999 23:59:59 GMT");
    }

    #[test]
    fn programs_read_another_notation() {
        for (seconds, expected) in [
            (0, "1970-01-01T00:00:00Z"),
            (951_827_696, "2000-02-29T12:34:56Z"),
            (1_798_761_599, "2026-12-31T23:59:59Z"),
            (253_402_300_799, "9999-12-31T23:59:59Z"),
        ] {
            assert_eq!(Date::from_seconds(seconds).unwrap().to_rfc3339(), expected);
        }
    }

    proptest! {
        #[test]
        fn what_is_written_is_read_back(seconds in 0..253_402_300_800_i64) {
            let date = Date::from_seconds(seconds).unwrap();
            prop_assert_eq!(Date::parse(date.to_header().as_bytes()), Some(date));
        }

        #[test]
        fn any_bytes_are_taken(text: Vec<u8>) {
            let _ = Date::parse(&text);
        }
    }
}
