use super::Fields;
use super::*;
use proptest::prelude::*;

const BEFORE: &str = "Sun, 06 Nov 1994 08:49:36 GMT";
const CHANGED: &str = "Sun, 06 Nov 1994 08:49:37 GMT";
const AFTER: &str = "Sun, 06 Nov 1994 08:49:38 GMT";

fn current() -> Validators {
    let date = Date::parse(CHANGED.as_bytes()).unwrap();
    Validators { etag: HeaderValue::from_static("\"now\""), modified: Some(Modified { date, settled: true }) }
}

fn fields(fields: &[(&'static str, &str)]) -> Fields {
    fields
        .iter()
        .map(|(name, value)| (HeaderName::from_static(name), HeaderValue::from_str(value).unwrap()))
        .collect()
}

fn get(given: &[(&'static str, &str)]) -> Verdict {
    evaluate(&Method::GET, &fields(given), &current())
}

#[test]
fn without_preconditions_the_method_goes_ahead() {
    assert_eq!(get(&[]), Verdict::Proceed);
}

#[test]
fn if_match_wants_the_same_strong_tag() {
    for (value, expected) in [
        ("\"now\"", Verdict::Proceed),
        ("\"a\", \"now\"", Verdict::Proceed),
        ("*", Verdict::Proceed),
        ("\"old\"", Verdict::Failed),
        ("W/\"now\"", Verdict::Failed),
        ("now", Verdict::Failed),
        ("", Verdict::Failed),
    ] {
        assert_eq!(get(&[("if-match", value)]), expected, "{value}");
    }
}

#[test]
fn a_weak_representation_never_matches_strongly() {
    let weak = Validators { etag: HeaderValue::from_static("W/\"now\""), ..current() };
    let headers = fields(&[("if-match", "W/\"now\"")]);
    assert_eq!(evaluate(&Method::GET, &headers, &weak), Verdict::Failed);
    assert!(!range_applies(&fields(&[("if-range", "W/\"now\"")]), &weak));
}

#[test]
fn if_unmodified_since_fails_on_a_newer_file() {
    assert_eq!(get(&[("if-unmodified-since", BEFORE)]), Verdict::Failed);
    assert_eq!(get(&[("if-unmodified-since", CHANGED)]), Verdict::Proceed);
    assert_eq!(get(&[("if-unmodified-since", AFTER)]), Verdict::Proceed);
    assert_eq!(get(&[("if-unmodified-since", "yesterday")]), Verdict::Proceed);
}

#[test]
fn if_match_overrules_if_unmodified_since() {
    assert_eq!(get(&[("if-match", "\"now\""), ("if-unmodified-since", BEFORE)]), Verdict::Proceed);
}

#[test]
fn if_none_match_compares_weakly() {
    for (value, expected) in [
        ("\"now\"", Verdict::NotModified),
        ("W/\"now\"", Verdict::NotModified),
        ("\"a\",W/\"b\" , \"now\"", Verdict::NotModified),
        (",, \"now\"", Verdict::NotModified),
        ("*", Verdict::NotModified),
        ("\"old\"", Verdict::Proceed),
        ("now", Verdict::Proceed),
        ("w/\"now\"", Verdict::Proceed),
        ("\"unclosed", Verdict::Proceed),
        ("\"a,\"now\"", Verdict::Proceed),
    ] {
        assert_eq!(get(&[("if-none-match", value)]), expected, "{value}");
    }
}

#[test]
fn entity_tags_may_hold_commas() {
    let validators = Validators { etag: HeaderValue::from_static("\"a,b\""), ..current() };
    let headers = fields(&[("if-none-match", "\"x,y\", \"a,b\"")]);
    assert_eq!(evaluate(&Method::GET, &headers, &validators), Verdict::NotModified);
}

#[test]
fn lists_may_go_over_several_lines() {
    let mut headers = fields(&[("if-none-match", "\"a\"")]);
    headers.append(header::IF_NONE_MATCH, HeaderValue::from_static("\"now\""));
    assert_eq!(evaluate(&Method::GET, &headers, &current()), Verdict::NotModified);
}

#[test]
fn if_none_match_fails_methods_that_write() {
    let headers = fields(&[("if-none-match", "*")]);
    assert_eq!(evaluate(&Method::PUT, &headers, &current()), Verdict::Failed);
    assert_eq!(evaluate(&Method::HEAD, &headers, &current()), Verdict::NotModified);
}

#[test]
fn if_modified_since_spares_what_is_not_newer() {
    assert_eq!(get(&[("if-modified-since", BEFORE)]), Verdict::Proceed);
    assert_eq!(get(&[("if-modified-since", CHANGED)]), Verdict::NotModified);
    assert_eq!(get(&[("if-modified-since", AFTER)]), Verdict::NotModified);
    assert_eq!(get(&[("if-modified-since", "0")]), Verdict::Proceed);
}

#[test]
fn if_modified_since_counts_once_and_for_reading_only() {
    let mut headers = fields(&[("if-modified-since", AFTER)]);
    assert_eq!(evaluate(&Method::POST, &headers, &current()), Verdict::Proceed);
    headers.append(header::IF_MODIFIED_SINCE, HeaderValue::from_static(AFTER));
    assert_eq!(evaluate(&Method::GET, &headers, &current()), Verdict::Proceed);
}

#[test]
fn if_none_match_overrules_if_modified_since() {
    assert_eq!(get(&[("if-none-match", "\"old\""), ("if-modified-since", AFTER)]), Verdict::Proceed);
    assert_eq!(get(&[("if-none-match", "\"now\""), ("if-modified-since", BEFORE)]), Verdict::NotModified);
}

#[test]
fn a_failed_if_match_comes_before_not_modified() {
    assert_eq!(get(&[("if-match", "\"old\""), ("if-none-match", "\"now\"")]), Verdict::Failed);
    assert_eq!(get(&[("if-unmodified-since", BEFORE), ("if-none-match", "\"now\"")]), Verdict::Failed);
    assert_eq!(get(&[("if-match", "\"now\""), ("if-none-match", "\"now\"")]), Verdict::NotModified);
}

#[test]
fn dates_are_ignored_for_what_has_none() {
    let dateless = Validators { modified: None, ..current() };
    for name in ["if-modified-since", "if-unmodified-since"] {
        assert_eq!(evaluate(&Method::GET, &fields(&[(name, BEFORE)]), &dateless), Verdict::Proceed);
    }
    assert!(!range_applies(&fields(&[("if-range", CHANGED)]), &dateless));
}

#[test]
fn if_range_wants_exactly_this_representation() {
    for (value, expected) in [
        ("\"now\"", true),
        ("W/\"now\"", false),
        ("\"old\"", false),
        ("\"now\", \"old\"", false),
        (CHANGED, true),
        ("Sunday, 06-Nov-94 08:49:37 GMT", true),
        (BEFORE, false),
        (AFTER, false),
        ("now", false),
        ("*", false),
        ("", false),
    ] {
        assert_eq!(range_applies(&fields(&[("if-range", value)]), &current()), expected, "{value}");
    }
    assert!(range_applies(&Fields::new(), &current()));
}

#[test]
fn if_range_does_not_trust_the_date_of_a_running_second() {
    let mut validators = current();
    validators.modified.as_mut().unwrap().settled = false;
    assert!(!range_applies(&fields(&[("if-range", CHANGED)]), &validators));
    assert!(range_applies(&fields(&[("if-range", "\"now\"")]), &validators));
}

proptest! {
    #[test]
    fn any_list_of_tags_is_read_to_its_end(value in "[\"W/,a \t*\\x80-\\xff]{0,40}") {
        prop_assert!(Tags(value.as_bytes()).count() <= value.len());
    }

    #[test]
    fn the_own_tag_is_found_among_others(tags in prop::collection::vec("(W/)?\"[a-z,!]{0,6}\"", 0..8), at: prop::sample::Index) {
        let mut tags = tags;
        tags.insert(at.index(tags.len() + 1), "\"now\"".to_owned());
        prop_assert_eq!(get(&[("if-none-match", &tags.join(", "))]), Verdict::NotModified);
    }
}
