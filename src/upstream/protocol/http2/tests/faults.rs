//! Answers that are faulty, late or cut short.

use std::time::Duration;

use bytes::Bytes;
use h2::Reason;

use super::*;
use crate::upstream::testing::{Act, send};

#[tokio::test(flavor = "local")]
async fn a_reset_is_named_by_its_code() {
    let failure =
        answered(|_, mut reply| async move { reply.send_reset(Reason::INTERNAL_ERROR) }).await.unwrap_err();
    assert_eq!(failure.fault.cause, Cause::StreamReset);
    assert!(failure.fault.detail.contains("RST_STREAM, INTERNAL_ERROR"), "{}", failure.fault.detail);
    assert!(!failure.untouched && !failure.answered);
}

#[tokio::test(flavor = "local")]
async fn a_refused_stream_leaves_the_request_whole() {
    let origin = origin(|_, mut reply| async move { reply.send_reset(Reason::REFUSED_STREAM) }).await;
    let dialer = over_http2(origin.addr, SETTINGS);
    let (pieces, body) = channel(None);
    pieces.send(data("hello")).unwrap();
    drop(pieces);
    let failure = ask(&dialer, request(Method::POST, &[], body)).await.unwrap_err();
    assert!(failure.untouched);
    assert_eq!(collect(failure.body.unwrap()).await.unwrap().0, "hello");
    assert!(failure.lease.reuse(true).is_none(), "another connection is to be asked");
}

#[tokio::test(flavor = "local")]
async fn bodies_cut_short_never_end_cleanly() {
    for (length, reset, said) in [
        (None, Some(Reason::CANCEL), "RST_STREAM, CANCEL) after 5 bytes"),
        (Some("10"), Some(Reason::NO_ERROR), "RST_STREAM, NO_ERROR) after 5 of 10 bytes"),
        (Some("10"), None, "another length than it announced after"),
        (Some("3"), None, "another length than it announced after"),
    ] {
        let response = answered(move |_, mut reply| async move {
            let fields = length.map(|length| ("content-length", length));
            let mut out = begin(&mut reply, 200, fields.as_slice());
            out.send_data(Bytes::from_static(b"hello"), reset.is_none()).unwrap();
            tokio::time::sleep(Duration::from_millis(20)).await;
            if let Some(reason) = reset {
                out.send_reset(reason);
            }
        })
        .await;
        let fault = match response {
            Ok(response) => collect(response.body).await.expect_err("cut short"),
            Err(failure) => failure.fault,
        };
        assert_eq!(fault.cause, Cause::ResponseCutShort, "{}", fault.detail);
        assert!(fault.detail.contains(said), "{}", fault.detail);
    }
}

#[tokio::test(flavor = "local")]
async fn heads_are_bounded() {
    for (fields, size) in [(201, 1), (8, 10_000)] {
        let failure = answered(move |_, mut reply| async move {
            let mut response = response(200, &[]);
            for index in 0..fields {
                let name = ::http::HeaderName::try_from(format!("a{index}")).unwrap();
                response.headers_mut().insert(name, "b".repeat(size).parse().unwrap());
            }
            reply.send_response(response, true).unwrap();
        })
        .await
        .unwrap_err();
        assert_eq!(failure.fault.cause, Cause::ResponseHeaderTooLarge, "{}", failure.fault.detail);
    }
}

#[tokio::test(flavor = "local")]
async fn each_phase_has_its_limit() {
    let settings = Settings { read: Duration::from_millis(40), send: Duration::from_millis(40), ..SETTINGS };
    let silent = origin(|asked, reply| async {
        std::future::pending::<()>().await;
        drop((asked, reply));
    })
    .await;
    let dialer = over_http2(silent.addr, settings);
    let fault = ask(&dialer, get()).await.unwrap_err().fault;
    assert_eq!(fault.cause, Cause::FirstByteTimeout);
    let large = request(Method::POST, &[], Body::Bytes(vec![b'x'; 1 << 20].into()));
    assert_eq!(ask(&dialer, large).await.unwrap_err().fault.cause, Cause::SendTimeout);
    let stalled = origin(|_, mut reply| async move {
        let _out = begin(&mut reply, 200, &[]);
        std::future::pending::<()>().await;
    })
    .await;
    let response = ask(&over_http2(stalled.addr, settings), get()).await.unwrap();
    assert_eq!(collect(response.body).await.unwrap_err().cause, Cause::ReadTimeout);
}

#[tokio::test(flavor = "local")]
async fn servers_that_do_not_speak_http_2_are_named() {
    for (wire, cause, said) in [
        ("HTTP/1.1 400 Bad Request\r\n\r\n", Cause::NoHttp2, "by HTTP/1.1"),
        ("<html>hello</html>", Cause::NoHttp2, "begins with \"<html>hello"),
        ("\x15\x03\x01\x00\x02\x02\x46", Cause::NoHttp2, "TLS"),
        ("", Cause::ConnectFailed, "HTTP/2 does not begin"),
    ] {
        let script = vec![Act::Until("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"), send(wire)];
        let server = crate::upstream::testing::Server::start([script]).await;
        let fault = ask(&over_http2(server.addr, SETTINGS), get()).await.unwrap_err().fault;
        assert_eq!(fault.cause, cause, "{}", fault.detail);
        assert!(fault.detail.contains(said), "{}", fault.detail);
        assert!(fault.detail.contains(&server.addr.to_string()), "{}", fault.detail);
    }
}

#[tokio::test(flavor = "local")]
async fn a_server_that_says_nothing_is_given_up() {
    let settings = Settings { connect: Duration::from_millis(40), ..SETTINGS };
    let server = crate::upstream::testing::Server::start([vec![Act::Hold]]).await;
    let fault = ask(&over_http2(server.addr, settings), get()).await.unwrap_err().fault;
    assert_eq!(fault.cause, Cause::ConnectTimeout, "{}", fault.detail);
}
