//! Sections 3, 4 and 5.4 to 5.5: the beginning, frames as such, blocks of fields, errors and extensions.

use crate::http2::fixed;
use crate::support::frames::*;

#[test]
fn both_sides_begin_with_their_settings() {
    let proxy = fixed();
    let mut client = Frames::silent(&proxy);
    client.send(PREFACE).settings(&[]);
    let first = client.next().unwrap();
    assert_eq!((first.kind, first.flags, first.stream), (SETTINGS, 0, 0));
}

#[test]
fn a_beginning_that_goes_wrong_is_the_end() {
    let proxy = fixed();
    let mut client = Frames::silent(&proxy);
    client.send(b"PRI * HTTP/2.0\r\n\r\nXX\r\n\r\n");
    assert!(matches!(client.offence(), Offence::Closed | Offence::Connection(PROTOCOL_ERROR)));
}

#[test]
fn a_client_that_sends_no_settings_first_is_refused() {
    let proxy = fixed();
    let mut client = Frames::silent(&proxy);
    client.send(PREFACE).frame(DATA, 0, 1, b"x").fails(&[PROTOCOL_ERROR]);
}

#[test]
fn frames_of_an_unknown_type_are_passed_over() {
    let proxy = fixed();
    let mut client = Frames::open(&proxy);
    client.frame(0x16, 0, 0, b"whatever").ping();
    client.goes_on(1);
}

#[test]
fn flags_of_no_meaning_are_passed_over() {
    let proxy = fixed();
    let mut client = Frames::open(&proxy);
    client.frame(PING, 0x16, 0, b"12345678");
    let pong = client.wait(|frame| frame.kind == PING);
    assert_eq!((pong.flags, &pong.payload[..]), (ACK, &b"12345678"[..]));
}

#[test]
fn the_reserved_bit_is_passed_over() {
    let proxy = fixed();
    let mut client = Frames::open(&proxy);
    client.frame(PING, 0, 1 << 31, b"12345678");
    assert_eq!(client.wait(|frame| frame.kind == PING).flags, ACK);
}

#[test]
fn a_frame_may_be_as_large_as_the_settings_say() {
    let proxy = fixed();
    let mut client = Frames::open(&proxy);
    client.headers(1, 0, POST).data(1, END_STREAM, vec![0; 16384]);
    assert_eq!(client.answer(1).status, 200);
}

#[test]
fn content_in_too_large_a_frame_is_refused() {
    let proxy = fixed();
    let mut client = Frames::open(&proxy);
    client.headers(1, 0, POST).data(1, END_STREAM, vec![0; 16385]);
    // The answer may have come before it.
    client.fails(&[FRAME_SIZE_ERROR]);
}

#[test]
fn fields_in_too_large_a_frame_are_an_error_of_the_connection() {
    let proxy = fixed();
    let mut client = Frames::open(&proxy);
    let large = "x".repeat(16385);
    client.request(1, &[GET, &[("a", &large)]].concat()).fails(&[FRAME_SIZE_ERROR]);
}

/// h2 names it a PROTOCOL_ERROR.
#[test]
fn fields_that_cannot_be_decompressed_are_an_error_of_the_connection() {
    let proxy = fixed();
    let mut client = Frames::open(&proxy);
    // An index that nothing has.
    client.frame(HEADERS, END_STREAM | END_HEADERS, 1, [0xff, 0xff, 0xff, 0x0f]);
    client.fails(&[COMPRESSION_ERROR, PROTOCOL_ERROR]);
}

#[test]
fn nothing_comes_between_the_parts_of_a_block() {
    let proxy = fixed();
    for between in [
        frame(PRIORITY, 0, 1, [0, 0, 0, 0, 15]),
        frame(HEADERS, END_HEADERS | END_STREAM, 3, block(GET)),
        frame(PING, 0, 0, [0; 8]),
        frame(DATA, END_STREAM, 1, b""),
        frame(0x16, 0, 0, b"an extension"),
        frame(CONTINUATION, END_HEADERS, 3, b""),
    ] {
        let mut client = Frames::open(&proxy);
        client.frame(HEADERS, END_STREAM, 1, block(GET)).send(between).fails(&[PROTOCOL_ERROR]);
    }
}

#[test]
fn an_error_of_the_connection_names_the_last_stream() {
    let proxy = fixed();
    let mut client = Frames::open(&proxy);
    client.goes_on(1);
    client.frame(PING, 0, 1, [0; 8]);
    let away = loop {
        let frame = client.next().unwrap();
        if frame.kind == GOAWAY {
            break frame;
        }
    };
    assert_eq!((&away.payload[..4], &away.payload[4..8]), (&[0, 0, 0, 1][..], &[0, 0, 0, 1][..]));
    assert_eq!(client.next(), None);
}
