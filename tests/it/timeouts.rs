//! How long a client may take for each part of an exchange.

use std::time::{Duration, Instant};

use crate::support::{Origin, Proxy, Request};

/// One limit is short, the others are far longer than a test waits.
fn proxy(limit: &str, origin: &Origin) -> Proxy {
    Proxy::site(&format!(
        "[site.timeouts]\n{limit} = \"300ms\"\n\
         [[site.location]]\nmatch = \"/\"\nproxy = \"http://{}\"\n\
         [[site.location]]\nmatch = \"/files/\"\nfiles = \"www\"\n",
        origin.address()
    ))
    .file("www/large.bin", vec![b'x'; 64 << 20])
    .start()
}

#[test]
fn a_head_must_be_whole_in_time() {
    let origin = Origin::ok("");
    let proxy = proxy("header", &origin);
    let mut client = proxy.connect();
    client.send("GET / HTTP/1.1\r\nHost: localh");
    assert_eq!(client.response().status, 408);
    assert!(client.is_closed());
    proxy.wait_for_access("\"GET / HTTP/1.1\" 408 ");
}

/// The limit is for the whole head: a byte now and then does not buy more time.
#[test]
fn a_head_in_drops_is_not_waited_for() {
    let origin = Origin::ok("");
    let proxy = proxy("header", &origin);
    let mut client = proxy.connect();
    client.stream().set_patience(Duration::from_millis(20));
    let begun = Instant::now();
    client.send("GET / HTTP/1.1\r\nX: ");
    while client.try_send("x").is_ok() && !client.has_come() {
        assert!(begun.elapsed() < crate::support::PATIENCE, "a slow head keeps its connection for ever");
    }
    assert_eq!(client.response().status, 408);
}

#[test]
fn a_connection_on_which_nothing_begins_is_closed_without_a_word() {
    let origin = Origin::ok("");
    assert!(proxy("header", &origin).connect().is_closed());
}

#[test]
fn an_idle_connection_is_closed_without_a_word() {
    let origin = Origin::ok("page");
    let proxy = proxy("keep_alive", &origin);
    let mut client = proxy.connect();
    assert_eq!(client.exchange(&Request::get("/")).text(), "page");
    assert!(client.is_closed());
}

#[test]
fn a_body_that_stops_coming_is_given_up() {
    let origin = Origin::new(crate::support::Transport::Tcp, |peer| {
        peer.head();
        peer.wait_for_close();
    });
    let proxy = proxy("body", &origin);
    let mut client = proxy.connect();
    client.send("POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 10\r\n\r\nhalf");
    assert_eq!(client.response().status, 408);
    proxy.wait_for_access("\"POST / HTTP/1.1\" 408 ");
}

#[test]
fn a_client_that_stops_reading_is_given_up() {
    let origin = Origin::ok("");
    let proxy = proxy("send", &origin);
    let mut client = proxy.connect();
    client.send(Request::get("/files/large.bin").bytes());
    client.head();
    // The log says so while we have read next to nothing.
    proxy.wait_for_access("\"GET /files/large.bin HTTP/1.1\" 200 ");
    assert!(client.rest().len() < 64 << 20, "the rest never came");
}
