//! What an application gets of a request.

use http::HeaderValue;

use super::proxied;
use crate::support::Origin;
use crate::support::frames::{Frames, GET};
use crate::support::http2::{Http2, get};

#[test]
fn a_request_becomes_one_of_http_1() {
    let origin = Origin::ok("taken");
    let proxy = proxied(&origin);
    Http2::connect(&proxy).get("/a%20b?c=d");
    let received = origin.wait_for_request(1);
    assert_eq!(received.request_line(), "GET /a%20b?c=d HTTP/1.1");
    assert_eq!(received.header("host"), Some("localhost"));
    assert_eq!(received.header("x-forwarded-proto"), Some("http"));
    assert_eq!(received.header("x-forwarded-for"), Some("127.0.0.1"));
    assert!(!received.head.contains("\r\n:"), "{}", received.head);
}

#[test]
fn crumbs_of_a_cookie_become_one_line() {
    let origin = Origin::ok("taken");
    let proxy = proxied(&origin);
    let mut request = get("/");
    for crumb in ["a=1", "b=2", "c=3"] {
        request.headers_mut().append("cookie", HeaderValue::from_static(crumb));
    }
    Http2::connect(&proxy).send(request, None);
    assert_eq!(origin.wait_for_request(1).header("cookie"), Some("a=1; b=2; c=3"));
}

#[test]
fn a_hundred_fields_are_enough() {
    let origin = Origin::ok("taken");
    let proxy = proxied(&origin);
    let mut client = Frames::open(&proxy);
    let fields = |count| [GET, &vec![("x", "y"); count]].concat();
    assert_eq!(client.request(1, &fields(90)).answer(1).status, 200);
    assert_eq!(client.request(3, &fields(101)).answer(3).status, 431);
    proxy.wait_for_log("header-too-large");
    client.goes_on(5);
}

#[test]
fn fields_are_as_large_as_in_http_1_and_no_larger() {
    let origin = Origin::ok("taken");
    let proxy = proxied(&origin);
    let mut client = Frames::open(&proxy);
    let large = "x".repeat(8000);
    let fields = |count| [GET, &vec![("x", &large[..]); count]].concat();
    let send = |client: &mut Frames, stream, count| {
        let block = crate::support::frames::block(&fields(count));
        let mut pieces = block.chunks(16000).peekable();
        client.frame(1, 1, stream, pieces.next().unwrap());
        while let Some(piece) = pieces.next() {
            client.frame(9, if pieces.peek().is_none() { 4 } else { 0 }, stream, piece);
        }
        client.answer(stream).status
    };
    assert_eq!(send(&mut client, 1, 3), 200);
    assert_eq!(send(&mut client, 3, 5), 431, "what we refuse");
    assert_eq!(send(&mut client, 5, 7), 431, "what h2 refuses");
    client.goes_on(7);
}

#[test]
fn a_path_may_be_as_long_as_in_http_1_and_no_longer() {
    let origin = Origin::ok("taken");
    let proxy = proxied(&origin);
    let mut client = Http2::connect(&proxy);
    assert_eq!(client.get(&format!("/{}", "a".repeat(8000))).status, 200);
    assert_eq!(client.get(&format!("/{}", "a".repeat(9000))).status, 414);
}

#[test]
fn a_path_that_climbs_is_refused() {
    let origin = Origin::ok("taken");
    let proxy = proxied(&origin);
    assert_eq!(Http2::connect(&proxy).get("/../../etc/passwd").status, 400);
    assert_eq!(origin.requests().len(), 0);
}

#[test]
fn an_unknown_host_is_misdirected() {
    let origin = Origin::ok("taken");
    let proxy = crate::support::Proxy::site(&format!(
        "hosts = [\"known.test\"]\nh2c = true\n[[site.location]]\nmatch = \"/\"\nproxy = \"http://{}\"\n",
        origin.address()
    ))
    .start();
    assert_eq!(Http2::connect(&proxy).get("/").status, 421);
}
