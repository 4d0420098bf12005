//! How requests are read, one after the other.

use ::http::StatusCode;

use super::*;
use crate::http::Fields;

#[test]
fn pipelined_requests_are_answered_in_order() {
    in_loop(async {
        let mut session = session(path);
        session.send(b"GET /a HTTP/1.1\r\nHost: a\r\n\r\nGET /b HTTP/1.1\r\nHost: a\r\n\r\n").await;
        let both = session.until("/b").await;
        assert!(both.find("/a") < both.find("/b"), "{both}");
    });
}

#[test]
fn http_1_0_ends_with_its_answer_unless_asked_otherwise() {
    in_loop(async {
        let mut once = session(path);
        once.send(b"GET /a HTTP/1.0\r\n\r\n").await;
        let answer = String::from_utf8(once.rest().await).unwrap();
        assert!(answer.contains("Connection: close\r\n") && answer.ends_with("/a"), "{answer}");
        let mut kept = session(path);
        kept.send(b"GET /a HTTP/1.0\r\nConnection: keep-alive\r\n\r\n").await;
        assert!(kept.until("/a").await.contains("Connection: keep-alive\r\n"));
        kept.send(b"GET /b HTTP/1.0\r\n\r\n").await;
        kept.until("/b").await;
    });
}

#[test]
fn what_cannot_be_read_is_answered_and_ends_the_connection() {
    in_loop(async {
        for (bytes, status) in [
            (&b"GET / HTTP/1.1\nHost: a\n\n"[..], "400"),
            (b"GET / HTTP/1.1\r\n\r\n", "400"),
            (b"GET / HTTP/3.0\r\nHost: a\r\n\r\n", "505"),
            (b"nonsense\r\n\r\n", "400"),
            (b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n", "400"),
        ] {
            let mut session = session(path);
            session.send(bytes).await;
            session.client.shutdown().await.unwrap();
            let answer = String::from_utf8(session.rest().await).unwrap();
            assert!(answer.starts_with(&format!("HTTP/1.1 {status} ")), "{}: {answer}", bytes.escape_ascii());
        }
    });
}

#[test]
fn interim_responses_come_first() {
    in_loop(async {
        let mut session = session(|request: Request| async move {
            let mut links = Fields::new();
            links.insert(::http::header::LINK, "</a.css>; rel=preload".parse().unwrap());
            (request.interim.unwrap().0)(StatusCode::EARLY_HINTS, &links);
            Response::default().with_body("done")
        });
        session.send(GET).await;
        let answer = session.until("done").await;
        assert!(
            answer.starts_with(
                "HTTP/1.1 103 Early Hints\r\nLink: </a.css>; rel=preload\r\n\r\nHTTP/1.1 200 OK"
            )
        );
    });
}

#[test]
fn head_has_the_length_and_no_body() {
    in_loop(async {
        let mut session = session(path);
        session.send(b"HEAD /abc HTTP/1.1\r\nHost: a\r\n\r\nGET /next HTTP/1.1\r\nHost: a\r\n\r\n").await;
        let both = session.until("/next").await;
        assert!(
            both.contains("Content-Length: 4\r\n\r\nHTTP/1.1 200 OK")
                || both.contains("Content-Length: 4\r\n"),
            "{both}"
        );
        assert!(!both.contains("/abc"), "{both}");
    });
}
