//! WebSockets by an extended CONNECT (RFC 8441).

use super::{fixed, proxied};
use crate::support::frames::*;
use crate::support::{Origin, Transport};

const CONNECT: &[(&str, &str)] = &[
    (":method", "CONNECT"),
    (":protocol", "websocket"),
    (":scheme", "http"),
    (":path", "/chat"),
    (":authority", "localhost"),
    ("sec-websocket-version", "13"),
    ("sec-websocket-protocol", "chat"),
    ("origin", "http://localhost"),
];

const SWITCHED: &str = "HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\
                        Sec-WebSocket-Accept: x\r\nSec-WebSocket-Protocol: chat\r\n\r\n";

/// Switches, and answers each piece until its client has ended.
fn echo() -> Origin {
    Origin::new(Transport::Tcp, |peer| {
        peer.request();
        peer.send(SWITCHED).send("early");
        loop {
            let some = peer.some();
            if some.is_empty() {
                return;
            }
            peer.send(some);
        }
    })
}

#[test]
fn the_settings_say_that_it_can_be_had() {
    let proxy = fixed();
    let mut client = Frames::silent(&proxy);
    client.send(PREFACE).settings(&[]);
    let payload = client.next().unwrap().payload;
    assert!(payload.chunks(6).any(|setting| setting == [0, 8, 0, 0, 0, 1]), "{payload:x?}");
}

#[test]
fn bytes_go_both_ways_and_each_end_is_passed_on() {
    let origin = echo();
    let proxy = proxied(&origin);
    let mut client = Frames::open(&proxy);
    client.headers(1, 0, CONNECT);
    let head = client.wait(|frame| frame.kind == HEADERS);
    assert_eq!((head.flags & END_STREAM, head.payload.contains(&0x88)), (0, true));
    assert_eq!(client.wait(|frame| frame.kind == DATA).payload, b"early");
    assert_eq!(client.data(1, 0, b"hello").wait(|frame| frame.kind == DATA).payload, b"hello");
    client.data(1, END_STREAM, b"");
    let end = client.wait(|frame| frame.kind == DATA);
    assert_eq!((end.flags, end.payload.len()), (END_STREAM, 0));
    client.ping();
    proxy.wait_for_access("\"GET /chat HTTP/2.0\" 101 10 ");
}

#[test]
fn the_application_sees_an_upgrade_of_http_1() {
    let origin = echo();
    let proxy = proxied(&origin);
    Frames::open(&proxy).headers(1, 0, CONNECT).wait(|frame| frame.kind == DATA);
    let received = origin.wait_for_request(1);
    assert_eq!(received.request_line(), "GET /chat HTTP/1.1");
    assert_eq!(received.header("connection").map(str::to_lowercase), Some("upgrade".into()));
    assert_eq!(received.header("upgrade"), Some("websocket"));
    assert_eq!(received.header("sec-websocket-key").map(str::len), Some(24));
    assert_eq!(received.header("sec-websocket-version"), Some("13"));
    assert_eq!(received.header("sec-websocket-protocol"), Some("chat"));
}

#[test]
fn an_application_that_does_not_switch_just_answers() {
    let origin = Origin::answering("HTTP/1.1 403 Forbidden\r\nContent-Length: 2\r\n\r\nno");
    let proxy = proxied(&origin);
    let mut client = Frames::open(&proxy);
    let answer = client.headers(1, 0, CONNECT).answer(1);
    assert_eq!((answer.status, &answer.body[..]), (403, &b"no"[..]));
}

#[test]
fn a_reset_ends_the_application_s_connection() {
    let origin = echo();
    let proxy = proxied(&origin);
    let mut client = Frames::open(&proxy);
    client.headers(1, 0, CONNECT).wait(|frame| frame.kind == DATA);
    client.reset(1, 8).ping();
    proxy.wait_for_access("\"GET /chat HTTP/2.0\"");
}

#[test]
fn other_protocols_are_not_known() {
    let proxy = fixed();
    let fields: Vec<_> = CONNECT
        .iter()
        .map(|(name, value)| (*name, if *name == ":protocol" { "connect-udp" } else { *value }))
        .collect();
    assert_eq!(Frames::open(&proxy).headers(1, 0, &fields).answer(1).status, 501);
}
