use std::cell::Cell;
use std::rc::Rc;
use std::task::{Context, Poll, Waker};

use ::http::header::CONTENT_TYPE;
use ::http::{HeaderName, HeaderValue, StatusCode};

use super::*;
use crate::http::{Fault, Frame, Source};

const ACCEL: HeaderName = HeaderName::from_static("x-accel-buffering");

/// Tells whether anybody has asked it for a frame.
struct Upstream(Rc<Cell<bool>>);

impl Source for Upstream {
    fn poll_frame(&mut self, _cx: &mut Context<'_>) -> Poll<Option<Result<Frame, Fault>>> {
        self.0.set(true);
        Poll::Pending
    }
}

fn answer(fields: &[(HeaderName, &'static str)]) -> Response {
    let mut response = Response::new(StatusCode::OK);
    for (name, value) in fields {
        response.headers.append(name.clone(), HeaderValue::from_static(value));
    }
    response
}

fn buffer() -> Arc<ResponseBuffer> {
    Arc::new(ResponseBuffer::new(Spool::new("/nonexistent".into(), 1, 1)))
}

/// Whether the upstream is asked for more while nobody reads the answer.
fn is_buffered(mut response: Response, wanted: bool) -> bool {
    let asked = Rc::default();
    response.body = Body::Stream(Stream::new(Some(5), Upstream(Rc::clone(&asked))));
    buffer().apply(&mut response, wanted);
    assert!(!response.headers.contains_key(&ACCEL), "the client gets to see it");
    let Body::Stream(mut stream) = response.body else { panic!("it streams no more") };
    assert_eq!(stream.length, Some(5));
    stream.poll_ahead(&mut Context::from_waker(Waker::noop()));
    asked.get()
}

#[test]
fn what_never_ends_is_not_buffered() {
    for (kind, buffered) in [
        ("text/html", true),
        ("text/event-stream", false),
        ("Text/Event-Stream; charset=utf-8", false),
        ("application/grpc", false),
        ("application/grpc-web+proto", false),
        ("application/grpx", true),
    ] {
        assert_eq!(is_buffered(answer(&[(CONTENT_TYPE, kind)]), true), buffered, "{kind}");
    }
    assert!(is_buffered(answer(&[]), true));
}

#[test]
fn the_answer_itself_has_the_last_word() {
    let events = (CONTENT_TYPE, "text/event-stream");
    assert!(!is_buffered(answer(&[]), false));
    assert!(is_buffered(answer(&[(ACCEL, "yes")]), false));
    assert!(is_buffered(answer(&[(ACCEL, "YES"), events.clone()]), true));
    assert!(!is_buffered(answer(&[(ACCEL, "no")]), true));
    assert!(!is_buffered(answer(&[(ACCEL, "No")]), true));
    assert!(is_buffered(answer(&[(ACCEL, "maybe")]), true));
}

#[test]
fn an_answer_that_is_whole_stays_as_it_is() {
    let mut response = answer(&[(ACCEL, "yes")]).with_body("whole");
    buffer().apply(&mut response, true);
    assert!(matches!(response.body, Body::Bytes(bytes) if bytes == "whole"));
    assert!(!response.headers.contains_key(&ACCEL));
}
