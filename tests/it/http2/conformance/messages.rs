//! Section 8: what a request is made of.

use crate::http2::{fixed, proxied};
use crate::support::Origin;
use crate::support::frames::*;

/// Requests that the server resets, or refuses by 400, and after which it goes on.
fn malformed(fields: &[(&str, &str)]) {
    let proxy = fixed();
    let mut client = Frames::open(&proxy);
    if client.request(1, fields).refuses(1, &[PROTOCOL_ERROR]) {
        client.goes_on(3);
    }
}

fn refused(fields: &[(&str, &str)]) {
    let proxy = fixed();
    let mut client = Frames::open(&proxy);
    assert_eq!(client.request(1, fields).answer(1).status, 400, "{fields:?}");
    client.goes_on(3);
}

fn with<'a>(more: &[(&'a str, &'a str)]) -> Vec<(&'a str, &'a str)> {
    [GET, more].concat()
}

fn without(name: &str) -> Vec<(&'static str, &'static str)> {
    GET.iter().copied().filter(|(known, _)| *known != name).collect()
}

#[test]
fn a_second_block_of_fields_ends_the_request() {
    let origin = Origin::hanging();
    let proxy = proxied(&origin);
    let mut client = Frames::open(&proxy);
    client.headers(1, 0, POST).headers(1, 0, &[("a", "b")]).refuses(1, &[PROTOCOL_ERROR]);
}

#[test]
fn trailers_may_follow_the_content() {
    let origin = Origin::ok("taken");
    let proxy = proxied(&origin);
    let mut client = Frames::open(&proxy);
    client.headers(1, 0, POST).data(1, 0, b"test").headers(1, END_STREAM, &[("x-checksum", "1")]);
    assert_eq!(client.answer(1).body, b"taken");
    assert!(!origin.wait_for_request(1).head.to_lowercase().contains("x-checksum"));
}

/// They make a request malformed. h2 does not say that there were any, and drops them.
#[test]
fn pseudo_header_fields_in_trailers_reach_nobody() {
    let origin = Origin::ok("taken");
    let proxy = proxied(&origin);
    let mut client = Frames::open(&proxy);
    client.headers(1, 0, POST).data(1, 0, b"test").headers(1, END_STREAM, &[(":method", "DELETE")]);
    assert_eq!(client.answer(1).status, 200);
    assert!(origin.wait_for_request(1).head.starts_with("POST / HTTP/1.1\r\n"));
}

#[test]
fn names_are_in_lower_case() {
    malformed(&with(&[("X-TEST", "ok")]));
}

#[test]
fn names_are_tokens() {
    for name in ["a b", "a\r\nb", "a:", "", "\u{e9}"] {
        let proxy = fixed();
        let mut client = Frames::open(&proxy);
        client.request(1, &with(&[(name, "x")]));
        let offence = client.offence();
        let is_refused =
            matches!(offence, Offence::Stream(1, PROTOCOL_ERROR) | Offence::Connection(PROTOCOL_ERROR));
        assert!(is_refused, "{name:?}: {offence:?}");
    }
}

#[test]
fn values_hold_no_line_ends_and_no_nul() {
    for value in ["a\r\nx-smuggled: 1", "a\nb", "a\rb", "a\0b"] {
        let proxy = fixed();
        let mut client = Frames::open(&proxy);
        client.request(1, &with(&[("x", value)]));
        let offence = client.offence();
        let is_refused =
            matches!(offence, Offence::Stream(1, PROTOCOL_ERROR) | Offence::Connection(PROTOCOL_ERROR));
        assert!(is_refused, "{value:?}: {offence:?}");
    }
}

#[test]
fn values_neither_begin_nor_end_with_a_blank() {
    for value in [" a", "a ", "\ta", "a\t", " "] {
        refused(&with(&[("x", value)]));
    }
}

#[test]
fn there_are_no_other_pseudo_header_fields() {
    let proxy = fixed();
    let mut client = Frames::open(&proxy);
    client.request(1, &[&[(":test", "ok")], GET].concat()).refuses(1, &[PROTOCOL_ERROR]);
}

#[test]
fn a_request_has_no_status() {
    malformed(&[&[(":status", "200")], GET].concat());
}

#[test]
fn pseudo_header_fields_come_first() {
    malformed(&[&[("x-test", "ok")], GET].concat());
}

#[test]
fn fields_of_one_connection_are_refused() {
    for (name, value) in [
        ("connection", "keep-alive"),
        ("keep-alive", "timeout=5"),
        ("proxy-connection", "keep-alive"),
        ("transfer-encoding", "chunked"),
        ("upgrade", "websocket"),
        ("te", "gzip"),
        ("te", "trailers, deflate"),
    ] {
        malformed(&with(&[(name, value)]));
    }
}

#[test]
fn te_may_ask_for_trailers() {
    let proxy = fixed();
    assert_eq!(Frames::open(&proxy).request(1, &with(&[("te", "trailers")])).answer(1).status, 200);
}

#[test]
fn method_scheme_and_path_are_there() {
    for name in [":method", ":scheme", ":path"] {
        let proxy = fixed();
        Frames::open(&proxy).request(1, &without(name)).refuses(1, &[PROTOCOL_ERROR]);
    }
}

