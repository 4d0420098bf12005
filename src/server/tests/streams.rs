//! Answers whose bytes are still arriving.

use std::cell::RefCell;
use std::task::{Context, Poll};

use tokio::sync::mpsc;

use super::*;
use crate::http::{Cause, Fault, Source, Stream as BodyStream};

/// Frames from a channel.
struct Frames(mpsc::Receiver<Result<Frame, Fault>>);

impl Source for Frames {
    fn poll_frame(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Frame, Fault>>> {
        self.0.poll_recv(cx)
    }
}

/// A session whose first answer is a stream of unknown length, and what feeds it.
fn streaming_session() -> (Session, mpsc::Sender<Result<Frame, Fault>>) {
    let (sender, receiver) = mpsc::channel(2);
    let receiver = Rc::new(RefCell::new(Some(receiver)));
    let session = session(move |_| {
        let frames = Frames(receiver.borrow_mut().take().unwrap());
        async { Response::default().with_body(Body::Stream(BodyStream::new(None, frames))) }
    });
    (session, sender)
}

#[test]
fn a_stream_reaches_the_client_frame_by_frame() {
    in_loop(async {
        let (mut session, sender) = streaming_session();
        session.send(GET).await;
        assert!(session.until("\r\n\r\n").await.contains("Transfer-Encoding: chunked\r\n"));
        for text in ["one", "three"] {
            sender.send(Ok(Frame::Data(Bytes::from_static(text.as_bytes())))).await.unwrap();
            session.until(&format!("{:x}\r\n{text}\r\n", text.len())).await;
        }
        drop(sender);
        session.until("0\r\n\r\n").await;
        session.send(GET).await;
    });
}

#[test]
fn a_client_of_http_1_0_learns_the_end_of_a_stream_from_the_end_of_the_connection() {
    in_loop(async {
        let (mut session, sender) = streaming_session();
        session.send(b"GET /a HTTP/1.0\r\nConnection: keep-alive\r\n\r\n").await;
        sender.send(Ok(Frame::Data(Bytes::from_static(b"all")))).await.unwrap();
        drop(sender);
        let answer = String::from_utf8(session.rest().await).unwrap();
        assert!(answer.contains("Connection: close\r\n") && answer.ends_with("\r\n\r\nall"), "{answer}");
    });
}

#[test]
fn a_stream_that_breaks_off_never_looks_whole() {
    in_loop(async {
        let (mut session, sender) = streaming_session();
        session.send(GET).await;
        sender.send(Ok(Frame::Data(Bytes::from_static(b"half")))).await.unwrap();
        sender.send(Err(Cause::ResponseCutShort.into())).await.unwrap();
        let answer = String::from_utf8(session.rest().await).unwrap();
        assert!(answer.ends_with("4\r\nhalf\r\n"), "{answer}");
    });
}
