use ::http::HeaderValue;
use proptest::prelude::*;

use super::*;
use crate::http::Fields;

fn fields(lines: &[(HeaderName, &[u8])]) -> Fields {
    let mut fields = Fields::new();
    for (name, value) in lines {
        fields.append(name, HeaderValue::from_bytes(value).unwrap());
    }
    fields
}

fn lengths(values: &[&str]) -> Result<Option<u64>, WireError> {
    content_length(&fields(&values.iter().map(|v| (CONTENT_LENGTH, v.as_bytes())).collect::<Vec<_>>()))
}

fn codings(values: &[&[u8]]) -> Result<bool, WireError> {
    is_chunked(&fields(&values.iter().map(|v| (TRANSFER_ENCODING, *v)).collect::<Vec<_>>()))
}

#[test]
fn content_length_is_digits_that_fit() {
    assert_eq!(lengths(&[]), Ok(None));
    assert_eq!(lengths(&["0"]), Ok(Some(0)));
    assert_eq!(lengths(&["0005"]), Ok(Some(5)));
    assert_eq!(lengths(&["18446744073709551615"]), Ok(Some(u64::MAX)));
    for value in [
        "",
        " ",
        "+5",
        "-5",
        "-0",
        "0x5",
        "5.",
        "5.0",
        "5e0",
        "1_0",
        "5 5",
        "5;5",
        "5,",
        ",5",
        "5,,5",
        "\"5\"",
        "five",
        "٥",
        "５",
        "²",
        "Infinity",
        "18446744073709551616",
        "18446744073709551621",
        "100000000000000000000000000000005",
        "5\u{a0}",
        "chunked",
    ] {
        assert_eq!(lengths(&[value]), Err(WireError::BadContentLength), "{value:?}");
    }
}

#[test]
fn repeated_content_lengths_must_agree() {
    assert_eq!(lengths(&["5", "5"]), Ok(Some(5)));
    assert_eq!(lengths(&["5, 5"]), Ok(Some(5)));
    assert_eq!(lengths(&["5", "6"]), Err(WireError::ContentLengthDiffers));
    assert_eq!(lengths(&["5,6"]), Err(WireError::ContentLengthDiffers));
}

#[test]
fn chunked_is_spelt_in_one_way_only() {
    assert_eq!(codings(&[]), Ok(false));
    assert_eq!(codings(&[b"chunked"]), Ok(true));
    assert_eq!(codings(&[b" \tChunKED\t "]), Ok(true));
    for value in [
        &b""[..],
        b",chunked",
        b"chunked,",
        b"chunked, chunked",
        b"chunked, identity",
        b"chunked, gzip",
        b"\"chunked\"",
        b"chunked;q=1",
        b"chunked\xa0",
        b"\xa0chunked",
        b"chunk ed",
        b"chun\tked",
        b"chunked chunked",
        b"chunked\xc2\xa0",
        b"(chunked)",
        b"chunked=1",
        b"[chunked]",
        b"chunked/",
        b"chunked:",
    ] {
        assert_eq!(codings(&[value]), Err(WireError::BadTransferEncoding), "{}", value.escape_ascii());
    }
    assert_eq!(codings(&[b"chunked", b"identity"]), Err(WireError::BadTransferEncoding));
    assert_eq!(codings(&[b"chunked", b"chunked"]), Err(WireError::BadTransferEncoding));
}

#[test]
fn other_codings_are_told_apart_from_obfuscation() {
    for value in [&b"gzip"[..], b"identity", b"xchunked", b"gzip, chunked", b"x-chunked", b"'chunked'"] {
        assert_eq!(codings(&[value]), Err(WireError::UnknownCoding), "{}", value.escape_ascii());
    }
}

#[test]
fn requests_have_one_length_or_none() {
    let te = || (TRANSFER_ENCODING, &b"chunked"[..]);
    let cl = || (CONTENT_LENGTH, &b"5"[..]);
    let of = |version, lines: &[_]| of_request(version, &fields(lines));
    assert_eq!(of(Version::HTTP_11, &[]), Ok(BodyLength::None));
    assert_eq!(of(Version::HTTP_11, &[cl()]), Ok(BodyLength::Exact(5)));
    assert_eq!(of(Version::HTTP_11, &[te()]), Ok(BodyLength::Chunked));
    assert_eq!(of(Version::HTTP_11, &[cl(), te()]), Err(WireError::TwoLengths));
    assert_eq!(of(Version::HTTP_10, &[te()]), Err(WireError::TransferEncodingInHttp10));
}

#[test]
fn responses_end_where_rfc_9112_6_3_says() {
    let te = || (TRANSFER_ENCODING, &b"chunked"[..]);
    let cl = || (CONTENT_LENGTH, &b"5"[..]);
    let of = |method: Method, status: u16, lines: &[_]| {
        of_response(&method, StatusCode::from_u16(status).unwrap(), Version::HTTP_11, &fields(lines))
    };
    assert_eq!(of(Method::HEAD, 200, &[cl()]), Ok(BodyLength::None));
    assert_eq!(of(Method::GET, 304, &[cl()]), Ok(BodyLength::None));
    assert_eq!(of(Method::GET, 204, &[]), Ok(BodyLength::None));
    assert_eq!(of(Method::GET, 103, &[]), Ok(BodyLength::None));
    assert_eq!(of(Method::GET, 200, &[te()]), Ok(BodyLength::Chunked));
    assert_eq!(of(Method::GET, 200, &[cl()]), Ok(BodyLength::Exact(5)));
    assert_eq!(of(Method::GET, 200, &[]), Ok(BodyLength::UntilClose));
    assert_eq!(of(Method::GET, 200, &[cl(), te()]), Err(WireError::TwoLengths));
}

#[test]
fn close_wins_over_keep_alive() {
    let with = |lines: &[&[u8]]| fields(&lines.iter().map(|v| (CONNECTION, *v)).collect::<Vec<_>>());
    assert!(persists(Version::HTTP_11, &with(&[])));
    assert!(!persists(Version::HTTP_11, &with(&[b"keep-alive", b"x, Close"])));
    assert!(!persists(Version::HTTP_10, &with(&[])));
    assert!(persists(Version::HTTP_10, &with(&[b"Keep-Alive"])));
    assert!(!persists(Version::HTTP_10, &with(&[b"keep-alive, close"])));
}

proptest! {
    #[test]
    fn any_number_is_read_back(length: u64) {
        prop_assert_eq!(lengths(&[&length.to_string()]), Ok(Some(length)));
    }
}
