//! Bodies, in either direction, kept abstract until the last writer decides how their bytes travel.

use std::fmt;
use std::future::poll_fn;
use std::os::fd::AsFd;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::Bytes;
use tokio::io::{AsyncRead, AsyncWrite};

use super::multipart::Parts;
use super::tried::Watch;
use super::{Fault, Fields};

/// The body of a request or of a response.
#[derive(Debug, Default)]
pub enum Body {
    #[default]
    Empty,
    /// Bytes already in memory.
    Bytes(Bytes),
    /// A part of a file; plain HTTP/1.1 sends it by `sendfile(2)`.
    File(FileRange),
    /// Several parts of one file or of memory, with what tells them apart.
    Parts(Parts),
    /// Bytes still arriving, from a client or an upstream.
    Stream(Stream),
    /// Of a 101: both directions become a byte tunnel once the head is out.
    Tunnel(Tunnel),
}

impl Body {
    /// The length in bytes, where it is known beforehand.
    pub fn length(&self) -> Option<u64> {
        match self {
            Self::Empty | Self::Tunnel(_) => Some(0),
            Self::Bytes(bytes) => Some(bytes.len() as u64),
            Self::File(range) => Some(range.length),
            Self::Parts(parts) => Some(parts.length()),
            Self::Stream(stream) => stream.length,
        }
    }

    pub fn is_empty(&self) -> bool {
        self.length() == Some(0)
    }
}

impl From<&'static str> for Body {
    fn from(text: &'static str) -> Self {
        Self::Bytes(Bytes::from_static(text.as_bytes()))
    }
}

impl From<Bytes> for Body {
    fn from(bytes: Bytes) -> Self {
        Self::Bytes(bytes)
    }
}

/// A part of an open file. The descriptor is shared, and read at explicit offsets only.
#[derive(Clone, Debug)]
pub struct FileRange {
    pub file: Arc<dyn Descriptor>,
    pub offset: u64,
    pub length: u64,
}

/// An open file, whatever keeps it open: what goes with it, like space set aside for it, ends with it.
pub trait Descriptor: AsFd + fmt::Debug + Send + Sync {}

impl<T: AsFd + fmt::Debug + Send + Sync> Descriptor for T {}

/// One step of a streamed body.
#[derive(Debug)]
pub enum Frame {
    Data(Bytes),
    /// The fields behind the last chunk (RFC 9112 7.1.2); nothing follows them.
    Trailers(Fields),
}

/// A source of frames. After `None` or an error it is not polled again.
///
/// Dropping one before its end tells the source that nobody wants the rest.
pub trait Source {
    /// The next frame, `None` at a proven end, or why the body is cut short.
    fn poll_frame(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Frame, Fault>>>;

    /// Called while the receiver can take no more: a source that buffers reads on, and wakes the task for
    /// that. Unlike [`Self::poll_frame`] it may be called after the end.
    fn poll_ahead(&mut self, _cx: &mut Context<'_>) {}
}

/// A streamed body and, where the sender announced it, its length.
pub struct Stream {
    pub length: Option<u64>,
    source: Box<dyn Source>,
    /// Of an answer whose end somebody wants to know.
    pub(super) watch: Option<Watch>,
}

impl Stream {
    pub fn new(length: Option<u64>, source: impl Source + 'static) -> Self {
        Self { length, source: Box::new(source), watch: None }
    }

    pub fn poll_frame(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Frame, Fault>>> {
        let polled = self.source.poll_frame(cx);
        if let Poll::Ready(None | Some(Err(_))) = polled {
            self.watch = None;
        }
        polled
    }

    pub fn poll_ahead(&mut self, cx: &mut Context<'_>) {
        self.source.poll_ahead(cx);
    }

    /// Nobody wants to know any more when it ends.
    pub fn unwatch(&mut self) {
        self.watch = None;
    }

    pub async fn frame(&mut self) -> Option<Result<Frame, Fault>> {
        poll_fn(|cx| self.poll_frame(cx)).await
    }
}

impl fmt::Debug for Stream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Stream").field("length", &self.length).finish_non_exhaustive()
    }
}

/// Anything bytes go into and come out of.
pub trait Duplex: AsyncRead + AsyncWrite + Unpin {}

impl<T: AsyncRead + AsyncWrite + Unpin> Duplex for T {}

/// The upstream's half of an upgraded connection.
pub struct Tunnel {
    pub io: Pin<Box<dyn Duplex>>,
    /// What the upstream sent right behind its 101.
    pub early: Bytes,
    pub(super) watch: Option<Watch>,
}

impl Tunnel {
    pub fn new(io: impl Duplex + 'static, early: Bytes) -> Self {
        Self { io: Box::pin(io), early, watch: None }
    }
}

impl fmt::Debug for Tunnel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tunnel").field("early", &self.early.len()).finish_non_exhaustive()
    }
}
