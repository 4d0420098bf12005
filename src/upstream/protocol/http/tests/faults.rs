//! Answers that are faulty, late or cut short.

use proptest::prelude::*;
use tokio::runtime::{Builder, LocalOptions};

use super::*;

#[tokio::test(flavor = "local")]
async fn answers_that_are_not_valid_are_refused_with_the_reason() {
    for (wire, cause, reason) in [
        ("<html>hello</html>\r\n\r\n", Cause::MalformedResponse, "<html>hello"),
        ("HTTP/1.1 200 OK\nA: b\n\n", Cause::MalformedResponse, "LF without CR"),
        ("HTTP/1.1 200 OK\r\nA : b\r\n\r\n", Cause::MalformedResponse, "name or value"),
        ("HTTP/1.1 200 OK\r\nA: b\r\n c\r\n\r\n", Cause::MalformedResponse, "blank"),
        (
            "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n",
            Cause::MalformedResponse,
            "different",
        ),
        ("HTTP/1.1 200 OK\r\nContent-Length: +1\r\n\r\n", Cause::MalformedResponse, "Content-Length"),
        (
            "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n",
            Cause::MalformedResponse,
            "both there",
        ),
        (
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n",
            Cause::MalformedResponse,
            "other than chunked",
        ),
        ("HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", Cause::MalformedResponse, "HTTP/1.0"),
        ("HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\n\r\n", Cause::UnaskedUpgrade, "101"),
        ("\x15\x03\x01\x00\x02\x02\x46", Cause::MalformedResponse, "TLS"),
    ] {
        let fault = fault(SETTINGS, get(), vec![Act::Head, send(wire), Act::Hold]).await;
        assert_eq!(fault.cause, cause, "{wire:?}");
        assert!(fault.detail.contains(reason), "{wire:?}: {}", fault.detail);
    }
}

#[tokio::test(flavor = "local")]
async fn heads_are_bounded() {
    let many = format!("HTTP/1.1 200 OK\r\n{}\r\n", "a: b\r\n".repeat(201));
    let large = format!("HTTP/1.1 200 OK\r\na: {}", "b".repeat(70_000));
    let endless = "HTTP/1.1 102 Processing\r\n\r\n".repeat(1000);
    for (wire, cause) in [
        (many, Cause::ResponseHeaderTooLarge),
        (large, Cause::ResponseHeaderTooLarge),
        (endless, Cause::MalformedResponse),
    ] {
        let fault = fault(SETTINGS, get(), vec![Act::Head, Act::Send(wire.into()), Act::Hold]).await;
        assert_eq!(fault.cause, cause, "{}", fault.detail);
    }
}

#[tokio::test(flavor = "local")]
async fn connections_that_end_before_an_answer_are_named() {
    let closed = (vec![Act::Head], Cause::ClosedBeforeAnswer);
    let reset = (vec![Act::Head, Act::Reset], Cause::ResetBeforeAnswer);
    for (script, cause) in [closed, reset] {
        let fault = fault(SETTINGS, get(), script).await;
        assert_eq!(fault.cause, cause);
        assert!(fault.detail.contains("before any byte of an answer"), "{}", fault.detail);
    }
    let fault = fault(SETTINGS, get(), vec![Act::Head, send("HTTP/1.1 200 OK\r\nA")]).await;
    assert_eq!(fault.cause, Cause::ClosedBeforeAnswer);
    assert!(fault.detail.contains("within the head"), "{}", fault.detail);
}

#[tokio::test(flavor = "local")]
async fn answers_cut_short_never_end_cleanly() {
    for (wire, said) in [
        ("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhello", "after 5 of 10 bytes"),
        ("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n", "after 5 bytes"),
        ("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n", "after 5 bytes"),
        (
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhelloX\r\n0\r\n\r\n",
            "not ended by CRLF",
        ),
    ] {
        let server = Server::start([vec![Act::Head, send(wire)]]).await;
        let response = response(&dialer(&[server.addr], SETTINGS), get()).await;
        let fault = collect(response.body).await.expect_err("cut short");
        assert_eq!(fault.cause, Cause::ResponseCutShort);
        assert!(fault.detail.contains(said), "{}", fault.detail);
    }
}

