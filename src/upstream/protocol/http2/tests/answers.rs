//! What comes of a server's answers.

use std::cell::RefCell;

use ::http::HeaderMap;
use bytes::Bytes;

use super::*;
use crate::http::Interim;

#[tokio::test(flavor = "local")]
async fn an_answer_has_its_status_fields_and_body() {
    let response = answered(|_, mut reply| async move {
        let mut stream = begin(&mut reply, 404, &[("set-cookie", "a"), ("set-cookie", "b")]);
        stream.send_data(Bytes::from_static(b"hel"), false).unwrap();
        stream.send_data(Bytes::from_static(b"lo"), true).unwrap();
    })
    .await
    .unwrap();
    assert_eq!(response.status.as_u16(), 404);
    assert_eq!(response.headers.get_all("set-cookie").collect::<Vec<_>>(), ["a", "b"]);
    assert_eq!(collect(response.body).await.unwrap(), ("hello".into(), None));
}

#[tokio::test(flavor = "local")]
async fn trailers_follow_the_body_for_those_who_take_them() {
    for (te, expected) in [("trailers", Some("0")), ("gzip", None)] {
        let origin = origin(|_, mut reply| async move {
            let mut stream = begin(&mut reply, 200, &[]);
            stream.send_data(Bytes::from_static(b"hello"), false).unwrap();
            let mut trailers = HeaderMap::new();
            trailers.insert("grpc-status", "0".parse().unwrap());
            stream.send_trailers(trailers).unwrap();
        })
        .await;
        let request = request(Method::GET, &[("te", te)], Body::Empty);
        let response = ask(&over_http2(origin.addr, SETTINGS), request).await.unwrap();
        let (body, trailers) = collect(response.body).await.unwrap();
        assert_eq!(body, "hello");
        assert_eq!(
            trailers.map(|fields| fields["grpc-status"].to_str().unwrap().to_owned()).as_deref(),
            expected
        );
    }
}

#[tokio::test(flavor = "local")]
async fn answers_without_a_body_have_none() {
    let empty = answered(|_, mut reply| async move {
        reply.send_response(response(200, &[("grpc-status", "5")]), true).unwrap();
    })
    .await
    .unwrap();
    assert!(matches!(empty.body, Body::Empty) && empty.headers.contains_key("grpc-status"));
    let origin = origin(|_, mut reply| async move {
        reply.send_response(response(200, &[("content-length", "5")]), true).unwrap();
    })
    .await;
    let request = request(Method::HEAD, &[], Body::Empty);
    let response = ask(&over_http2(origin.addr, SETTINGS), request).await.unwrap();
    assert!(matches!(response.body, Body::Empty));
    assert_eq!(response.headers["content-length"], "5");
}

#[tokio::test(flavor = "local")]
async fn interim_answers_are_passed_on() {
    let origin = origin(|_, mut reply| async move {
        reply.send_informational(response(103, &[("link", "</a>")])).unwrap();
        say(reply, "hello");
    })
    .await;
    let seen = Rc::new(RefCell::new(Vec::new()));
    let log = Rc::clone(&seen);
    let mut request = get();
    request.interim = Some(Interim(Rc::new(move |status, fields| {
        log.borrow_mut().push((status.as_u16(), fields["link"].to_str().unwrap().to_owned()));
    })));
    let response = ask(&over_http2(origin.addr, SETTINGS), request).await.unwrap();
    assert_eq!(collect(response.body).await.unwrap().0, "hello");
    assert_eq!(*seen.borrow(), [(103, "</a>".to_owned())]);
}

#[tokio::test(flavor = "local")]
async fn both_sides_speak_at_the_same_time() {
    let origin = origin(|asked: Asked, mut reply| async move {
        let mut out = begin(&mut reply, 200, &[]);
        let mut body = asked.into_body();
        while let Some(data) = body.data().await {
            out.send_data(data.unwrap(), false).unwrap();
        }
        out.send_data(Bytes::from_static(b"the end"), true).unwrap();
    })
    .await;
    let (pieces, body) = channel(None);
    let dialer = over_http2(origin.addr, SETTINGS);
    let response = ask(&dialer, request(Method::POST, &[], body)).await.unwrap();
    let Body::Stream(mut stream) = response.body else { panic!("not streamed") };
    for word in ["one", "two", "three"] {
        pieces.send(data(word)).unwrap();
        assert!(matches!(stream.frame().await, Some(Ok(crate::http::Frame::Data(echo))) if echo == word));
    }
    drop(pieces);
    assert_eq!(collect(Body::Stream(stream)).await.unwrap().0, "the end");
}

