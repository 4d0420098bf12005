//! Requests that are still being sent.

use super::*;

#[tokio::test(flavor = "local")]
async fn an_early_answer_is_passed_on_at_once() {
    let wire = "HTTP/1.1 413 Content Too Large\r\nContent-Length: 3\r\n\r\nbig";
    let mut server = Server::start([vec![Act::Head, send(wire), Act::Hold]]).await;
    let dialer = dialer(&[server.addr], SETTINGS);
    let (pieces, body) = channel(Some(1000));
    pieces.send(data("begin")).unwrap();
    let response = response(&dialer, request(Method::POST, &[], body)).await;
    assert_eq!(response.status, 413);
    assert_eq!(collect(response.body).await.unwrap().0, "big");
    // The request was not sent whole, so its connection is of no use to others.
    server.played().await;
    assert!(pieces.is_closed());
}

#[tokio::test(flavor = "local")]
async fn sending_goes_on_while_an_early_answer_is_read() {
    let head = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nfirst\r\n";
    let rest = "4\r\nlast\r\n0\r\n\r\n";
    let script = vec![
        Act::Head,
        send(head),
        Act::Until("the end"),
        send(rest),
        Act::Head,
        send("HTTP/1.1 204 .\r\n\r\n"),
    ];
    let server = Server::start([script]).await;
    let dialer = dialer(&[server.addr], SETTINGS);
    let (pieces, body) = channel(Some(7));
    let Body::Stream(mut stream) = response(&dialer, request(Method::POST, &[], body)).await.body else {
        panic!("not streamed");
    };
    let first = stream.frame().await.unwrap().unwrap();
    assert!(matches!(first, crate::http::Frame::Data(data) if data == "first"));
    pieces.send(data("the end")).unwrap();
    assert_eq!(collect(Body::Stream(stream)).await.unwrap().0, "last");
    // All of it was sent and read: the connection serves the next request.
    assert_eq!(response(&dialer, get()).await.status, 204);
}

#[tokio::test(flavor = "local")]
async fn an_answer_from_a_server_that_stopped_reading_is_still_read() {
    let wire = "HTTP/1.1 403 Forbidden\r\nContent-Length: 2\r\n\r\nno";
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let addr = listener.local_addr().unwrap();
    let server = std::thread::spawn(move || {
        use std::io::{Read, Write};
        let (mut stream, _) = listener.accept().unwrap();
        // Everything read so far, so that the close behind the answer sends FIN, not RST.
        stream.read_exact(&mut [0; 200]).unwrap();
        stream.shutdown(std::net::Shutdown::Read).unwrap();
        stream.write_all(wire.as_bytes()).unwrap();
        let mut rest = Vec::new();
        stream.read_to_end(&mut rest).ok();
    });
    let (pieces, body) = channel(Some(1 << 30));
    let piece: &'static str = "x".repeat(4096).leak();
    pieces.send(data(piece)).unwrap();
    let response = response(&dialer(&[addr], SETTINGS), request(Method::POST, &[], body)).await;
    assert_eq!(response.status, 403);
    server.join().unwrap();
}

#[tokio::test(flavor = "local")]
async fn a_failing_request_body_ends_the_exchange() {
    let mut server = Server::start([vec![Act::Hold]]).await;
    let (pieces, body) = channel(Some(10));
    pieces.send(data("begin")).unwrap();
    pieces.send(Err(Cause::BodyTimeout.into())).unwrap();
    let dialer = dialer(&[server.addr], SETTINGS);
    let fault = ask(&dialer, request(Method::POST, &[], body)).await.unwrap_err();
    assert_eq!(fault.cause, Cause::BodyTimeout);
    server.played().await;
}

#[tokio::test(flavor = "local")]
async fn a_request_body_shorter_than_announced_is_never_completed() {
    let mut server = Server::start([vec![Act::Hold]]).await;
    let (pieces, body) = channel(Some(10));
    pieces.send(data("begin")).unwrap();
    drop(pieces);
    let fault = ask(&dialer(&[server.addr], SETTINGS), request(Method::POST, &[], body)).await.unwrap_err();
    assert_eq!(fault.cause, Cause::Internal);
    server.played().await;
    assert!(server.received(0).ends_with("Content-Length: 10\r\n\r\nbegin"));
}