#[tokio::test(flavor = "local")]
async fn a_reset_is_no_end_of_a_body_that_ends_with_its_connection() {
    let script = vec![Act::Head, send("HTTP/1.1 200 OK\r\n\r\nhello"), Act::Until("the end"), Act::Reset];
    let server = Server::start([script]).await;
    let (pieces, body) = channel(Some(7));
    let response = response(&dialer(&[server.addr], SETTINGS), request(Method::POST, &[], body)).await;
    let Body::Stream(mut stream) = response.body else { panic!("not streamed") };
    assert!(stream.frame().await.unwrap().is_ok());
    pieces.send(data("the end")).unwrap();
    assert_eq!(stream.frame().await.unwrap().unwrap_err().cause, Cause::ResponseCutShort);
}

#[tokio::test(flavor = "local")]
async fn each_phase_has_its_limit() {
    let short = Duration::from_millis(40);
    let settings = Settings { read: short, ..SETTINGS };
    let silent = fault(settings, get(), vec![Act::Head, Act::Hold]).await;
    assert_eq!(silent.cause, Cause::FirstByteTimeout);
    assert!(silent.detail.contains("no byte of an answer within 0.0 s"), "{}", silent.detail);
    let stalled = fault(settings, get(), vec![Act::Head, send("HTTP/1.1 200 OK\r\n"), Act::Hold]).await;
    assert_eq!(stalled.cause, Cause::ReadTimeout);

    let body = "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhello";
    let server = Server::start([vec![Act::Head, send(body), Act::Hold]]).await;
    let response = response(&dialer(&[server.addr], settings), get()).await;
    assert_eq!(collect(response.body).await.unwrap_err().cause, Cause::ReadTimeout);

    let large = Body::Bytes(Bytes::from(vec![b'x'; 32 << 20]));
    let request = request(Method::POST, &[], large);
    let full = fault(Settings { send: short, ..SETTINGS }, request, vec![Act::Head, Act::Ignore]).await;
    assert_eq!(full.cause, Cause::SendTimeout);
}

#[tokio::test(flavor = "local")]
async fn the_time_a_slow_client_takes_is_not_the_servers() {
    let limit = Duration::from_millis(60);
    let wire = "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhello";
    let server = Server::start([vec![Act::Head, send(wire), Act::Until("\r\n\r\n"), Act::Hold]]).await;
    let dialer = dialer(&[server.addr], Settings { read: limit, ..SETTINGS });
    let Body::Stream(mut body) = response(&dialer, get()).await.body else { panic!("not streamed") };
    assert!(body.frame().await.unwrap().is_ok());
    // Only behind this the wait for the server begins.
    tokio::time::sleep(limit * 2).await;
    let before = tokio::time::Instant::now();
    assert_eq!(body.frame().await.unwrap().unwrap_err().cause, Cause::ReadTimeout);
    assert!(before.elapsed() >= limit);
}

/// An exchange on one end of a socket pair; `wire` is already there and nothing follows.
async fn overheard(wire: &[u8]) -> Result<(), Fault> {
    use tokio::io::AsyncWriteExt;

    let (ours, mut theirs) = tokio::net::UnixStream::pair().unwrap();
    theirs.write_all(wire).await.unwrap();
    theirs.shutdown().await.unwrap();
    let lease = lease(&dialer(&["127.0.0.1:1".parse().unwrap()], SETTINGS));
    let connection = crate::upstream::Connection::new(crate::net::Stream::Unix(ours));
    match exchange(&mut get(), Line { connection, lease }, Demands::default()).await {
        Ok(Answer::Response(Response { body: Body::Stream(mut stream), .. })) => {
            while let Some(frame) = stream.frame().await {
                frame?;
            }
            Ok(())
        }
        Ok(_) => Ok(()),
        Err(failure) => Err(failure.fault),
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    #[test]
    fn whatever_a_server_says_the_exchange_ends(
        head in "(HTTP/1\\.[01] [0-9]{3} .?\r\n)?((Content-Length: [0-9]|Transfer-Encoding: chunked|[A-z]: .)\r\n){0,3}(\r\n)?",
        rest in proptest::collection::vec(any::<u8>(), 0..60),
    ) {
        let runtime = Builder::new_current_thread().enable_all().build_local(LocalOptions::default()).unwrap();
        let limit = tokio::time::Duration::from_secs(4);
        let wire = [head.as_bytes(), &rest].concat();
        let ended = runtime.block_on(async { tokio::time::timeout(limit, overheard(&wire)).await });
        prop_assert!(ended.is_ok(), "still waiting behind {}", wire.escape_ascii());
    }
}