#[tokio::test(flavor = "local")]
async fn a_request_goes_on_while_its_client_takes_nothing() {
    let (told, mut heard) = tokio::sync::mpsc::unbounded_channel();
    let origin = origin(move |asked: Asked, mut reply| {
        let told = told.clone();
        async move {
            let _out = begin(&mut reply, 200, &[]);
            told.send(read(asked).await.0).unwrap();
        }
    })
    .await;
    let (pieces, body) = channel(None);
    let dialer = over_http2(origin.addr, SETTINGS);
    let response = ask(&dialer, request(Method::POST, &[], body)).await.unwrap();
    let Body::Stream(mut stream) = response.body else { panic!("not streamed") };
    pieces.send(data("hello")).unwrap();
    drop(pieces);
    let got = std::future::poll_fn(|cx| {
        stream.poll_ahead(cx);
        heard.poll_recv(cx)
    });
    assert_eq!(got.await.unwrap(), b"hello");
}

#[tokio::test(flavor = "local")]
async fn a_large_answer_waits_for_its_client() {
    const SIZE: usize = 2 << 20;
    let sent = Rc::new(std::cell::Cell::new(0));
    let count = Rc::clone(&sent);
    let origin = origin(move |_, mut reply| {
        let count = Rc::clone(&count);
        async move {
            let mut out = begin(&mut reply, 200, &[]);
            while count.get() < SIZE {
                out.reserve_capacity(16 * 1024);
                let room = std::future::poll_fn(|cx| out.poll_capacity(cx)).await.unwrap().unwrap();
                count.set(count.get() + room);
                out.send_data(vec![b'x'; room].into(), count.get() >= SIZE).unwrap();
            }
        }
    })
    .await;
    let response = ask(&over_http2(origin.addr, SETTINGS), get()).await.unwrap();
    // As often as the server could have sent all of it.
    for _ in 0..10_000 {
        tokio::task::yield_now().await;
    }
    assert!((100_000..600_000).contains(&sent.get()), "{} bytes ahead of the client", sent.get());
    assert!(collect(response.body).await.unwrap().0.len() >= SIZE);
}

#[tokio::test(flavor = "local")]
async fn a_small_body_is_waited_for_where_that_is_demanded() {
    let origin = origin(|_, mut reply| async move {
        let mut out = begin(&mut reply, 200, &[("content-length", "10")]);
        for _ in 0..2 {
            tokio::task::yield_now().await;
            out.send_data(Bytes::from_static(b"hello"), false).unwrap();
        }
        out.send_data(Bytes::new(), true).unwrap();
    })
    .await;
    let demands = Demands { whole: true, ..Demands::default() };
    let response = ask_with(&over_http2(origin.addr, SETTINGS), &mut get(), demands).await.unwrap();
    assert_eq!(collect(response.body).await.unwrap().0, "hellohello");
}

#[tokio::test(flavor = "local")]
async fn a_reset_without_error_behind_the_answer_is_its_end() {
    let origin = origin(|asked: Asked, mut reply| async move {
        let mut out = begin(&mut reply, 413, &[]);
        out.send_data(Bytes::from_static(b"too much"), true).unwrap();
        // A reset would take back what is not out yet.
        tokio::time::sleep(Duration::from_millis(20)).await;
        out.send_reset(h2::Reason::NO_ERROR);
        drop(asked);
    })
    .await;
    let (_pieces, body) = channel(None);
    let dialer = over_http2(origin.addr, SETTINGS);
    let response = ask(&dialer, request(Method::POST, &[], body)).await.unwrap();
    assert_eq!(response.status.as_u16(), 413);
    assert_eq!(collect(response.body).await.unwrap().0, "too much");
}
