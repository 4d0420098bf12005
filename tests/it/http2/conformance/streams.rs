//! Sections 5.1 to 5.3: the states of streams, their numbers, how many there may be, and priorities.

use crate::http2::{fixed, proxied};
use crate::support::Origin;
use crate::support::frames::*;

/// An application that answers nothing, so that streams stay as they are.
fn open_stream() -> (crate::support::Proxy, Origin, Frames) {
    let origin = Origin::hanging();
    let proxy = proxied(&origin);
    let mut client = Frames::open(&proxy);
    client.request(1, GET);
    origin.wait_for_request(1);
    (proxy, origin, client)
}

#[test]
fn an_idle_stream_takes_nothing_but_headers_and_priority() {
    let proxy = fixed();
    for wrong in [
        frame(DATA, END_STREAM, 1, b"test"),
        frame(RST_STREAM, 0, 1, [0, 0, 0, 8]),
        frame(WINDOW_UPDATE, 0, 1, [0, 0, 0, 100]),
        frame(CONTINUATION, END_HEADERS, 1, block(GET)),
    ] {
        Frames::open(&proxy).send(wrong).fails(&[PROTOCOL_ERROR]);
    }
    Frames::open(&proxy).frame(PRIORITY, 0, 3, [0, 0, 0, 0, 15]).goes_on(5);
}

#[test]
fn a_stream_that_its_client_has_ended_takes_no_content() {
    let (_proxy, _origin, mut client) = open_stream();
    client.data(1, END_STREAM, b"test").refuses(1, &[STREAM_CLOSED, PROTOCOL_ERROR]);
}

#[test]
fn a_stream_that_its_client_has_ended_takes_no_fields() {
    let (_proxy, _origin, mut client) = open_stream();
    client.request(1, GET).refuses(1, &[STREAM_CLOSED, PROTOCOL_ERROR]);
}

#[test]
fn a_stream_that_its_client_has_ended_takes_no_continuation() {
    let (_proxy, _origin, mut client) = open_stream();
    client.frame(CONTINUATION, END_HEADERS, 1, block(GET)).fails(&[PROTOCOL_ERROR, STREAM_CLOSED]);
}

#[test]
fn a_stream_that_its_client_has_ended_takes_windows_priorities_and_its_end() {
    let (_proxy, _origin, mut client) = open_stream();
    client.window(1, 100).frame(PRIORITY, 0, 1, [0, 0, 0, 0, 15]).reset(1, 8).ping();
}

#[test]
fn a_stream_that_was_reset_takes_no_content() {
    let (_proxy, _origin, mut client) = open_stream();
    client.reset(1, 8).data(1, END_STREAM, b"test").refuses(1, &[STREAM_CLOSED, PROTOCOL_ERROR]);
}

#[test]
fn a_stream_that_was_reset_takes_no_fields() {
    let (_proxy, _origin, mut client) = open_stream();
    client.reset(1, 8).request(1, GET).refuses(1, &[STREAM_CLOSED, PROTOCOL_ERROR]);
}

#[test]
fn a_stream_that_is_over_takes_no_content() {
    let proxy = fixed();
    let mut client = Frames::open(&proxy);
    client.goes_on(1);
    client.data(1, END_STREAM, b"test").refuses(1, &[STREAM_CLOSED, PROTOCOL_ERROR]);
}

#[test]
fn a_stream_that_is_over_takes_no_fields() {
    let proxy = fixed();
    let mut client = Frames::open(&proxy);
    client.goes_on(1);
    client.request(1, GET).fails(&[STREAM_CLOSED, PROTOCOL_ERROR]);
}

#[test]
fn a_stream_that_is_over_takes_priorities_and_late_windows() {
    let proxy = fixed();
    let mut client = Frames::open(&proxy);
    client.goes_on(1);
    client.frame(PRIORITY, 0, 1, [0, 0, 0, 0, 15]).window(1, 100).reset(1, 8).ping();
    client.goes_on(3);
}

#[test]
fn clients_open_streams_of_odd_numbers() {
    let proxy = fixed();
    Frames::open(&proxy).request(2, GET).fails(&[PROTOCOL_ERROR]);
}

#[test]
fn numbers_of_streams_only_grow() {
    let proxy = fixed();
    let mut client = Frames::open(&proxy);
    client.goes_on(5);
    client.request(3, GET).fails(&[PROTOCOL_ERROR, STREAM_CLOSED]);
}

#[test]
fn numbers_may_be_left_out() {
    let proxy = fixed();
    let mut client = Frames::open(&proxy);
    client.goes_on(1);
    client.goes_on(1001);
}

#[test]
fn more_streams_than_allowed_are_refused_and_the_others_go_on() {
    let origin = Origin::hanging();
    let proxy = proxied(&origin);
    let mut client = Frames::open(&proxy);
    for stream in 0..129 {
        client.request(stream * 2 + 1, GET);
    }
    client.refuses(257, &[REFUSED_STREAM, PROTOCOL_ERROR]);
}

#[test]
fn a_stream_cannot_depend_on_itself() {
    let proxy = fixed();
    let on_itself = [&[0, 0, 0, 1, 15][..], &block(GET)].concat();
    let flags = END_STREAM | END_HEADERS | PRIORITISED;
    Frames::open(&proxy).frame(HEADERS, flags, 1, on_itself).refuses(1, &[PROTOCOL_ERROR]);
    Frames::open(&proxy).frame(PRIORITY, 0, 1, [0, 0, 0, 1, 15]).refuses(1, &[PROTOCOL_ERROR]);
}
