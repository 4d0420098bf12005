//! Answers from files.

use std::fs::File;
use std::path::Path;
use std::sync::Arc;

use tempfile::NamedTempFile;

use super::*;
use crate::http::range::ByteRange;
use crate::http::{FileRange, Piece, multipart};

fn file(length: usize) -> (NamedTempFile, Vec<u8>) {
    let content: Vec<u8> = (0..length).map(|index| u8::try_from(index * 31 % 251).unwrap()).collect();
    let file = NamedTempFile::new().unwrap();
    std::fs::write(file.path(), &content).unwrap();
    (file, content)
}

fn send_file(path: &Path, offset: u64, length: u64) -> Response {
    let file = File::open(path).unwrap();
    Response::default().with_body(Body::File(FileRange { file: Arc::new(file), offset, length }))
}

#[test]
fn a_slow_reader_gets_every_byte_of_a_file_right() {
    in_loop(async {
        let (file, content) = file(5_000_000);
        let path = file.path().to_owned();
        let mut session = session(move |_| std::future::ready(send_file(&path, 1000, 4_000_000)));
        session.send(b"GET /a HTTP/1.1\r\nHost: a\r\n\r\nGET /b HTTP/1.1\r\nHost: a\r\n\r\n").await;
        for _ in 0..2 {
            assert!(session.until("\r\n\r\n").await.contains("Content-Length: 4000000\r\n"));
            let mut body = vec![0; 4_000_000];
            for piece in body.chunks_mut(77_777) {
                session.client.read_exact(piece).await.unwrap();
                tokio::task::yield_now().await;
            }
            assert!(body == content[1000..4_001_000]);
        }
    });
}

#[test]
fn a_file_cut_off_while_it_is_sent_ends_the_connection() {
    in_loop(async {
        let (file, content) = file(3_000_000);
        let path = file.path().to_owned();
        let mut session = session(move |_| std::future::ready(send_file(&path, 0, 3_000_000)));
        session.send(GET).await;
        session.until("\r\n\r\n").await;
        file.as_file().set_len(2_000_000).unwrap();
        let body = session.rest().await;
        assert!(body.len() < 3_000_000 && body[..] == content[..body.len()], "{}", body.len());
    });
}

#[test]
fn an_empty_file_is_not_held_back() {
    in_loop(async {
        let (file, _) = file(0);
        let path = file.path().to_owned();
        let mut session = session(move |_| std::future::ready(send_file(&path, 0, 0)));
        session.send(GET).await;
        assert!(session.until("\r\n\r\n").await.contains("Content-Length: 0\r\n"));
    });
}

/// A session whose answers are these ranges of a file.
fn parts_of(path: &Path, ranges: &'static [(u64, u64)]) -> Session {
    let path = path.to_owned();
    session(move |_| {
        let file: Arc<File> = Arc::new(File::open(&path).unwrap());
        let ranges: Vec<ByteRange> =
            ranges.iter().map(|&(start, length)| ByteRange { start, length }).collect();
        let (_, body) = multipart::byteranges(None, 3_000_000, &ranges, |range| {
            Piece::File(FileRange { file: file.clone(), offset: range.start, length: range.length })
        })
        .unwrap();
        std::future::ready(Response::default().with_body(body))
    })
}

#[test]
fn parts_of_a_file_come_one_behind_the_other_and_the_connection_goes_on() {
    in_loop(async {
        let (file, content) = file(3_000_000);
        let mut session = parts_of(file.path(), &[(2_000_000, 900_000), (7, 3), (100_000, 1_000_000)]);
        session.send(&GET.repeat(2)).await;
        for _ in 0..2 {
            let head = session.until("\r\n\r\n").await;
            let (_, length) = head.split_once("Content-Length: ").unwrap();
            let length: usize = length.split_once('\r').unwrap().0.parse().unwrap();
            let mut body = vec![0; length];
            session.client.read_exact(&mut body).await.unwrap();
            for (start, length) in [(2_000_000, 900_000), (7, 3), (100_000, 1_000_000)] {
                let last = start + length - 1;
                let head = format!("Content-Range: bytes {start}-{last}/3000000\r\n\r\n");
                let at = memchr::memmem::find(&body, head.as_bytes()).unwrap() + head.len();
                assert!(body[at..at + length] == content[start..=last]);
            }
            assert!(body.ends_with(b"--\r\n"));
        }
    });
}

#[test]
fn a_file_cut_off_before_its_second_part_ends_the_connection() {
    in_loop(async {
        let (file, _) = file(3_000_000);
        let mut session = parts_of(file.path(), &[(0, 1_000_000), (2_000_000, 1_000_000)]);
        session.send(GET).await;
        session.until("\r\n\r\n").await;
        file.as_file().set_len(1_500_000).unwrap();
        let body = session.rest().await;
        let second = b"Content-Range: bytes 2000000-2999999/3000000\r\n\r\n";
        assert!(body.ends_with(second), "{}", body[body.len() - 100..].escape_ascii());
    });
}
