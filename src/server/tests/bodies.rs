//! Bodies of requests, wanted and unwanted.

use super::*;

#[test]
fn bodies_of_both_framings_arrive_whole() {
    in_loop(async {
        let mut session = session(echo);
        session.send(b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhello").await;
        session.until("\r\n\r\nhello").await;
        session.send(b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n").await;
        session.send(b"3;x=y\r\ndef\r\n0\r\nX-Trailer: dropped\r\n\r\n").await;
        session.until("\r\n\r\nabcdef").await;
    });
}

#[test]
fn a_client_that_waits_to_be_asked_is_asked_once() {
    in_loop(async {
        let mut session = session(echo);
        session
            .send(b"POST / HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\n")
            .await;
        assert_eq!(session.until("\r\n\r\n").await, "HTTP/1.1 100 Continue\r\n\r\n");
        session.send(b"hi").await;
        assert!(session.until("\r\n\r\nhi").await.starts_with("HTTP/1.1 200 OK"));
    });
}

#[test]
fn a_body_nobody_asked_for_ends_the_connection() {
    in_loop(async {
        let mut session = session(path);
        session
            .send(b"POST /a HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 9\r\n\r\n")
            .await;
        assert!(session.until("\r\n\r\n/a").await.contains("Connection: close"));
        session.client.shutdown().await.unwrap();
        assert!(session.rest().await.is_empty());
    });
}

#[test]
fn a_small_body_nobody_read_is_skipped_and_never_taken_for_a_request() {
    in_loop(async {
        let mut session = session(path);
        let smuggled = GET.len();
        session
            .send(format!("POST /first HTTP/1.1\r\nHost: a\r\nContent-Length: {smuggled}\r\n\r\n").as_bytes())
            .await;
        session.until("/first").await;
        session.send(GET).await;
        session.send(b"GET /next HTTP/1.1\r\nHost: a\r\n\r\n").await;
        assert!(!session.until("/next").await.contains("\r\n\r\n/a"));
    });
}

#[test]
fn a_large_body_nobody_read_leaves_time_to_read_the_answer() {
    in_loop(async {
        let mut session = session(path);
        session.send(b"POST /early HTTP/1.1\r\nHost: a\r\nContent-Length: 1000000\r\n\r\n").await;
        session.send(&vec![b'x'; 100_000]).await;
        let answer = String::from_utf8(session.rest().await).unwrap();
        assert!(answer.contains("Connection: close") && answer.ends_with("/early"), "{answer}");
    });
}
