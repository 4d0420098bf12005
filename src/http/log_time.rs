//! The time of day as logs have it. UTC, so that no line depends on a machine's zone.

use std::cell::RefCell;
use std::time::{Duration, SystemTime};

use super::tried::write_seconds;

/// Both notations of one second, which all lines of that second share.
struct Second {
    number: u64,
    local: [u8; 26],
    iso8601: [u8; 25],
}

thread_local! {
    static CACHED: RefCell<Second> =
        const { RefCell::new(Second { number: 0, local: *LOCAL, iso8601: *ISO8601 }) };
}

const LOCAL: &[u8; 26] = b"01/Jan/1970:00:00:00 +0000";
const ISO8601: &[u8; 25] = b"1970-01-01T00:00:00+00:00";

/// nginx's `$time_local`: `21/Nov/2026:10:15:00 +0000`.
pub fn append_time_local(out: &mut Vec<u8>) {
    with_second(|second| out.extend_from_slice(&second.local));
}

/// nginx's `$time_iso8601`: `2026-11-21T10:15:00+00:00`.
pub fn append_time_iso8601(out: &mut Vec<u8>) {
    with_second(|second| out.extend_from_slice(&second.iso8601));
}

/// nginx's `$msec`: seconds since 1970 with milliseconds, `1795256100.000`.
pub fn append_msec(out: &mut Vec<u8>) {
    write_seconds(since_1970(SystemTime::now()), out);
}

pub(super) fn since_1970(time: SystemTime) -> Duration {
    time.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default()
}

fn with_second(show: impl FnOnce(&Second)) {
    let now = SystemTime::now();
    let number = since_1970(now).as_secs();
    CACHED.with_borrow_mut(|cached| {
        if cached.number != number {
            *cached = second(number, now);
        }
        show(cached);
    });
}

const MONTHS: [&[u8; 3]; 12] =
    [b"Jan", b"Feb", b"Mar", b"Apr", b"May", b"Jun", b"Jul", b"Aug", b"Sep", b"Oct", b"Nov", b"Dec"];

/// Rearranges an IMF-fixdate, `Sat, 21 Nov 2026 10:15:00 GMT`, whose parts stand in fixed places.
fn second(number: u64, time: SystemTime) -> Second {
    let date = httpdate::fmt_http_date(time);
    let (mut local, mut iso8601) = (*LOCAL, *ISO8601);
    copy(&mut local, &date, &[(0..2, 5..7), (3..6, 8..11), (7..11, 12..16), (12..20, 17..25)]);
    copy(&mut iso8601, &date, &[(0..4, 12..16), (8..10, 5..7), (11..19, 17..25)]);
    let month = MONTHS.iter().zip("01 02 03 04 05 06 07 08 09 10 11 12".split(' '));
    let month =
        month.filter(|(name, _)| date.as_bytes().get(8..11) == Some(&name[..])).map(|(_, digits)| digits);
    month.for_each(|digits| copy(&mut iso8601, digits, &[(5..7, 0..2)]));
    Second { number, local, iso8601 }
}

type Places = std::ops::Range<usize>;

fn copy(to: &mut [u8], from: &str, parts: &[(Places, Places)]) {
    for (target, source) in parts {
        if let (Some(to), Some(from)) = (to.get_mut(target.clone()), from.as_bytes().get(source.clone())) {
            to.copy_from_slice(from);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_written_as_in_nginx() {
        for (number, local, iso8601) in [
            (0, LOCAL, ISO8601),
            (1_795_256_100, b"21/Nov/2026:10:15:00 +0000", b"2026-11-21T10:15:00+00:00"),
            (1_804_550_399, b"08/Mar/2027:23:59:59 +0000", b"2027-03-08T23:59:59+00:00"),
        ] {
            let second = second(number, SystemTime::UNIX_EPOCH + Duration::from_secs(number));
            assert_eq!(&second.local, local);
            assert_eq!(&second.iso8601, iso8601);
        }
    }

    #[test]
    fn the_present_is_written_with_milliseconds() {
        let mut out = Vec::new();
        append_msec(&mut out);
        let text = String::from_utf8(out).unwrap();
        let (seconds, millis) = text.split_once('.').unwrap();
        assert_eq!(millis.len(), 3);
        let now = since_1970(SystemTime::now()).as_secs();
        assert!(now.abs_diff(seconds.parse().unwrap()) <= 1, "{text}");
    }
}
