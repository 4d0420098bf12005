//! Sections 5.2 and 6.9: flow control.

use std::time::Duration;

use crate::http2::{fixed, proxied};
use crate::support::Origin;
use crate::support::frames::*;

const MOST: u32 = i32::MAX as u32;

fn hanging() -> (Origin, crate::support::Proxy) {
    let origin = Origin::hanging();
    let proxy = proxied(&origin);
    (origin, proxy)
}

#[test]
fn a_window_grows_by_something() {
    let proxy = fixed();
    Frames::open(&proxy).window(0, 0).fails(&[PROTOCOL_ERROR]);
}

#[test]
fn a_stream_s_window_grows_by_something() {
    let (_origin, proxy) = hanging();
    Frames::open(&proxy).headers(1, 0, POST).window(1, 0).refuses(1, &[PROTOCOL_ERROR]);
}

#[test]
fn a_window_update_has_four_octets() {
    let proxy = fixed();
    Frames::open(&proxy).frame(WINDOW_UPDATE, 0, 0, [0, 0, 1]).fails(&[FRAME_SIZE_ERROR]);
}

#[test]
fn a_window_has_a_largest_size() {
    let proxy = fixed();
    Frames::open(&proxy).window(0, MOST).window(0, MOST).fails(&[FLOW_CONTROL_ERROR]);
}

#[test]
fn a_stream_s_window_has_a_largest_size() {
    let (_origin, proxy) = hanging();
    let mut client = Frames::open(&proxy);
    client.headers(1, 0, POST).window(1, MOST).window(1, MOST).refuses(1, &[FLOW_CONTROL_ERROR]);
}

#[test]
fn no_more_is_sent_than_a_window_has_room_for() {
    let proxy = fixed();
    let mut client = Frames::with_settings(&proxy, &[(4, 1)]);
    client.request(1, GET);
    let first = client.wait(|frame| frame.kind == DATA);
    assert_eq!((&first.payload[..], first.flags), (&b"h"[..], 0));
    assert!(client.is_silent_for(Duration::from_millis(100)));
    assert_eq!(client.window(1, 100).answer(1).body, b"ere\n");
}

#[test]
fn windows_of_open_streams_follow_the_setting() {
    let proxy = fixed();
    let mut client = Frames::with_settings(&proxy, &[(4, 0)]);
    client.request(1, GET);
    client.wait(|frame| frame.kind == HEADERS);
    client.settings(&[(4, 1)]);
    assert_eq!(client.wait(|frame| frame.kind == DATA).payload, b"h");
}

#[test]
fn a_window_may_become_less_than_nothing() {
    let proxy = fixed();
    let mut client = Frames::with_settings(&proxy, &[(4, 3)]);
    client.request(1, GET);
    assert_eq!(client.wait(|frame| frame.kind == DATA).payload, b"her");
    client.settings(&[(4, 2)]).ping();
    client.window(1, 1).ping();
    assert!(client.is_silent_for(Duration::from_millis(100)));
    assert_eq!(client.window(1, 1).wait(|frame| frame.kind == DATA).payload, b"e");
}

#[test]
fn a_setting_that_would_make_a_window_too_large_is_refused() {
    let (origin, proxy) = hanging();
    let mut client = Frames::open(&proxy);
    client.request(1, GET);
    origin.wait_for_request(1);
    client.window(1, MOST - 65535).settings(&[(4, 65536)]).fails(&[FLOW_CONTROL_ERROR]);
}

#[test]
fn who_sends_more_than_the_window_is_refused() {
    // It takes connections and reads nothing of them.
    let deaf = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let proxy = crate::http2::to(&deaf.local_addr().unwrap().to_string());
    let mut client = Frames::open(&proxy);
    client.headers(1, 0, &[POST, &[("content-type", "application/grpc")]].concat());
    for _ in 0..2000 {
        client.data(1, 0, vec![0; 16384]);
    }
    let offence = client.offence();
    assert!(
        matches!(offence, Offence::Connection(FLOW_CONTROL_ERROR) | Offence::Stream(1, FLOW_CONTROL_ERROR)),
        "{offence:?}"
    );
}
