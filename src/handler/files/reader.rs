//! A file read piece by piece, for what its bytes have to go through on their way.

use std::future::Future;
use std::os::fd::OwnedFd;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use bytes::{Bytes, BytesMut};
use rustix::io::{Errno, ReadWriteFlags};

use super::representation::Content;
use crate::http::{Cause, Fault, Frame, Source};
use crate::net::Waiting;

/// What one call reads.
const PIECE: u64 = 64 * 1024;

type Reading = Pin<Box<dyn Future<Output = Result<Bytes, Errno>>>>;

/// The content of a file as a body. A file that has become shorter ends it by a fault.
pub enum Reader {
    Memory(Option<Bytes>),
    Disk(Disk),
}

/// What is still to be read of an open file.
pub struct Disk {
    file: Arc<OwnedFd>,
    at: u64,
    end: u64,
    reading: Option<Reading>,
    waiting: Waiting,
}

impl Reader {
    pub fn new(content: &Content, length: u64, waiting: &Waiting) -> Self {
        match content {
            Content::Memory(bytes) => Self::Memory(Some(bytes.clone())),
            Content::Disk(file) => Self::Disk(Disk {
                file: Arc::<OwnedFd>::clone(file),
                at: 0,
                end: length,
                reading: None,
                waiting: waiting.clone(),
            }),
        }
    }
}

impl Source for Reader {
    fn poll_frame(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Frame, Fault>>> {
        match self {
            Self::Memory(bytes) => Poll::Ready(bytes.take().map(|bytes| Ok(Frame::Data(bytes)))),
            Self::Disk(disk) if disk.at >= disk.end => Poll::Ready(None),
            Self::Disk(disk) => disk.poll_piece(cx).map(|piece| Some(piece.map(Frame::Data))),
        }
    }
}

impl Disk {
    fn poll_piece(&mut self, cx: &mut Context<'_>) -> Poll<Result<Bytes, Fault>> {
        let reading = self.reading.get_or_insert_with(|| {
            read(Arc::<OwnedFd>::clone(&self.file), self.at, self.end, self.waiting.clone())
        });
        let piece = ready!(reading.as_mut().poll(cx));
        self.reading = None;
        let bytes =
            piece.map_err(|errno| Fault::new(Cause::FileRead, std::io::Error::from(errno).to_string()))?;
        if bytes.is_empty() {
            let missing = self.end - self.at;
            return Poll::Ready(Err(Fault::new(
                Cause::FileTruncated,
                format!("{missing} bytes were still to be read"),
            )));
        }
        self.at += bytes.len() as u64;
        Poll::Ready(Ok(bytes))
    }
}

/// At once if the kernel has it in memory, else on a thread that may wait for the disk.
fn read(file: Arc<OwnedFd>, at: u64, end: u64, waiting: Waiting) -> Reading {
    let length = usize::try_from(end.saturating_sub(at).min(PIECE)).unwrap_or_default();
    Box::pin(async move {
        match read_at(&file, length, at, ReadWriteFlags::NOWAIT) {
            Err(Errno::AGAIN | Errno::INTR | Errno::OPNOTSUPP) => {}
            read => return read,
        }
        let work = move || read_at(&file, length, at, ReadWriteFlags::empty());
        waiting.run(work).await.unwrap_or(Err(Errno::CANCELED))
    })
}

fn read_at(file: &OwnedFd, length: usize, at: u64, flags: ReadWriteFlags) -> Result<Bytes, Errno> {
    let mut bytes = BytesMut::zeroed(length);
    let count = rustix::io::preadv2(file, &mut [std::io::IoSliceMut::new(&mut bytes)], at, flags)?;
    bytes.truncate(count);
    Ok(bytes.freeze())
}

impl std::fmt::Debug for Reader {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Reader")
    }
}
