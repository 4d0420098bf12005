//! Answers that may go out no faster than so many bytes a second.

use std::num::NonZeroU64;
use std::sync::Arc;
use std::task::{Context, Poll};

use tokio::sync::mpsc;
use tokio::time::Instant;

use super::*;
use crate::http::range::ByteRange;
use crate::http::{
    Cause, Fault, FileRange, LimitRate, OnEnd, Piece, Rate, Source, Stream as BodyStream, multipart,
};

/// A session whose every answer has a body made anew, and what becomes of them.
fn limited(
    rate: u64,
    after: u64,
    body: impl Fn() -> Body + Clone + 'static,
) -> (Session, mpsc::UnboundedReceiver<Option<Fault>>) {
    let (sender, ended) = mpsc::unbounded_channel();
    let session = session(move |_| {
        let sender = sender.clone();
        let mut response = Response::default().with_body(body());
        let limit = LimitRate { rate: NonZeroU64::new(rate).unwrap(), after };
        response.limit_rate = Some(Rate::Limited(limit));
        response.on_end = OnEnd::new(move |sent| drop(sender.send(sent.fault)));
        std::future::ready(response)
    });
    (session, ended)
}

/// Sends a request and reads the head of its answer, which tells the length.
async fn begin(session: &mut Session) -> usize {
    session.send(GET).await;
    let head = session.until("\r\n\r\n").await;
    let (_, length) = head.split_once("Content-Length: ").unwrap();
    length.split_once('\r').unwrap().0.parse().unwrap()
}

async fn take(session: &mut Session, length: usize) -> Vec<u8> {
    let mut taken = vec![0; length];
    session.client.read_exact(&mut taken).await.unwrap();
    taken
}

/// Reads a whole answer as fast as it comes.
async fn download(session: &mut Session) -> Vec<u8> {
    let length = begin(session).await;
    take(session, length).await
}

fn content(length: usize) -> Bytes {
    (0..length).map(|at| u8::try_from(at * 31 % 251).unwrap()).collect::<Vec<_>>().into()
}

fn on_disk(content: &Bytes) -> Arc<std::fs::File> {
    let mut file = tempfile::tempfile().unwrap();
    std::io::Write::write_all(&mut file, content).unwrap();
    Arc::new(file)
}

/// All bytes, in pieces of 10 000.
struct Pieces(Bytes);

impl Source for Pieces {
    fn poll_frame(&mut self, _cx: &mut Context<'_>) -> Poll<Option<Result<Frame, Fault>>> {
        let piece = self.0.split_to(self.0.len().min(10_000));
        Poll::Ready((!piece.is_empty()).then_some(Ok(Frame::Data(piece))))
    }
}

/// At 100 000 bytes a second a megabyte takes ten, less the burst that it begins with.
async fn takes_ten_seconds(what: &str, body: impl Fn() -> Body + Clone + 'static) {
    let all = content(1_000_000);
    let (mut session, mut ended) = limited(100_000, 0, body);
    for _ in 0..2 {
        let begun = Instant::now();
        assert!(download(&mut session).await == all, "{what}");
        let taken = begun.elapsed().as_secs_f64();
        assert!((9.85..10.0).contains(&taken), "{what}: {taken} s");
        assert!(ended.recv().await.unwrap().is_none());
    }
}

#[test]
fn memory_files_and_streams_keep_to_their_rate() {
    in_loop(async {
        let all = content(1_000_000);
        let memory = all.clone();
        takes_ten_seconds("memory", move || memory.clone().into()).await;
        let file = on_disk(&all);
        let body = move || Body::File(FileRange { file: file.clone(), offset: 0, length: 1_000_000 });
        takes_ten_seconds("file", body).await;
        let body = move || Body::Stream(BodyStream::new(Some(1_000_000), Pieces(all.clone())));
        takes_ten_seconds("stream", body).await;
    });
}