#[test]
fn method_scheme_path_and_authority_are_there_once() {
    for name in [":method", ":scheme", ":path", ":authority"] {
        let twice = GET.iter().find(|(known, _)| *known == name).unwrap();
        malformed(&[&[*twice], GET].concat());
    }
}

#[test]
fn a_path_is_not_empty() {
    malformed(&[&[(":path", "")], &without(":path")[..]].concat());
}

#[test]
fn a_path_begins_with_a_slash() {
    for path in ["test", "*", "http://localhost/", "?a"] {
        let proxy = fixed();
        let mut client = Frames::open(&proxy);
        client.request(1, &[&[(":path", path)], &without(":path")[..]].concat());
        let frame = client.wait(|frame| frame.stream == 1);
        let is_refused = frame.kind == RST_STREAM || (frame.kind == HEADERS && frame.payload.contains(&0x8c));
        assert!(is_refused, "{path}: {frame:?}");
    }
}

#[test]
fn the_scheme_is_one_of_http() {
    refused(&[&[(":scheme", "ftp")], &without(":scheme")[..]].concat());
}

#[test]
fn a_request_is_for_a_host() {
    refused(&without(":authority"));
    let by_host = [&without(":authority")[..], &[("host", "localhost")]].concat();
    let proxy = fixed();
    assert_eq!(Frames::open(&proxy).request(1, &by_host).answer(1).status, 200);
}

#[test]
fn authority_and_host_say_the_same() {
    refused(&with(&[("host", "elsewhere")]));
    refused(&with(&[("host", "localhost:81")]));
    refused(&with(&[("host", "localhost"), ("host", "localhost")]));
    let proxy = fixed();
    assert_eq!(Frames::open(&proxy).request(1, &with(&[("host", "LOCALHOST")])).answer(1).status, 200);
}

#[test]
fn an_authority_is_a_host_and_a_port() {
    for authority in ["user@localhost", "a b", "localhost:99999", "localhost/"] {
        let proxy = fixed();
        let mut client = Frames::open(&proxy);
        client.request(1, &[&[(":authority", authority)], &without(":authority")[..]].concat());
        let frame = client.wait(|frame| frame.stream == 1);
        let is_refused = frame.kind == RST_STREAM || (frame.kind == HEADERS && frame.payload.contains(&0x8c));
        assert!(is_refused, "{authority}: {frame:?}");
    }
}

#[test]
fn content_is_as_long_as_announced() {
    let origin = Origin::hanging();
    let proxy = proxied(&origin);
    let announced = |length| [POST, &[("content-length", length)]].concat();
    for (length, pieces) in
        [("1", &["test"][..]), ("1", &["te", "st"]), ("9", &["test"]), ("9", &["te", "st"]), ("1", &[""])]
    {
        let mut client = Frames::open(&proxy);
        client.headers(1, 0, &announced(length));
        for (index, piece) in pieces.iter().enumerate() {
            client.data(1, u8::from(index + 1 == pieces.len()), piece);
        }
        client.refuses(1, &[PROTOCOL_ERROR]);
    }
    Frames::open(&proxy).request(1, &announced("4")).refuses(1, &[PROTOCOL_ERROR]);
}

#[test]
fn a_length_is_a_number_and_there_once() {
    let lengths: [&[&str]; 5] = [&["x"], &["-1"], &["4, 4"], &["4", "5"], &["99999999999999999999"]];
    for lengths in lengths {
        let fields: Vec<_> = lengths.iter().map(|length| ("content-length", *length)).collect();
        let proxy = fixed();
        let mut client = Frames::open(&proxy);
        client.headers(1, 0, &[POST, &fields].concat()).data(1, END_STREAM, b"test");
        client.refuses(1, &[PROTOCOL_ERROR]);
    }
    let proxy = fixed();
    let mut client = Frames::open(&proxy);
    client.headers(1, 0, &[POST, &[("content-length", "4"), ("content-length", "4")]].concat());
    assert_eq!(client.data(1, END_STREAM, b"test").answer(1).status, 400);
}

#[test]
fn a_length_of_nothing_needs_no_content() {
    let proxy = fixed();
    let mut client = Frames::open(&proxy);
    assert_eq!(client.request(1, &with(&[("content-length", "0")])).answer(1).status, 200);
}

#[test]
fn connect_and_trace_are_not_answered() {
    let proxy = fixed();
    let connect = [(":method", "CONNECT"), (":authority", "localhost:80")];
    assert_eq!(Frames::open(&proxy).request(1, &connect).answer(1).status, 405);
    let trace = [&[(":method", "TRACE")], &without(":method")[..]].concat();
    assert_eq!(Frames::open(&proxy).request(1, &trace).answer(1).status, 405);
}

#[test]
fn an_answer_is_whole_though_its_request_is_not() {
    let proxy = fixed();
    let mut client = Frames::open(&proxy);
    client.headers(1, 0, POST);
    assert_eq!(client.answer(1).body, b"here\n");
    // No more of it is wanted (RFC 9113 8.1).
    assert_eq!(client.offence(), Offence::Stream(1, NO_ERROR));
}
