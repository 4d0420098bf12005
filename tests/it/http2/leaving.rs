//! Clients that leave, stream by stream.

use std::time::Duration;

use super::{proxied, site};
use crate::support::frames::*;
use crate::support::{Origin, Proxy, Transport};

const CANCEL: u32 = 8;

#[test]
fn an_application_is_let_go_when_its_stream_is_reset() {
    let origin = Origin::new(Transport::Tcp, |peer| {
        peer.request();
        peer.wait_for_close();
        peer.record(crate::support::origin::Received {
            head: "closed".into(),
            body: Vec::new(),
            connection: 0,
        });
    });
    let proxy = proxied(&origin);
    let mut client = Frames::open(&proxy);
    client.request(1, GET);
    origin.wait_for_request(1);
    client.reset(1, CANCEL);
    assert_eq!(origin.wait_for_request(2).head, "closed");
    proxy.wait_for_access("\"GET / HTTP/2.0\" 499 ");
    client.ping();
}

#[test]
fn a_place_in_the_queue_is_free_when_its_stream_is_reset() {
    let origin = Origin::hanging();
    let proxy = Proxy::site(&format!(
        "h2c = true\n[[site.location]]\nmatch = \"/\"\nproxy = \"app\"\n[upstream.app]\n\
         queue = {{ size = 1, timeout = \"30s\" }}\nservers = [{{ address = \"{}\", max_conns = 1 }}]\n",
        origin.address()
    ))
    .start();
    let mut client = Frames::open(&proxy);
    client.request(1, GET);
    origin.wait_for_request(1);
    // One waits, and the next finds no place.
    client.request(3, GET);
    assert_eq!(client.request(5, GET).answer(5).status, 503);
    client.reset(3, CANCEL).ping();
    proxy.wait_for_access("\"GET / HTTP/2.0\" 499 ");
    client.request(7, GET).ping();
    assert_eq!(client.request(9, GET).answer(9).status, 503, "the seventh has its place");
}

#[test]
fn a_download_that_is_reset_is_over() {
    let proxy = site("files = \"www\"\n").file("www/a", vec![b'x'; 5_000_000]).start();
    let mut client = Frames::open(&proxy);
    client.request(1, &[&[(":path", "/a")], &GET[..2], &GET[3..]].concat());
    client.wait(|frame| frame.kind == DATA);
    client.reset(1, CANCEL).ping();
    proxy.wait_for_access("\"GET /a HTTP/2.0\" 200 65535 ");
    assert!(!proxy.log.all().iter().any(|line| line.contains("ERROR")));
}

#[test]
fn all_streams_end_with_their_connection() {
    let origin = Origin::hanging();
    let proxy = proxied(&origin);
    let mut client = Frames::open(&proxy);
    for stream in [1, 3, 5] {
        client.request(stream, GET);
    }
    origin.wait_for_request(3);
    drop(client);
    proxy.access.wait_for_nth(" 499 ", 3);
}

#[test]
fn a_client_that_gives_no_window_is_given_up() {
    let proxy = Proxy::site(
        "h2c = true\n[site.timeouts]\nsend = \"300ms\"\n[[site.location]]\nmatch = \"/\"\nfiles = \"www\"\n",
    )
    .file("www/a", vec![b'x'; 1_000_000])
    .start();
    let mut client = Frames::with_settings(&proxy, &[(4, 10)]);
    client.request(1, &[&[(":path", "/a")], &GET[..2], &GET[3..]].concat());
    assert!(matches!(client.offence(), Offence::Stream(1, _)));
    proxy.wait_for_log("client-stalled");
    client.ping();
}

#[test]
fn a_client_that_reads_nothing_is_given_up() {
    let proxy = Proxy::site(
        "h2c = true\n[site.timeouts]\nsend = \"500ms\"\n[[site.location]]\nmatch = \"/\"\nfiles = \"www\"\n",
    )
    .file("www/a", vec![b'x'; 50_000_000])
    .start();
    let mut client = Frames::with_settings(&proxy, &[(4, i32::MAX as u32)]);
    client
        .window(0, i32::MAX as u32 - 65535)
        .request(1, &[&[(":path", "/a")], &GET[..2], &GET[3..]].concat());
    proxy.wait_for_log("client-stalled");
    while client.next().is_some() {}
}

#[test]
fn a_client_that_says_nothing_is_let_go() {
    let proxy = Proxy::site(
        "h2c = true\n[site.timeouts]\nheader = \"200ms\"\nkeep_alive = \"300ms\"\n[[site.location]]\nmatch = \"/\"\n\
         respond = { status = 200, body = \"here\" }\n",
    )
    .start();
    // Before its first request, between two, in the middle of one, and with nothing but echoes.
    Frames::open(&proxy).fails(&[NO_ERROR]);
    let mut idle = Frames::open(&proxy);
    idle.goes_on(1);
    idle.fails(&[NO_ERROR]);
    Frames::open(&proxy).frame(HEADERS, END_STREAM, 1, block(GET)).fails(&[NO_ERROR]);
    let mut lively = Frames::open(&proxy);
    lively.goes_on(1);
    while !matches!(lively.frame(PING, 0, 0, [0; 8]).next(), Some(Frame { kind: GOAWAY, .. }) | None) {
        // Whether something comes in between is of no interest.
        lively.is_silent_for(Duration::from_millis(20));
    }
}
