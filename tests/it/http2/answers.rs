//! Answers of every kind.

use std::time::{Duration, Instant};

use http::{Method, Request};

use super::{proxied, site};
use crate::support::frames::{DATA, Frames, GET};
use crate::support::http2::{Http2, get};
use crate::support::{Origin, Proxy, Transport};

fn files() -> Proxy {
    let large: Vec<u8> = (0..3_000_000_u32).flat_map(u32::to_be_bytes).collect();
    site("files = \"www\"\n").file("www/small.txt", "small\n").file("www/large.bin", large).start()
}

fn with(path: &str, name: &str, value: &str) -> Request<()> {
    let mut request = get(path);
    request.headers_mut().insert(http::HeaderName::try_from(name).unwrap(), value.parse().unwrap());
    request
}

#[test]
fn a_file_is_answered_as_over_http_1() {
    let proxy = files();
    let mut client = Http2::connect(&proxy);
    let (over_2, over_1) = (client.get("/small.txt"), proxy.get("/small.txt"));
    assert_eq!((over_2.status, over_2.text()), (200, over_1.text().to_owned()));
    for (name, value) in &over_1.headers {
        if !name.eq_ignore_ascii_case("date") {
            assert_eq!(over_2.header(&name.to_lowercase()), Some(&value[..]), "{name}");
        }
    }
    assert!(over_2.header("date").is_some());
    proxy.wait_for_access("\"GET /small.txt HTTP/2.0\" 200 6 ");
}

#[test]
fn a_large_file_comes_byte_for_byte() {
    let proxy = files();
    let mut client = Http2::connect(&proxy);
    let reply = client.get("/large.bin");
    assert_eq!((reply.status, reply.header("content-length")), (200, Some("12000000")));
    assert!(reply.body == std::fs::read(proxy.dir().join("www/large.bin")).unwrap());
    proxy.wait_for_access("\"GET /large.bin HTTP/2.0\" 200 12000000 ");
}

#[test]
fn ranges_and_conditions_hold() {
    let proxy = files();
    let mut client = Http2::connect(&proxy);
    let part = client.send(with("/large.bin", "range", "bytes=8-11"), None);
    assert_eq!((part.status, &part.body[..]), (206, &[0, 0, 0, 2][..]));
    let parts = client.send(with("/large.bin", "range", "bytes=0-3,4000000-4000003"), None);
    assert_eq!(parts.status, 206);
    assert_eq!(parts.header("content-length").unwrap(), parts.body.len().to_string());
    let etag = client.get("/small.txt").header("etag").unwrap().to_owned();
    let same = client.send(with("/small.txt", "if-none-match", &etag), None);
    assert_eq!((same.status, same.body.len()), (304, 0));
}

#[test]
fn a_head_has_no_body_and_tells_its_length() {
    let proxy = files();
    let mut request = get("/large.bin");
    *request.method_mut() = Method::HEAD;
    let reply = Http2::connect(&proxy).send(request, None);
    assert_eq!((reply.header("content-length"), reply.body.len()), (Some("12000000"), 0));
}

#[test]
fn many_streams_are_answered_side_by_side() {
    let proxy = files();
    let mut client = Http2::connect(&proxy);
    let open: Vec<_> = (0..100).map(|_| client.open(get("/small.txt"), true).0).collect();
    client.run(async {
        for response in open {
            assert_eq!(crate::support::http2::reply(response).await.unwrap().text(), "small\n");
        }
    });
}

#[test]
fn a_small_answer_does_not_wait_for_a_large_one() {
    let proxy = files();
    let mut settings = h2::client::Builder::new();
    settings.initial_window_size(1024 * 1024).initial_connection_window_size(16 * 1024 * 1024);
    let mut client = Http2::with(&proxy, &settings);
    let (large, _) = client.open(get("/large.bin"), true);
    assert_eq!(client.get("/small.txt").text(), "small\n");
    client
        .run(async { assert_eq!(crate::support::http2::reply(large).await.unwrap().body.len(), 12_000_000) });
}

#[test]
fn large_answers_take_turns() {
    let proxy = files();
    let mut client = Frames::with_settings(&proxy, &[(4, i32::MAX as u32)]);
    client.window(0, i32::MAX as u32 - 65535);
    let get = [&[(":path", "/large.bin")], &GET[..2], &GET[3..]].concat();
    for stream in 0..10 {
        client.request(stream * 2 + 1, &get);
    }
    let mut taken = [0; 10];
    while !taken.contains(&12_000_000) {
        let frame = client.wait(|frame| frame.kind == DATA);
        taken[usize::try_from(frame.stream / 2).unwrap()] += frame.payload.len();
    }
    assert!(taken.iter().all(|bytes| *bytes > 11_000_000), "{taken:?}");
}

#[test]
fn hints_come_before_their_answer() {
    let origin = Origin::new(Transport::Tcp, |peer| {
        peer.request();
        peer.send("HTTP/1.1 103 Early Hints\r\nLink: </a.css>; rel=preload\r\nConnection: x\r\n\r\n");
        peer.send(
            "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\nKeep-Alive: timeout=5\r\n\r\nok",
        );
    });
    let proxy = proxied(&origin);
    let reply = Http2::connect(&proxy).get("/");
    assert_eq!((&reply.interim[..], reply.text()), (&[103][..], "ok".to_owned()));
    assert!(reply.header("connection").is_none() && reply.header("keep-alive").is_none());
}

#[test]
fn an_answer_of_unknown_length_is_streamed() {
    let origin = Origin::answering(
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nfirst\r\n6\r\nsecond\r\n0\r\n\r\n",
    );
    let proxy = proxied(&origin);
    let reply = Http2::connect(&proxy).get("/");
    assert_eq!((reply.text(), reply.header("content-length")), ("firstsecond".to_owned(), None));
    assert!(reply.header("transfer-encoding").is_none());
}

#[test]
fn an_answer_that_breaks_off_does_not_look_whole() {
    let origin = Origin::new(Transport::Tcp, |peer| {
        peer.request();
        peer.send("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nfirst");
    });
    let proxy = proxied(&origin);
    let mut client = Http2::connect(&proxy);
    let (response, _) = client.open(get("/"), true);
    let error = client.run(crate::support::http2::reply(response)).unwrap_err();
    assert_eq!(error.reason(), Some(h2::Reason::INTERNAL_ERROR));
    proxy.wait_for_log("response-cut-short");
}

#[test]
fn a_rate_is_kept() {
    let proxy = site("files = \"www\"\nlimit_rate = \"20KiB\"\n").file("www/a", vec![b'x'; 30_000]).start();
    let begun = Instant::now();
    assert_eq!(Http2::connect(&proxy).get("/a").body.len(), 30_000);
    assert!(begun.elapsed() > Duration::from_secs(1), "{:?}", begun.elapsed());
}

#[test]
fn a_refused_request_is_logged_like_any_other() {
    let proxy = files();
    let mut request = get("/small.txt");
    request.headers_mut().insert("host", "elsewhere".parse().unwrap());
    assert_eq!(Http2::connect(&proxy).send(request, None).status, 400);
    proxy.wait_for_access("\"GET /small.txt HTTP/2.0\" 400 ");
    proxy.wait_for_log("bad-host");
}

#[test]
fn http_1_is_still_spoken_where_http_2_is() {
    let proxy = files();
    assert_eq!(proxy.get("/small.txt").text(), "small\n");
}

#[test]
fn http_2_is_spoken_only_where_it_is_asked_for() {
    let proxy = Proxy::files().start();
    let mut client = proxy.connect();
    client.send(crate::support::frames::PREFACE);
    assert_eq!(client.response().status, 505);
}
