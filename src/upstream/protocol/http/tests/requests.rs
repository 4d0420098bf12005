//! What goes out.

use super::*;

const HEAD: &str = "/a?b=c HTTP/1.1\r\nHost: Example.com:8080\r\n";

#[tokio::test(flavor = "local")]
async fn a_request_is_written_anew() {
    let fields = [
        ("accept", "*/*"),
        ("content-length", "99"),
        ("transfer-encoding", "gzip"),
        ("connection", "x, close"),
        ("expect", "100-continue"),
        ("host", "other"),
        ("keep-alive", "5"),
        ("trailer", "x"),
        ("te", "gzip"),
    ];
    let request = request(Method::GET, &fields, Body::Empty);
    assert_eq!(sent(request, "\r\n\r\n").await, format!("GET {HEAD}Accept: */*\r\n\r\n"));
}

#[tokio::test(flavor = "local")]
async fn bodies_are_framed_by_what_is_known_of_them() {
    let bytes = request(Method::POST, &[], Body::from("hello"));
    assert_eq!(sent(bytes, "hello").await, format!("POST {HEAD}Content-Length: 5\r\n\r\nhello"));
    let none = request(Method::POST, &[], Body::Empty);
    assert_eq!(sent(none, "\r\n\r\n").await, format!("POST {HEAD}Content-Length: 0\r\n\r\n"));
    let (pieces, body) = channel(Some(5));
    for piece in ["he", "llo"] {
        pieces.send(data(piece)).unwrap();
    }
    let exact = request(Method::PUT, &[], body);
    assert_eq!(sent(exact, "hello").await, format!("PUT {HEAD}Content-Length: 5\r\n\r\nhello"));
    let (pieces, body) = channel(None);
    for piece in ["he", "llo"] {
        pieces.send(data(piece)).unwrap();
    }
    drop(pieces);
    let chunked = request(Method::PUT, &[], body);
    let wire = "Transfer-Encoding: chunked\r\n\r\n2\r\nhe\r\n3\r\nllo\r\n0\r\n\r\n";
    assert_eq!(sent(chunked, "0\r\n\r\n").await, format!("PUT {HEAD}{wire}"));
}

#[tokio::test(flavor = "local")]
async fn connection_options_are_remade() {
    let upgrade = request(Method::GET, &[("upgrade", "websocket"), ("connection", "Upgrade")], Body::Empty);
    let wire = format!("GET {HEAD}Upgrade: websocket\r\nConnection: upgrade\r\n\r\n");
    assert_eq!(sent(upgrade, "\r\n\r\n").await, wire);
    let trailers = request(Method::GET, &[("te", "gzip, trailers")], Body::Empty);
    assert_eq!(sent(trailers, "\r\n\r\n").await, format!("GET {HEAD}Te: trailers\r\nConnection: te\r\n\r\n"));
}

#[tokio::test(flavor = "local")]
async fn a_request_without_host_names_the_server() {
    let mut request = get();
    request.authority = crate::http::Authority::default();
    assert!(sent(request, "\r\n\r\n").await.contains("Host: 127.0.0.1:"));
}
