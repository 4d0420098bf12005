//! What a server gets.

use std::cell::RefCell;

use ::http::{HeaderMap, Version};
use bytes::Bytes;

use super::super::head;
use super::*;

/// The head, body and trailers of a request as a server has it.
async fn received(request: Request) -> (::http::request::Parts, Vec<u8>, Option<HeaderMap>) {
    let got = Rc::new(RefCell::new(None));
    let put = Rc::clone(&got);
    let origin = origin(move |asked: Asked, reply| {
        let put = Rc::clone(&put);
        async move {
            let (parts, body) = asked.into_parts();
            let (content, trailers) = read(Asked::new(body)).await;
            put.replace(Some((parts, content, trailers)));
            say(reply, "");
        }
    })
    .await;
    ask(&over_http2(origin.addr, SETTINGS), request).await.unwrap();
    got.take().unwrap()
}

#[tokio::test(flavor = "local")]
async fn the_head_is_that_of_http_2() {
    let fields = [
        ("accept", "a"),
        ("accept", "b"),
        ("te", "trailers"),
        ("connection", "keep-alive"),
        ("keep-alive", "1"),
        ("content-length", "99"),
        ("cookie", "c"),
    ];
    let (head, body, _) = received(request(Method::GET, &fields, Body::Empty)).await;
    assert_eq!(head.version, Version::HTTP_2);
    assert_eq!(head.uri, "http://Example.com:8080/a?b=c");
    let names: Vec<_> = head.headers.keys().map(::http::HeaderName::as_str).collect();
    assert_eq!(names, ["accept", "cookie", "te"]);
    assert_eq!(head.headers.get_all("accept").iter().collect::<Vec<_>>(), ["a", "b"]);
    assert!(body.is_empty());
}

#[tokio::test(flavor = "local")]
async fn targets_that_http_2_does_not_have_are_encoded() {
    let mut request = get();
    request.target.raw = Bytes::from_static(b"/a|b\xff?c=\"^");
    assert_eq!(received(request).await.0.uri.path_and_query().unwrap(), "/a%7Cb%FF?c=%22%5E");
}

#[tokio::test(flavor = "local")]
async fn an_empty_post_says_that_it_is() {
    let (head, ..) = received(request(Method::POST, &[], Body::Empty)).await;
    assert_eq!(head.headers["content-length"], "0");
}

#[tokio::test(flavor = "local")]
async fn bodies_of_all_kinds_arrive_whole() {
    let large = Bytes::from(vec![b'x'; 300_000]);
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), &large).unwrap();
    let file = std::sync::Arc::new(file.into_file());
    let range = crate::http::FileRange { file, offset: 100_000, length: 150_000 };
    let (pieces, streamed) = channel(Some(10));
    for _ in 0..2 {
        pieces.send(data("hello")).unwrap();
    }
    for (body, length) in [(Body::Bytes(large), 300_000), (Body::File(range), 150_000), (streamed, 10)] {
        let (head, content, _) = received(request(Method::PUT, &[], body)).await;
        assert_eq!(head.headers["content-length"], length.to_string().as_str());
        assert_eq!(content.len(), length);
    }
}

#[tokio::test(flavor = "local")]
async fn a_body_without_a_length_has_its_trailers_behind_it() {
    let (pieces, body) = channel(None);
    pieces.send(data("hello")).unwrap();
    let trailers = [("x-sum", "5"), ("content-length", "7")];
    let fields = request(Method::POST, &trailers, Body::Empty).headers;
    pieces.send(Ok(crate::http::Frame::Trailers(fields))).unwrap();
    let (head, content, trailers) = received(request(Method::POST, &[], body)).await;
    assert!(!head.headers.contains_key("content-length"));
    assert_eq!(content, b"hello");
    let trailers = trailers.unwrap();
    assert_eq!((trailers.len(), &trailers["x-sum"]), (1, &"5".parse().unwrap()));
}

#[tokio::test(flavor = "local")]
async fn upgrades_are_refused_by_name() {
    let origin = origin(|_, reply| async { say(reply, "") }).await;
    let request = request(Method::GET, &[("upgrade", "websocket")], Body::Empty);
    let failure = ask(&over_http2(origin.addr, SETTINGS), request).await.unwrap_err();
    assert_eq!((failure.fault.cause, failure.fault.status().as_u16()), (Cause::NoUpgrade, 501));
    assert!(failure.body.is_none(), "no other server is to be asked");
}

#[test]
fn what_would_be_sent_is_shown_as_people_read_it() {
    let request = request(Method::POST, &[("x-one", "1"), ("te", "trailers")], Body::Empty);
    let shown = head::preview(&request, "app:80", ::http::uri::Scheme::HTTPS).unwrap();
    let expected = "POST /a?b=c HTTP/2\r\nHost: Example.com:8080\r\nX-One: 1\r\nContent-Length: 0\r\nTe: trailers\r\n\r\n";
    assert_eq!(shown, expected);
}
