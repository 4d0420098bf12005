use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};

use super::*;
use crate::http::testing::{request, request_with};

type Pieces = UnboundedSender<Result<Frame, Fault>>;

/// A body whose pieces come as the test sends them.
struct Wire(UnboundedReceiver<Result<Frame, Fault>>);

impl Source for Wire {
    fn poll_frame(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Frame, Fault>>> {
        self.0.poll_recv(cx)
    }
}

fn wire(length: Option<u64>) -> (Pieces, Request) {
    let (pieces, receiver) = unbounded_channel();
    let body = Body::Stream(Stream::new(length, Wire(receiver)));
    (pieces, Request { body, ..request("/upload") })
}

fn send(pieces: &Pieces, content: &[u8]) {
    for piece in content.chunks(10_000) {
        pieces.send(Ok(Frame::Data(Bytes::copy_from_slice(piece)))).unwrap();
    }
}

fn buffer(quota: u64) -> (tempfile::TempDir, RequestBuffer) {
    let directory = tempfile::tempdir().unwrap();
    let spool = Spool::new(directory.path().to_owned(), quota, u64::MAX);
    (directory, RequestBuffer::new(spool))
}

fn content(length: usize) -> Vec<u8> {
    (0..=250).cycle().take(length).collect()
}

async fn collect(body: &mut Body) -> Result<Vec<u8>, Fault> {
    let Body::Stream(stream) = body else { panic!("it does not stream: {body:?}") };
    let mut collected = Vec::new();
    while let Some(frame) = stream.frame().await {
        let Frame::Data(data) = frame? else { continue };
        collected.extend_from_slice(&data);
    }
    Ok(collected)
}

fn read(range: &FileRange) -> Vec<u8> {
    let mut bytes = vec![0; usize::try_from(range.length).unwrap()];
    let read = rustix::io::pread(range.file.as_fd(), &mut bytes, range.offset).unwrap();
    assert_eq!(read, bytes.len());
    bytes
}

#[tokio::test]
async fn a_small_body_is_in_memory_however_it_came() {
    for length in [Some(20_000), None] {
        let (_directory, buffer) = buffer(1 << 20);
        let (pieces, mut request) = wire(length);
        send(&pieces, &content(20_000));
        drop(pieces);
        buffer.fill(&mut request, Overflow::Streams).await.unwrap();
        assert!(matches!(request.body, Body::Bytes(bytes) if bytes == content(20_000)));
    }
}

#[tokio::test]
async fn a_body_that_came_at_once_is_not_copied() {
    let (_directory, buffer) = buffer(1 << 20);
    let (pieces, mut request) = wire(Some(4));
    let data = Bytes::from_static(b"body");
    pieces.send(Ok(Frame::Data(data.clone()))).unwrap();
    buffer.fill(&mut request, Overflow::Streams).await.unwrap();
    assert!(matches!(request.body, Body::Bytes(bytes) if bytes.as_ptr() == data.as_ptr()));
}

#[tokio::test]
async fn a_chunked_body_without_a_byte_is_none() {
    let (_directory, buffer) = buffer(1 << 20);
    let (pieces, mut request) = wire(None);
    drop(pieces);
    buffer.fill(&mut request, Overflow::Streams).await.unwrap();
    assert!(matches!(request.body, Body::Empty));
}

#[tokio::test]
async fn a_large_body_is_on_disk_until_it_is_dropped() {
    let (directory, buffer) = buffer(1 << 20);
    for length in [MEMORY + 1, 500_000] {
        let (pieces, mut request) = wire(None);
        send(&pieces, &content(length));
        drop(pieces);
        buffer.fill(&mut request, Overflow::Streams).await.unwrap();
        let Body::File(range) = &request.body else { panic!("{:?}", request.body) };
        assert!(read(range) == content(length));
        assert_eq!(buffer.spool.used(), length as u64);
        assert_eq!(std::fs::read_dir(directory.path()).unwrap().count(), 0);
        drop(request);
        assert_eq!(buffer.spool.used(), 0);
    }
}

#[tokio::test]
async fn past_the_quota_a_body_streams_whole_and_in_order() {
    for length in [Some(500_000), None] {
        let (_directory, buffer) = buffer(200_000);
        let (pieces, mut request) = wire(length);
        let content = content(500_000);
        send(&pieces, &content[..300_000]);
        buffer.fill(&mut request, Overflow::Streams).await.unwrap();
        assert!(buffer.spool.used() > 0);
        assert_eq!(request.body.length(), length);
        send(&pieces, &content[300_000..]);
        drop(pieces);
        assert!(collect(&mut request.body).await.unwrap() == content);
        assert_eq!(buffer.spool.used(), 0, "what is sent needs no room");
    }
}

#[tokio::test]
async fn where_a_server_must_not_wait_the_client_is_told() {
    let (_directory, buffer) = buffer(65_000);
    for length in [300_000, 80_000] {
        let (pieces, mut request) = wire(None);
        send(&pieces, &content(length));
        drop(pieces);
        let fault = buffer.fill(&mut request, Overflow::Refused).await.unwrap_err();
        assert_eq!((fault.cause, buffer.spool.used()), (Cause::SpoolFull, 0));
        assert!(fault.detail.contains("65000"), "{fault}");
    }
}

/// Only the last piece does not fit: then nothing is left to come, and the length is known after all.
#[tokio::test]
async fn a_body_whose_end_does_not_fit_has_a_length() {
    let (_directory, buffer) = buffer(65_000);
    let (pieces, mut request) = wire(None);
    send(&pieces, &content(80_000));
    drop(pieces);
    buffer.fill(&mut request, Overflow::Streams).await.unwrap();
    assert_eq!(request.body.length(), Some(80_000));
    assert!(collect(&mut request.body).await.unwrap() == content(80_000));
}

#[tokio::test]
async fn without_a_disk_a_body_streams() {
    let (directory, buffer) = buffer(1 << 20);
    drop(directory);
    let (pieces, mut request) = wire(Some(300_000));
    send(&pieces, &content(300_000));
    drop(pieces);
    buffer.fill(&mut request, Overflow::Streams).await.unwrap();
    assert!(collect(&mut request.body).await.unwrap() == content(300_000));
}

#[tokio::test]
async fn a_body_that_fails_gives_its_room_back() {
    let (_directory, buffer) = buffer(1 << 20);
    let (pieces, mut request) = wire(None);
    send(&pieces, &content(300_000));
    pieces.send(Err(Cause::ClientLeft.into())).unwrap();
    let fault = buffer.fill(&mut request, Overflow::Streams).await.unwrap_err();
    assert_eq!((fault.cause, buffer.spool.used()), (Cause::ClientLeft, 0));
}

#[tokio::test]
async fn a_client_has_to_keep_up_a_rate_from_then_on() {
    let (_directory, buffer) = buffer(1 << 20);
    let (pieces, mut request) = wire(None);
    drop(pieces);
    assert_eq!(request.limits.body_rate.get(), 0);
    buffer.fill(&mut request, Overflow::Streams).await.unwrap();
    assert_eq!(request.limits.body_rate.get(), RATE);
}

#[test]
fn what_both_sides_speak_at_once_is_not_held_up() {
    let concerns = |fields| {
        let (_pieces, streaming) = wire(None);
        RequestBuffer::concerns(&Request { body: streaming.body, ..request_with("/", fields) })
    };
    assert!(concerns(&[("content-type", "application/json")]));
    assert!(!concerns(&[("content-type", "application/grpc")]));
    assert!(!concerns(&[("content-type", "Application/gRPC-Web+proto")]));
    assert!(!RequestBuffer::concerns(&request("/")), "there is nothing to hold up");
}
