//! A body on its way back from disk.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use bytes::{Bytes, BytesMut};

use super::{SpoolError, SpoolFile};

/// What one call reads.
const PIECE: u64 = 64 * 1024;

type Reading = Pin<Box<dyn Future<Output = Result<Bytes, SpoolError>>>>;

/// Reads the first bytes of a file, piece by piece.
pub struct Reader {
    file: Arc<SpoolFile>,
    at: u64,
    end: u64,
    reading: Option<Reading>,
}

impl Reader {
    pub fn new(file: Arc<SpoolFile>, length: u64) -> Self {
        Self { file, at: 0, end: length, reading: None }
    }

    /// So many bytes are in the file by now.
    pub fn extend(&mut self, length: u64) {
        self.end = length;
    }

    /// The next piece, or `None` behind the last. After an error it is not polled again.
    pub fn poll_piece(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Bytes, SpoolError>>> {
        if self.at >= self.end {
            return Poll::Ready(None);
        }
        let reading = self.reading.get_or_insert_with(|| read(Arc::clone(&self.file), self.at, self.end));
        let piece = ready!(reading.as_mut().poll(cx));
        self.reading = None;
        if let Ok(piece) = &piece {
            self.at += piece.len() as u64;
        }
        Poll::Ready(Some(piece))
    }
}

impl std::fmt::Debug for Reader {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Reader").field("at", &self.at).field("end", &self.end).finish_non_exhaustive()
    }
}

fn read(file: Arc<SpoolFile>, at: u64, end: u64) -> Reading {
    Box::pin(async move {
        let length = usize::try_from(end.saturating_sub(at).min(PIECE)).unwrap_or_default();
        let spool = Arc::clone(file.spool());
        // Made and given back by the same thread: allocators like that better.
        let mut bytes = BytesMut::zeroed(length);
        let call = move || {
            file.read_at(&mut bytes, at)?;
            Ok(bytes.freeze())
        };
        spool.wait_for_disk(call).await
    })
}