#[test]
fn parts_keep_to_their_rate() {
    in_loop(async {
        let file = on_disk(&content(2_000_000));
        let ranges = [0, 1_500_000].map(|start| ByteRange { start, length: 250_000 });
        let (mut session, mut ended) = limited(100_000, 0, move || {
            let piece = |range: ByteRange| {
                Piece::File(FileRange { file: file.clone(), offset: range.start, length: range.length })
            };
            multipart::byteranges(None, 2_000_000, &ranges, piece).unwrap().1
        });
        let begun = Instant::now();
        assert!(download(&mut session).await.ends_with(b"--\r\n"));
        assert!((4.85..5.1).contains(&begun.elapsed().as_secs_f64()), "{:?}", begun.elapsed());
        assert!(ended.recv().await.unwrap().is_none());
    });
}

#[test]
fn at_no_time_is_more_out_than_rate_and_burst_allow() {
    in_loop(async {
        let all = content(200_000);
        let (mut session, _ended) = limited(50_000, 60_000, move || all.clone().into());
        let begun = Instant::now();
        begin(&mut session).await;
        let (mut seen, mut piece) = (0, [0; 1000]);
        while seen < 200_000 {
            seen += session.client.read(&mut piece).await.unwrap();
            // A tenth of a second's worth is the burst. The timer may be a millisecond late, never early.
            let allowed = 60_000 + 5_000 + 50 * usize::try_from(begun.elapsed().as_millis()).unwrap();
            assert!(seen <= allowed, "{seen} after {:?}", begun.elapsed());
        }
        assert!((2.6..2.9).contains(&begun.elapsed().as_secs_f64()), "{:?}", begun.elapsed());
    });
}

#[test]
fn what_comes_before_the_limit_comes_at_once() {
    in_loop(async {
        let all = content(300_000);
        let (mut session, _ended) = limited(1000, 200_000, move || all.clone().into());
        let begun = Instant::now();
        begin(&mut session).await;
        take(&mut session, 200_000).await;
        assert_eq!(begun.elapsed(), Duration::ZERO);
        take(&mut session, 5000).await;
        assert!(begun.elapsed() >= Duration::from_millis(500), "{:?}", begun.elapsed());
    });
}

/// 1024 bytes a second are asked of clients, but not of those that are not given as much.
#[test]
fn a_rate_below_what_clients_have_to_take_is_no_fault_of_theirs() {
    in_loop(async {
        for rate in [1, 7, 100] {
            let length = 5000 + usize::try_from(rate).unwrap() * 200;
            let all = content(length);
            let (mut session, mut ended) = limited(rate, 0, move || all.clone().into());
            let begun = Instant::now();
            assert!(download(&mut session).await == content(length));
            assert!(begun.elapsed() > Duration::from_secs(200), "{:?}", begun.elapsed());
            assert!(ended.recv().await.unwrap().is_none());
        }
    });
}

#[test]
fn a_client_that_leaves_meanwhile_is_noticed() {
    in_loop(async {
        let all = content(1_000_000);
        let (mut session, mut ended) = limited(100, 0, move || all.clone().into());
        begin(&mut session).await;
        take(&mut session, 2000).await;
        drop(session.client);
        let left = Instant::now();
        assert_eq!(ended.recv().await.unwrap().unwrap().cause, Cause::ClientLeft);
        assert!(left.elapsed() <= Duration::from_millis(1100), "{:?}", left.elapsed());
    });
}

/// As `nc -N` and old clients do it.
#[test]
fn a_client_that_ended_its_direction_is_sent_the_rest() {
    in_loop(async {
        let all = content(50_000);
        let (mut session, _ended) = limited(10_000, 0, move || all.clone().into());
        session.send(GET).await;
        session.client.shutdown().await.unwrap();
        assert!(session.rest().await.ends_with(&content(50_000)));
    });
}

#[test]
fn a_slow_client_is_waited_for_as_without_a_limit() {
    in_loop(async {
        let all = content(1 << 20);
        let (mut session, mut ended) = limited(1 << 20, 0, move || all.clone().into());
        session.send(GET).await;
        let begun = Instant::now();
        assert_eq!(ended.recv().await.unwrap().unwrap().cause, Cause::ClientStalled);
        assert!((60..63).contains(&begun.elapsed().as_secs()), "{:?}", begun.elapsed());
    });
}
