use std::future::poll_fn;

use tokio::net::UnixStream;

use super::*;
use crate::upstream::testing::{channel, collect, data};

/// Sends `body` to a peer that is gone, so that not a byte is accepted.
async fn refused(body: Body) -> Sender {
    let (ours, theirs) = UnixStream::pair().unwrap();
    drop(theirs);
    let stream = Stream::Unix(ours);
    let mut sender = Sender::new(body, BytesMut::from("head"));
    let result = poll_fn(|cx| Poll::Ready(sender.poll(cx, &stream))).await;
    assert!(matches!(result, Err(SendError::Server(_))), "{result:?}");
    assert_eq!(sender.accepted, 0);
    sender
}

#[tokio::test]
async fn a_body_nobody_took_is_whole_again() {
    for length in [Some(7), None] {
        let (pieces, body) = channel(length);
        for piece in ["the ", "end"] {
            pieces.send(data(piece)).unwrap();
        }
        drop(pieces);
        let body = refused(body).await.reclaim().unwrap();
        assert_eq!(body.length(), length);
        assert_eq!(collect(body).await.unwrap().0, "the end");
    }
    let (pieces, body) = channel(Some(3));
    pieces.send(data("all")).unwrap();
    assert_eq!(collect(refused(body).await.reclaim().unwrap()).await.unwrap().0, "all");
    assert_eq!(collect(refused(Body::from("bytes")).await.reclaim().unwrap()).await.unwrap().0, "bytes");
    assert!(matches!(refused(Body::Empty).await.reclaim(), Some(Body::Empty)));
}

#[tokio::test]
async fn a_body_partly_taken_is_gone() {
    let (ours, _theirs) = UnixStream::pair().unwrap();
    let stream = Stream::Unix(ours);
    let (pieces, body) = channel(Some(7));
    pieces.send(data("the ")).unwrap();
    let mut sender = Sender::new(body, BytesMut::from("head"));
    let progress = poll_fn(|cx| Poll::Ready(sender.poll(cx, &stream))).await.unwrap();
    assert_eq!(progress, Progress::Starved);
    assert!(sender.reclaim().is_none());
}

#[tokio::test]
async fn what_a_request_cannot_have_for_a_body_is_not_left_out_silently() {
    let (ours, _theirs) = UnixStream::pair().unwrap();
    let stream = Stream::Unix(ours);
    let file = std::sync::Arc::new(tempfile::tempfile().unwrap().into());
    let range = crate::http::FileRange { file, offset: 0, length: 5 };
    let mut sender = Sender::new(Body::File(range), BytesMut::from("head"));
    let result = poll_fn(|cx| Poll::Ready(sender.poll(cx, &stream))).await;
    assert!(matches!(result, Err(SendError::Client(_))), "{result:?}");
}
