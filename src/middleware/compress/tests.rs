use ::http::header::{
    ACCEPT_RANGES, CACHE_CONTROL, CONTENT_ENCODING, ETAG, HeaderName, RANGE, SET_COOKIE, VARY,
};

use super::*;
use crate::coding::testing::{decode, page};
use crate::http::Body;
use crate::http::testing::request_with;

fn html(fields: &[(HeaderName, &'static str)]) -> Response {
    let mut response = Response::new(StatusCode::OK).with_body(Body::Bytes(page(5_000).into()));
    response.headers.append(CONTENT_TYPE, HeaderValue::from_static("text/html"));
    for (name, value) in fields {
        response.headers.append(name, HeaderValue::from_static(value));
    }
    response
}

/// What becomes of it for a client that accepts so much.
fn apply(mut response: Response, accept: &str) -> Response {
    let policy = Policy::default();
    let request = request_with("/", &[("accept-encoding", accept)]);
    Compression::new(&policy, &request).apply(&policy, &mut response);
    response
}

fn value(response: &Response, name: HeaderName) -> Option<&str> {
    response.headers.get_single(name).map(|value| value.to_str().unwrap())
}

#[test]
fn a_page_is_sent_in_the_coding_the_client_likes_best() {
    for (accept, coding) in
        [("gzip, br, zstd", Coding::Zstd), ("gzip, br", Coding::Brotli), ("gzip, br;q=0.1", Coding::Gzip)]
    {
        let response = apply(html(&[]), accept);
        assert_eq!(value(&response, CONTENT_ENCODING), Some(coding.token()));
        let Body::Bytes(bytes) = response.body else { panic!("{:?}", response.body) };
        assert_eq!(decode(coding, &bytes).unwrap(), page(5_000));
    }
}

#[test]
fn its_fields_are_true_of_what_is_sent() {
    let given = [(CONTENT_LENGTH, "5000"), (ETAG, "\"a\""), (ACCEPT_RANGES, "bytes"), (VARY, "Cookie")];
    let response = apply(html(&given), "gzip");
    assert_eq!(value(&response, CONTENT_LENGTH), None);
    assert_eq!(value(&response, ETAG), Some("W/\"a\""));
    assert_eq!(value(&response, ACCEPT_RANGES), None);
    assert_eq!(value(&response, VARY), Some("Cookie, Accept-Encoding"));
}

#[test]
fn who_decodes_nothing_gets_it_as_it_is_and_caches_are_told() {
    let given = [(ETAG, "\"a\""), (ACCEPT_RANGES, "bytes")];
    let response = apply(html(&given), "");
    assert_eq!(value(&response, VARY), Some("Accept-Encoding"));
    assert_eq!(value(&response, CONTENT_ENCODING), None);
    assert_eq!(value(&response, ETAG), Some("\"a\""));
    assert_eq!(value(&response, ACCEPT_RANGES), Some("bytes"));
    assert_eq!(response.body.length(), Some(5_000));
}

#[test]
fn what_is_never_compressed_does_not_vary() {
    for field in [(CONTENT_ENCODING, "gzip"), (SET_COOKIE, "a=b"), (CACHE_CONTROL, "no-transform")] {
        let response = apply(html(&[field]), "gzip");
        assert_eq!(value(&response, VARY), None);
        assert_eq!(response.body.length(), Some(5_000));
    }
}

#[test]
fn a_part_is_left_alone() {
    let mut part = html(&[(ETAG, "\"a\"")]);
    part.status = StatusCode::PARTIAL_CONTENT;
    let policy = Policy::default();
    let request = request_with("/", &[(RANGE.as_str(), "bytes=0-4999"), ("accept-encoding", "gzip")]);
    Compression::new(&policy, &request).apply(&policy, &mut part);
    assert_eq!(part.headers, html(&[(ETAG, "\"a\"")]).headers);
    assert_eq!(part.body.length(), Some(5_000));
}

#[test]
fn a_head_tells_what_a_get_would_without_its_length() {
    let policy = Policy::default();
    for (length, coded) in [("5000", true), ("500", false)] {
        let mut response = html(&[(CONTENT_LENGTH, length)]);
        response.body = Body::Empty;
        let mut request = request_with("/", &[("accept-encoding", "br")]);
        request.method = Method::HEAD;
        Compression::new(&policy, &request).apply(&policy, &mut response);
        assert_eq!(value(&response, CONTENT_ENCODING), coded.then_some("br"), "{length}");
        assert_eq!(value(&response, VARY), coded.then_some("Accept-Encoding"), "{length}");
        assert_eq!(value(&response, CONTENT_LENGTH), (!coded).then_some(length));
    }
}

#[test]
fn a_confirmation_has_the_fields_of_what_it_confirms() {
    for (kind, accept, vary, etag) in [
        (None, "gzip", Some("Accept-Encoding"), "W/\"a\""),
        (None, "", Some("Accept-Encoding"), "\"a\""),
        (Some("text/html"), "gzip", Some("Accept-Encoding"), "W/\"a\""),
        (Some("image/png"), "gzip", None, "\"a\""),
    ] {
        let mut response = Response::new(StatusCode::NOT_MODIFIED);
        response.headers.append(ETAG, HeaderValue::from_static("\"a\""));
        if let Some(kind) = kind {
            response.headers.append(CONTENT_TYPE, HeaderValue::from_static(kind));
        }
        let response = apply(response, accept);
        assert_eq!(value(&response, VARY), vary, "{kind:?} {accept}");
        assert_eq!(value(&response, ETAG), Some(etag), "{kind:?} {accept}");
        assert_eq!(value(&response, CONTENT_ENCODING), None);
    }
}

#[test]
fn clients_that_know_no_chunks_get_it_as_it_is() {
    let policy = Policy::default();
    let mut request = request_with("/", &[("accept-encoding", "gzip")]);
    request.version = Version::HTTP_10;
    let mut response = html(&[]);
    Compression::new(&policy, &request).apply(&policy, &mut response);
    assert_eq!(value(&response, CONTENT_ENCODING), None);
    assert_eq!(value(&response, VARY), Some("Accept-Encoding"));
}

#[test]
fn an_error_page_is_compressed_and_an_empty_answer_is_not() {
    let mut error = html(&[]);
    error.status = StatusCode::NOT_FOUND;
    assert_eq!(value(&apply(error, "gzip"), CONTENT_ENCODING), Some("gzip"));
    let mut empty = html(&[]);
    empty.body = Body::Empty;
    assert_eq!(value(&apply(empty, "gzip"), CONTENT_ENCODING), None);
}
