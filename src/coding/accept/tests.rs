use ::http::HeaderValue;
use proptest::prelude::*;

use super::*;
use Coding::{Brotli, Gzip, Zstd};

fn accepted(lines: &[&str]) -> Accepted {
    let line = |line: &&str| (ACCEPT_ENCODING, HeaderValue::from_bytes(line.as_bytes()).unwrap());
    Accepted::of(&lines.iter().map(line).collect())
}

fn chosen(line: &str) -> Option<Coding> {
    accepted(&[line]).choose(&Coding::ALL)
}

#[test]
fn the_highest_weight_wins() {
    assert_eq!(chosen("gzip;q=0.9, br;q=0.8, zstd;q=0.1"), Some(Gzip));
    assert_eq!(chosen("gzip;q=0.998, br;q=0.999"), Some(Brotli));
    assert_eq!(chosen("gzip;q=0.1, br;q=1.000"), Some(Brotli));
}

#[test]
fn of_equals_the_one_offered_first_wins() {
    let browser = accepted(&["gzip, deflate, br, zstd"]);
    assert_eq!(browser.choose(&[Brotli, Zstd, Gzip]), Some(Brotli));
    assert_eq!(browser.choose(&[Gzip, Zstd]), Some(Gzip));
    assert_eq!(browser.choose(&[]), None);
}

#[test]
fn what_is_refused_or_not_named_is_not_chosen() {
    assert_eq!(chosen("zstd;q=0, br;q=0.000, gzip"), Some(Gzip));
    assert_eq!(chosen("zstd;q=0"), None);
    assert_eq!(chosen("deflate, compress"), None);
    assert_eq!(accepted(&["br"]).choose(&[Gzip]), None);
}

#[test]
fn a_star_stands_for_what_is_not_named() {
    assert_eq!(chosen("*"), Some(Zstd));
    assert_eq!(chosen("zstd;q=0, *;q=0.5"), Some(Brotli));
    assert_eq!(chosen("gzip, *;q=0"), Some(Gzip));
    assert_eq!(chosen("*;q=0"), None);
}

#[test]
fn no_field_and_an_empty_one_are_identity() {
    assert_eq!(Accepted::of(&Fields::new()).choose(&Coding::ALL), None);
    assert_eq!(chosen(""), None);
    assert_eq!(chosen(" , ,"), None);
}

#[test]
fn identity_wins_only_where_it_is_liked_better() {
    assert_eq!(chosen("identity, gzip;q=0.5"), None);
    assert_eq!(chosen("identity;q=0.5, gzip;q=0.5"), Some(Gzip));
    assert_eq!(chosen("identity;q=0, gzip;q=0.001"), Some(Gzip));
    assert_eq!(chosen("identity;q=0"), None);
}

#[test]
fn lines_are_one_list() {
    let lines = accepted(&["gzip;q=0.3", "br;q=0.4", "deflate"]);
    assert_eq!(lines.choose(&Coding::ALL), Some(Brotli));
}

#[test]
fn names_are_read_in_either_case_and_old_spelling() {
    assert_eq!(chosen("GZip"), Some(Gzip));
    assert_eq!(chosen("X-GZIP;Q=0.5"), Some(Gzip));
}

#[test]
fn whitespace_does_not_count() {
    assert_eq!(chosen("\t br \t;\t q=0.5 ,gzip ; q=0.2\t"), Some(Brotli));
    assert_eq!(chosen("br ; q = 0 , gzip"), Some(Gzip));
}

#[test]
fn the_lowest_weight_of_a_repeated_name_counts() {
    assert_eq!(chosen("gzip, x-gzip;q=0"), None);
    assert_eq!(chosen("gzip;q=0, gzip"), None);
}

#[test]
fn members_that_cannot_be_read_are_not_there() {
    for member in [
        "br;q=2",
        "br;q=1.001",
        "br;q=0.1234",
        "br;q=",
        "br;q",
        "br;",
        "br;level=5",
        "br;q=-1",
        "br;q=.5",
        "b r",
    ] {
        assert_eq!(chosen(&format!("{member}, gzip;q=0.1")), Some(Gzip), "{member}");
    }
}

proptest! {
    #[test]
    fn any_field_is_read(lines: Vec<Vec<u8>>) {
        let value = |line: Vec<u8>| Some((ACCEPT_ENCODING, HeaderValue::from_bytes(&line).ok()?));
        let accepted = Accepted::of(&lines.into_iter().filter_map(value).collect());
        prop_assert!(accepted.choose(&[]).is_none());
        accepted.choose(&Coding::ALL);
    }

    #[test]
    fn no_other_offered_coding_is_liked_better(weights: [Option<Weight>; 4], identity in 0..=MOST) {
        let weights = weights.map(|weight| weight.map(|weight| weight % (MOST + 1)));
        let [zstd, brotli, gzip, others] = weights;
        let accepted = Accepted { zstd, brotli, gzip, identity: Some(identity), others };
        let best = Coding::ALL.map(|coding| accepted.weight(coding)).into_iter().max().unwrap_or(0);
        match accepted.choose(&Coding::ALL) {
            Some(coding) => prop_assert!(accepted.weight(coding) == best && best >= identity.max(1)),
            None => prop_assert!(best < identity.max(1)),
        }
    }

    #[test]
    fn every_weight_is_read_as_written(weight in 0..=MOST) {
        let text = format!("{}.{:03}", weight / 1000, weight % 1000);
        prop_assert_eq!(weight_of(text.as_bytes()), Some(weight));
    }

    #[test]
    fn members_in_any_order_choose_the_same(mut members in proptest::sample::subsequence(
        vec!["gzip;q=0.5", "br;q=0.7", "zstd;q=0", "*;q=0.1", "identity;q=0.6", "junk;q=1"], 0..=6,
    )) {
        let forward = chosen(&members.join(","));
        members.reverse();
        prop_assert_eq!(forward, chosen(&members.join(" , ")));
    }
}
