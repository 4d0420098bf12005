//! Sections 6.1 to 6.4, 6.6 and 6.10: DATA, HEADERS, PRIORITY, RST_STREAM, PUSH_PROMISE, CONTINUATION.

use crate::http2::{fixed, proxied};
use crate::support::Origin;
use crate::support::frames::*;

#[test]
fn content_belongs_to_a_stream() {
    let proxy = fixed();
    Frames::open(&proxy).data(0, 0, b"test").fails(&[PROTOCOL_ERROR]);
}

#[test]
fn padding_is_no_content() {
    let origin = Origin::echo();
    let proxy = proxied(&origin);
    let mut client = Frames::open(&proxy);
    client.headers(1, 0, POST).data(1, END_STREAM | PADDED, b"\x06test\0\0\0\0\0\0");
    assert!(
        client.answer(1).body.ends_with(b"\r\ntest")
            || origin.requests()[0].body.ends_with(b"test\r\n0\r\n\r\n")
    );
}

#[test]
fn padding_is_no_longer_than_its_frame() {
    let proxy = fixed();
    let mut client = Frames::open(&proxy);
    client.headers(1, 0, POST).data(1, END_STREAM | PADDED, b"\x06test").fails(&[PROTOCOL_ERROR]);
}

#[test]
fn fields_belong_to_a_stream() {
    let proxy = fixed();
    Frames::open(&proxy).request(0, GET).fails(&[PROTOCOL_ERROR]);
}

#[test]
fn fields_may_be_padded_and_have_a_priority() {
    let proxy = fixed();
    let mut client = Frames::open(&proxy);
    let payload = [&[3, 0, 0, 0, 0, 15][..], &block(GET), &[0; 3]].concat();
    client.frame(HEADERS, END_STREAM | END_HEADERS | PADDED | PRIORITISED, 1, payload);
    assert_eq!(client.answer(1).status, 200);
}

#[test]
fn padding_of_fields_is_no_longer_than_its_frame() {
    let proxy = fixed();
    let payload = [&[255][..], &block(GET)].concat();
    let flags = END_STREAM | END_HEADERS | PADDED;
    Frames::open(&proxy).frame(HEADERS, flags, 1, payload).fails(&[PROTOCOL_ERROR]);
}

#[test]
fn a_priority_belongs_to_a_stream() {
    let proxy = fixed();
    Frames::open(&proxy).frame(PRIORITY, 0, 0, [0, 0, 0, 1, 15]).fails(&[PROTOCOL_ERROR]);
}

/// An error of the stream; h2 takes it for one of the connection.
#[test]
fn a_priority_has_five_octets() {
    let proxy = fixed();
    Frames::open(&proxy).frame(PRIORITY, 0, 1, [0, 0, 0, 1]).refuses(1, &[FRAME_SIZE_ERROR, PROTOCOL_ERROR]);
}

#[test]
fn a_reset_belongs_to_a_stream() {
    let proxy = fixed();
    Frames::open(&proxy).reset(0, 8).fails(&[PROTOCOL_ERROR]);
}

#[test]
fn a_reset_has_four_octets() {
    let proxy = fixed();
    let mut client = Frames::open(&proxy);
    client.headers(1, 0, POST).frame(RST_STREAM, 0, 1, [0, 0, 0]).fails(&[FRAME_SIZE_ERROR]);
}

#[test]
fn an_unknown_reason_is_a_reason() {
    let proxy = fixed();
    let mut client = Frames::open(&proxy);
    client.headers(1, 0, POST).reset(1, 0xff).ping();
    client.goes_on(3);
}

#[test]
fn clients_promise_nothing() {
    let proxy = fixed();
    let payload = [&2_u32.to_be_bytes()[..], &block(GET)].concat();
    let mut client = Frames::open(&proxy);
    client.headers(1, 0, POST).frame(PUSH_PROMISE, END_HEADERS, 1, payload).fails(&[PROTOCOL_ERROR]);
}

#[test]
fn a_block_may_come_in_several_frames() {
    let proxy = fixed();
    let mut client = Frames::open(&proxy);
    let whole = block(GET);
    client.frame(HEADERS, END_STREAM, 1, &whole[..5]).frame(CONTINUATION, 0, 1, &whole[5..20]);
    client.frame(CONTINUATION, END_HEADERS, 1, &whole[20..]);
    assert_eq!(client.answer(1).status, 200);
}

#[test]
fn a_continuation_continues_something() {
    let proxy = fixed();
    for before in [
        frame(HEADERS, END_HEADERS | END_STREAM, 1, block(GET)),
        [frame(HEADERS, 0, 1, block(POST)), frame(CONTINUATION, END_HEADERS, 1, b"")].concat(),
        [frame(HEADERS, END_HEADERS, 1, block(POST)), frame(DATA, 0, 1, b"x")].concat(),
    ] {
        let mut client = Frames::open(&proxy);
        client.send(before).frame(CONTINUATION, END_HEADERS, 1, block(&[("a", "b")]));
        client.fails(&[PROTOCOL_ERROR]);
    }
}

#[test]
fn a_continuation_belongs_to_a_stream() {
    let proxy = fixed();
    let mut client = Frames::open(&proxy);
    client.frame(HEADERS, END_STREAM, 1, block(GET)).frame(CONTINUATION, END_HEADERS, 0, b"");
    client.fails(&[PROTOCOL_ERROR]);
}
