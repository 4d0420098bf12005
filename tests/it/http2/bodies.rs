//! Bodies of requests.

use bytes::Bytes;
use http::Method;

use super::{proxied, site, to};
use crate::support::http2::{Http2, get, reply, upload};
use crate::support::{Origin, Proxy};

fn post(path: &str) -> http::Request<()> {
    let mut request = get(path);
    *request.method_mut() = Method::POST;
    request
}

#[test]
fn a_large_body_reaches_the_application_whole() {
    let origin = Origin::echo();
    let proxy = proxied(&origin);
    let body: Vec<u8> = (0..2_000_000_u32).flat_map(u32::to_be_bytes).collect();
    let reply = Http2::connect(&proxy).post("/", body.clone());
    assert_eq!(reply.status, 200);
    // Buffered, its length is known by then.
    assert!(origin.wait_for_request(1).body == body);
    assert!(reply.body.ends_with(&body));
}

#[test]
fn a_body_that_streams_is_chunked_for_the_application() {
    let origin = Origin::echo();
    let proxy = proxied(&origin);
    let mut request = post("/");
    request.headers_mut().insert("content-type", "application/grpc".parse().unwrap());
    assert_eq!(Http2::connect(&proxy).send(request, Some(Bytes::from_static(b"message"))).status, 200);
    let received = origin.wait_for_request(1);
    assert_eq!(received.header("transfer-encoding"), Some("chunked"));
    assert_eq!(received.body, b"7\r\nmessage\r\n0\r\n\r\n");
}

#[test]
fn a_body_that_is_announced_too_large_is_refused_at_once() {
    let origin = Origin::hanging();
    let proxy = Proxy::site(&format!(
        "h2c = true\nmax_body = \"1KiB\"\n\n[[site.location]]\nmatch = \"/\"\nproxy = \"http://{}\"\n",
        origin.address()
    ))
    .start();
    let mut request = post("/");
    request.headers_mut().insert("content-length", "100000".parse().unwrap());
    let mut client = Http2::connect(&proxy);
    let (response, _stream) = client.open(request, false);
    assert_eq!(client.run(reply(response)).unwrap().status, 413);
    assert_eq!(client.post("/", vec![0; 2000]).status, 413, "without a length");
    assert_eq!(origin.requests().len(), 0);
}

#[test]
fn who_waits_to_be_asked_for_a_body_is_asked() {
    let origin = Origin::echo();
    let proxy = proxied(&origin);
    let mut request = post("/");
    request.headers_mut().insert("expect", "100-continue".parse().unwrap());
    let mut client = Http2::connect(&proxy);
    let (mut response, mut stream) = client.open(request, false);
    let asked = client.run(std::future::poll_fn(|cx| response.poll_informational(cx)));
    assert_eq!(asked.unwrap().unwrap().status(), 100);
    client.run(async {
        upload(&mut stream, Bytes::from_static(b"asked for")).await;
        assert!(reply(response).await.unwrap().body.ends_with(b"asked for"));
    });
}

#[test]
fn a_body_that_stops_coming_is_given_up() {
    let origin = Origin::hanging();
    let proxy = Proxy::site(&format!(
        "h2c = true\n[site.timeouts]\nbody = \"200ms\"\n[[site.location]]\nmatch = \"/\"\nproxy = \"http://{}\"\n",
        origin.address()
    ))
    .start();
    let mut client = Http2::connect(&proxy);
    let (response, mut stream) = client.open(post("/"), false);
    stream.send_data(Bytes::from_static(b"begun"), false).unwrap();
    assert_eq!(client.run(reply(response)).unwrap().status, 408);
    proxy.wait_for_log("body-timeout");
}

#[test]
fn no_more_of_a_body_is_taken_than_its_application_takes() {
    // It takes connections and reads nothing of them.
    let deaf = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let proxy = to(&deaf.local_addr().unwrap().to_string());
    let mut request = post("/");
    request.headers_mut().insert("content-type", "application/grpc".parse().unwrap());
    let mut client = Http2::connect(&proxy);
    let (_response, mut stream) = client.open(request, false);
    let sent = client.run(async {
        let mut sent = 0;
        loop {
            stream.reserve_capacity(64 * 1024);
            let room = std::future::poll_fn(|cx| stream.poll_capacity(cx));
            let Ok(room) = tokio::time::timeout(std::time::Duration::from_millis(500), room).await else {
                break;
            };
            let room = room.unwrap().unwrap();
            stream.send_data(vec![0; room].into(), false).unwrap();
            sent += room;
        }
        sent
    });
    assert!(sent < 20_000_000, "{sent} bytes were taken");
}

#[test]
fn an_answer_from_here_does_not_wait_for_a_body() {
    let proxy = site("respond = { status = 200, body = \"here\" }\n").start();
    let mut client = Http2::connect(&proxy);
    let (response, _stream) = client.open(post("/"), false);
    assert_eq!(client.run(reply(response)).unwrap().text(), "here");
    assert_eq!(client.get("/").text(), "here");
}
