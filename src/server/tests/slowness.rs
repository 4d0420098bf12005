//! How long a client may take over its part.

use tokio::sync::mpsc;

use super::*;
use crate::http::{Cause, Fault, OnEnd};

/// Wants more than a byte a second, then answers with the body or what is wrong with it.
async fn impatient(request: Request) -> Response {
    request.limits.body_rate.set(2);
    echo(request).await
}

#[test]
fn a_body_that_trickles_is_given_up_after_a_window() {
    in_loop(async {
        let mut session = session(impatient);
        session.send(b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1000\r\n\r\n").await;
        let begun = tokio::time::Instant::now();
        let (mut reader, mut writer) = session.client.into_split();
        let trickle = tokio::task::spawn_local(async move {
            while writer.write_all(b"x").await.is_ok() {
                tokio::time::sleep(Duration::from_secs(1)).await;
            }
        });
        let mut answer = Vec::new();
        reader.read_to_end(&mut answer).await.unwrap();
        assert!(answer.ends_with(b"body-too-slow"), "{}", answer.escape_ascii());
        assert!((30..32).contains(&begun.elapsed().as_secs()), "{:?}", begun.elapsed());
        drop(reader);
        trickle.await.unwrap();
    });
}

#[test]
fn a_body_that_keeps_up_the_rate_may_take_any_time() {
    in_loop(async {
        let mut session = session(impatient);
        session.send(b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 300\r\n\r\n").await;
        for _ in 0..100 {
            tokio::time::sleep(Duration::from_millis(1400)).await;
            session.send(b"xxx").await;
        }
        assert!(session.until("x").await.contains(" 200 OK\r\n"));
    });
}

/// A byte every ten seconds would else keep the connection for a week.
#[test]
fn a_body_nobody_read_is_not_skipped_in_drops() {
    in_loop(async {
        let mut session = session(path);
        session.send(b"POST /a HTTP/1.1\r\nHost: a\r\nContent-Length: 60000\r\n\r\n").await;
        session.until("\r\n\r\n/a").await;
        let begun = tokio::time::Instant::now();
        while session.client.write_all(b"x").await.is_ok() {
            tokio::time::sleep(Duration::from_secs(1)).await;
        }
        // A window of slowness, then what closing in good order takes.
        assert!((30..65).contains(&begun.elapsed().as_secs()), "{:?}", begun.elapsed());
    });
}

/// An answer larger than a socket's buffer, on a connection whose client may be silent for an hour. What it
/// came to is sent on.
fn large_answer() -> (Session, mpsc::UnboundedReceiver<Option<Fault>>) {
    let (sender, ended) = mpsc::unbounded_channel();
    let session = session(move |request: Request| {
        request.limits.send.set(Duration::from_hours(1));
        let sender = sender.clone();
        let mut response = Response::default().with_body(Bytes::from(vec![b'x'; 1 << 20]));
        response.on_end = OnEnd::new(move |sent| drop(sender.send(sent.fault)));
        std::future::ready(response)
    });
    (session, ended)
}

#[test]
fn an_answer_that_is_taken_in_drops_is_given_up() {
    in_loop(async {
        let (mut session, mut ended) = large_answer();
        session.send(GET).await;
        let begun = tokio::time::Instant::now();
        let mut drop = [0; 100];
        let fault = loop {
            tokio::select! {
                fault = ended.recv() => break fault.unwrap().unwrap(),
                () = tokio::time::sleep(Duration::from_secs(1)) => {
                    session.client.read_exact(&mut drop).await.unwrap();
                }
            }
        };
        assert_eq!(fault.cause, Cause::ClientTooSlow);
        // What the kernel took at once counts for the first window.
        assert!((60..125).contains(&begun.elapsed().as_secs()), "{:?}", begun.elapsed());
    });
}

#[test]
fn an_answer_that_is_taken_slowly_but_steadily_may_take_any_time() {
    in_loop(async {
        let (mut session, mut ended) = large_answer();
        session.send(GET).await;
        session.until("\r\n\r\n").await;
        let mut taken = [0; 4096];
        for _ in 0..(1 << 20) / taken.len() {
            tokio::time::sleep(Duration::from_secs(1)).await;
            session.client.read_exact(&mut taken).await.unwrap();
        }
        assert!(ended.recv().await.unwrap().is_none());
    });
}

#[test]
fn silence_is_told_from_slowness() {
    in_loop(async {
        let mut session = session(|request: Request| async {
            request.limits.body.set(Duration::from_secs(10));
            impatient(request).await
        });
        session.send(b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1000\r\n\r\nbegun").await;
        let begun = tokio::time::Instant::now();
        assert!(session.until("body-timeout").await.contains(" 408 "));
        assert_eq!(begun.elapsed().as_secs(), 10);
    });
}

#[test]
fn a_head_must_be_whole_in_time() {
    in_loop(async {
        let mut session = session(path);
        session.send(b"GET / HTTP/1.1\r\nHos").await;
        let started = tokio::time::Instant::now();
        let answer = String::from_utf8(session.rest().await).unwrap();
        assert!(answer.starts_with("HTTP/1.1 408 "), "{answer}");
        assert!(started.elapsed() < SETTINGS.header + Duration::from_secs(6));
    });
}

#[test]
fn an_idle_connection_is_closed_without_a_word() {
    in_loop(async {
        let mut session = session(path);
        session.send(GET).await;
        session.until("/a").await;
        let started = tokio::time::Instant::now();
        assert!(session.rest().await.is_empty());
        assert!(started.elapsed() >= SETTINGS.keep_alive);
    });
}
