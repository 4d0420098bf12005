use std::future::poll_fn;
use std::io::Write;
use std::sync::Arc;

use tokio::io::AsyncReadExt;
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

/// A body of `text` with something before and behind it in its file.
fn on_disk(text: &str) -> FileRange {
    let mut file = tempfile::tempfile().unwrap();
    file.write_all(format!("before{text}behind").as_bytes()).unwrap();
    FileRange { file: Arc::new(file), offset: 6, length: text.len() as u64 }
}

#[tokio::test]
async fn a_body_on_disk_follows_its_head_and_can_be_sent_again() {
    let text = "0123456789".repeat(100_000);
    let mut body = Body::File(on_disk(&text));
    for _ in 0..2 {
        let (ours, mut theirs) = UnixStream::pair().unwrap();
        let stream = Stream::Unix(ours);
        let mut sender = Sender::new(body, BytesMut::from("head"));
        assert_eq!(sender.announced(), Announced::Length(1_000_000));
        let sending = poll_fn(|cx| match sender.poll(cx, &stream) {
            Ok(Progress::Sent) => Poll::Ready(()),
            Ok(_) => Poll::Pending,
            Err(error) => panic!("{error:?}"),
        });
        let mut received = vec![0; 1_000_004];
        let (read, ()) = tokio::join!(theirs.read_exact(&mut received), sending);
        read.unwrap();
        assert!(received[..4] == *b"head" && received[4..] == *text.as_bytes());
        assert!(sender.is_sent());
        assert_eq!(sender.accepted, 1_000_004);
        body = sender.reclaim().unwrap();
    }
}

#[tokio::test]
async fn a_body_on_disk_that_lost_its_end_is_never_completed() {
    let (ours, _theirs) = UnixStream::pair().unwrap();
    let stream = Stream::Unix(ours);
    let range = FileRange { length: 20, ..on_disk("short") };
    let mut sender = Sender::new(Body::File(range), BytesMut::from("head"));
    let result = poll_fn(|cx| Poll::Ready(sender.poll(cx, &stream))).await;
    assert!(matches!(result, Err(SendError::Client(fault)) if fault.cause == Cause::FileTruncated));
}

#[tokio::test]
async fn an_empty_file_is_no_body() {
    let mut sender = Sender::new(Body::File(on_disk("")), BytesMut::new());
    assert_eq!(sender.announced(), Announced::Nothing);
    sender.head().clear();
    assert!(sender.is_sent());
}

#[tokio::test]
async fn what_a_request_cannot_have_for_a_body_is_not_left_out_silently() {
    let (ours, theirs) = UnixStream::pair().unwrap();
    let stream = Stream::Unix(ours);
    let tunnel = http::Tunnel::new(theirs, Bytes::new());
    let mut sender = Sender::new(Body::Tunnel(tunnel), BytesMut::from("head"));
    let result = poll_fn(|cx| Poll::Ready(sender.poll(cx, &stream))).await;
    assert!(matches!(result, Err(SendError::Client(_))), "{result:?}");
}
