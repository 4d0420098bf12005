//! A body on disk, read into memory piece by piece: where the kernel cannot send it by itself.

use std::future::Future;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::Bytes;

use crate::http::{self, Cause, Fault, FileRange, Frame, Source};
use crate::net::disk;

/// What one read brings.
const PIECE: u64 = 64 * 1024;

type Reading = Pin<Box<dyn Future<Output = io::Result<Bytes>>>>;

struct Pieces {
    /// What is left.
    range: FileRange,
    reading: Option<Reading>,
}

/// The bytes of `range` as a stream of that length.
pub(super) fn stream(range: FileRange) -> http::Stream {
    http::Stream::new(Some(range.length), Pieces { range, reading: None })
}

impl Source for Pieces {
    fn poll_frame(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Frame, Fault>>> {
        let Self { range, reading } = self;
        if range.length == 0 {
            return Poll::Ready(None);
        }
        let read = || -> Reading {
            let length = usize::try_from(range.length.min(PIECE)).unwrap_or_default();
            Box::pin(disk::read(range.file.clone(), range.offset, length))
        };
        let piece = ready!(reading.get_or_insert_with(read).as_mut().poll(cx));
        *reading = None;
        Poll::Ready(Some(match piece {
            Ok(piece) if piece.is_empty() => Err(Fault::new(
                Cause::FileTruncated,
                format!("{} bytes of the request's body are gone", range.length),
            )),
            Ok(piece) => {
                range.offset += piece.len() as u64;
                range.length = range.length.saturating_sub(piece.len() as u64);
                Ok(Frame::Data(piece))
            }
            Err(error) => Err(Fault::new(Cause::FileRead, format!("the request's buffered body: {error}"))),
        }))
    }
}
