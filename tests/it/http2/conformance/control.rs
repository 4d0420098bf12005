//! Sections 6.5, 6.7 and 6.8: SETTINGS, PING, GOAWAY.

use std::time::Duration;

use crate::http2::fixed;
use crate::support::frames::*;

#[test]
fn settings_are_acknowledged_each_time() {
    let proxy = fixed();
    let mut client = Frames::open(&proxy);
    client.settings(&[(3, 100)]).settings(&[(3, 101)]);
    for _ in 0..2 {
        let ack = client.wait(|frame| frame.kind == SETTINGS);
        assert_eq!((ack.flags, ack.payload.len()), (ACK, 0));
    }
}

#[test]
fn unknown_settings_are_passed_over() {
    let proxy = fixed();
    let mut client = Frames::with_settings(&proxy, &[(0xff, 1), (0x1234, u32::MAX)]);
    client.goes_on(1);
}

#[test]
fn an_acknowledgement_is_empty() {
    let proxy = fixed();
    Frames::open(&proxy).frame(SETTINGS, ACK, 0, settings(&[(3, 1)])).fails(&[FRAME_SIZE_ERROR]);
}

#[test]
fn settings_belong_to_the_connection() {
    let proxy = fixed();
    Frames::open(&proxy).frame(SETTINGS, 0, 1, settings(&[(3, 1)])).fails(&[PROTOCOL_ERROR]);
}

#[test]
fn settings_have_six_octets_each() {
    let proxy = fixed();
    Frames::open(&proxy).frame(SETTINGS, 0, 0, [0, 3, 0]).fails(&[FRAME_SIZE_ERROR]);
}

/// Too large a window h2 names a PROTOCOL_ERROR.
#[test]
fn values_that_a_setting_cannot_have_are_refused() {
    let proxy = fixed();
    for (setting, value, code) in [
        (2, 2, PROTOCOL_ERROR),
        (4, 1 << 31, FLOW_CONTROL_ERROR),
        (5, 16383, PROTOCOL_ERROR),
        (5, 1 << 24, PROTOCOL_ERROR),
        (8, 2, PROTOCOL_ERROR),
    ] {
        Frames::open(&proxy).settings(&[(setting, value)]).fails(&[code, PROTOCOL_ERROR]);
    }
}

#[test]
fn of_two_values_the_later_counts() {
    let proxy = fixed();
    let mut client = Frames::with_settings(&proxy, &[(4, 100), (4, 2)]);
    client.request(1, GET);
    assert_eq!(client.wait(|frame| frame.kind == DATA).payload, b"he");
}

#[test]
fn every_ping_is_echoed() {
    let proxy = fixed();
    let mut client = Frames::open(&proxy);
    client.frame(PING, 0, 0, b"h2spec\0\0");
    let pong = client.wait(|frame| frame.kind == PING);
    assert_eq!((pong.flags, &pong.payload[..]), (ACK, &b"h2spec\0\0"[..]));
}

#[test]
fn an_echo_is_not_echoed() {
    let proxy = fixed();
    let mut client = Frames::open(&proxy);
    client.frame(PING, ACK, 0, b"invalid\0").frame(PING, 0, 0, b"valid\0\0\0");
    assert_eq!(client.wait(|frame| frame.kind == PING).payload, b"valid\0\0\0");
}

#[test]
fn a_ping_belongs_to_the_connection() {
    let proxy = fixed();
    Frames::open(&proxy).frame(PING, 0, 1, [0; 8]).fails(&[PROTOCOL_ERROR]);
}

#[test]
fn a_ping_has_eight_octets() {
    let proxy = fixed();
    for length in [0, 6, 9] {
        Frames::open(&proxy).frame(PING, 0, 0, vec![0; length]).fails(&[FRAME_SIZE_ERROR]);
    }
}

#[test]
fn a_farewell_belongs_to_the_connection() {
    let proxy = fixed();
    Frames::open(&proxy).frame(GOAWAY, 0, 1, [0; 8]).fails(&[PROTOCOL_ERROR]);
}

#[test]
fn a_client_that_says_farewell_is_let_go() {
    let proxy = fixed();
    let mut client = Frames::open(&proxy);
    client.frame(GOAWAY, 0, 0, [0; 8]).fails(&[NO_ERROR]);
}

#[test]
fn an_unknown_reason_to_go_is_a_reason() {
    let proxy = fixed();
    let mut client = Frames::open(&proxy);
    client.frame(GOAWAY, 0, 0, [0, 0, 0, 0, 0, 0, 0, 0xff]);
    assert!(matches!(client.offence(), Offence::Connection(NO_ERROR) | Offence::Closed));
}

#[test]
fn nothing_is_pushed() {
    let proxy = fixed();
    let mut client = Frames::open(&proxy);
    client.goes_on(1);
    assert!(client.is_silent_for(Duration::from_millis(100)));
}
