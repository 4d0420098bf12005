use proptest::prelude::*;

use super::*;

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

fn parts(list: &[(u64, u64)]) -> Selection {
    Selection::Parts(list.iter().map(|&(start, length)| ByteRange { start, length }).collect())
}

#[test]
fn ranges_apart_are_parts_in_the_order_of_the_request() {
    assert_eq!(ask("bytes=0-9,500-509", 1000), parts(&[(0, 10), (500, 10)]));
    assert_eq!(ask("bytes=500-509, 0-9 ,-10", 1000), parts(&[(500, 10), (0, 10), (990, 10)]));
    assert_eq!(ask("bytes=0-0,-1", 1000), parts(&[(0, 1), (999, 1)]));
}

#[test]
fn ranges_that_are_not_there_are_left_out() {
    assert_eq!(ask("bytes=2000-,0-9,1000-1001,500-509,-0", 1000), parts(&[(0, 10), (500, 10)]));
    assert_eq!(ask("bytes=0-9,1000-", 1000), part(0, 10));
    assert_eq!(ask("bytes=1000-,-0,5000-6000", 1000), Selection::Unsatisfiable);
    assert_eq!(ask("bytes=0-1,5-6", 0), Selection::Unsatisfiable);
}

#[test]
fn ranges_that_overlap_touch_or_nearly_touch_become_one() {
    assert_eq!(ask("bytes=0-99,50-149", 1000), part(0, 150));
    assert_eq!(ask("bytes=100-199,0-99", 1000), part(0, 200));
    assert_eq!(ask("bytes=0-99,10-19", 1000), part(0, 100));
    assert_eq!(ask("bytes=0-9,137-146", 1000), part(0, 147));
    assert_eq!(ask("bytes=0-9,138-147", 1000), parts(&[(0, 10), (138, 10)]));
}

#[test]
fn what_was_put_together_stands_where_its_first_was() {
    assert_eq!(ask("bytes=500-509,900-909,505-519,0-9", 1000), parts(&[(500, 20), (900, 10), (0, 10)]));
}

#[test]
fn one_bad_range_spoils_all() {
    for value in ["bytes=0-9,x", "bytes=5-2,500-509", "bytes=0-9,500-509,-"] {
        assert_eq!(ask(value, 1000), Selection::Whole, "{value}");
    }
}

#[test]
fn parts_that_save_nothing_are_the_whole() {
    assert_eq!(ask("bytes=0-499,500-", 1000), Selection::Whole);
    assert_eq!(ask("bytes=0-399,600-", 1000), Selection::Whole);
    assert_eq!(ask("bytes=0-,0-", 1000), Selection::Whole);
}

#[test]
fn too_many_ranges_are_the_whole() {
    let ranges = |count: u64| (0..count).map(|n| format!("{0}-{0}", n * 1000)).collect::<Vec<_>>().join(",");
    assert!(
        matches!(ask(&format!("bytes={}", ranges(100)), 1 << 30), Selection::Parts(parts) if parts.len() == 100)
    );
    assert_eq!(ask(&format!("bytes={}", ranges(101)), 1 << 30), Selection::Whole);
    assert_eq!(ask(&format!("bytes={}", ranges(8000)), 1 << 30), Selection::Whole);
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

/// One of the three forms.
fn spec() -> impl Strategy<Value = String> {
    let near = 0_u64..5000;
    prop_oneof![
        (near.clone(), near.clone()).prop_map(|(a, b)| format!("{}-{}", a.min(b), a.max(b))),
        near.clone().prop_map(|first| format!("{first}-")),
        near.prop_map(|count| format!("-{count}")),
        (any::<u64>(), any::<u64>()).prop_map(|(a, b)| format!("{}-{}", a.min(b), a.max(b))),
        any::<u64>().prop_map(|count| format!("-{count}")),
    ]
}

/// Which bytes of a short file the ranges name, by the words of RFC 9110 14.1.2.
fn named(specs: &[String], length: u64) -> Vec<bool> {
    let mut named = vec![false; usize::try_from(length).unwrap()];
    for spec in specs {
        let (first, last) = spec.split_once('-').unwrap();
        for (at, named) in (0..).zip(&mut named) {
            *named |= match (first.parse::<u64>(), last.parse::<u64>()) {
                (Ok(first), Ok(last)) => (first..=last).contains(&at),
                (Ok(first), Err(_)) => at >= first,
                (Err(_), Ok(count)) => length - at <= count,
                (Err(_), Err(_)) => unreachable!(),
            };
        }
    }
    named
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
    fn parts_are_in_the_file_apart_and_together_shorter(
        specs in prop::collection::vec(spec(), 1..150),
        length in prop_oneof![0_u64..6000, any::<u64>()],
    ) {
        if let Selection::Parts(parts) = ask(&format!("bytes={}", specs.join(",")), length) {
            prop_assert!((2..=specs.len().min(RANGES_MAX)).contains(&parts.len()));
            prop_assert!(parts.iter().all(|part| part.length >= 1));
            let mut ends: Vec<(u64, u64)> =
                parts.iter().map(|part| (part.start, part.start.checked_add(part.length).unwrap())).collect();
            ends.sort_unstable();
            prop_assert!(ends.windows(2).all(|pair| pair[0].1 + PART_OVERHEAD <= pair[1].0), "{ends:?}");
            prop_assert!(ends.last().unwrap().1 <= length);
            prop_assert!(parts.iter().map(|part| u128::from(part.length)).sum::<u128>() < u128::from(length));
        }
    }

    #[test]
    fn every_byte_that_was_asked_for_is_sent(
        specs in prop::collection::vec(spec(), 1..8),
        length in 0_u64..6000,
    ) {
        let sent = match ask(&format!("bytes={}", specs.join(",")), length) {
            Selection::Whole => vec![ByteRange { start: 0, length }],
            Selection::Part(range) => vec![range],
            Selection::Parts(ranges) => ranges,
            Selection::Unsatisfiable => vec![],
        };
        for (at, named) in (0..).zip(named(&specs, length)) {
            prop_assert!(!named || sent.iter().any(|part| (part.start..part.end()).contains(&at)), "{at}");
        }
    }

    #[test]
    fn any_bytes_are_taken(value: Vec<u8>, length: u64) {
        let _ = read(&value, length);
        let _ = read(&[b"bytes=", &value[..]].concat(), length);
    }

    #[test]
    fn anything_like_ranges_is_taken(value in "bytes=[0-9,\\- ]{0,200}", length: u64) {
        let _ = read(value.as_bytes(), length);
    }
}
