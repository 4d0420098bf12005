//! The socket beneath a connection's frames, and what it tells that they do not.

use std::cell::{Cell, RefCell};
use std::io::{self, IoSlice};
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::Instant;

use crate::net::Stream;
use crate::tls::{Distrust, explain};

/// So much of what is no HTTP/2 is shown.
const SHOWN: usize = 40;
/// Of a frame (RFC 9113 4.1).
const FRAME_HEADER: usize = 9;
const TYPE: usize = 3;
const SETTINGS: u8 = 4;

/// A socket that the connection's task reads and writes, and others ask about.
#[derive(Debug)]
pub(super) struct Wire {
    stream: RefCell<Stream>,
    /// The first bytes that came.
    start: RefCell<Vec<u8>>,
    /// How many bytes the kernel took.
    written: Cell<u64>,
    /// When the last bytes came.
    heard: Cell<Instant>,
    /// What TLS has to do with the connection's end.
    distrust: RefCell<Option<Distrust>>,
}

impl Wire {
    pub(super) fn new(stream: Stream) -> Rc<Self> {
        Rc::new(Self {
            stream: RefCell::new(stream),
            start: RefCell::default(),
            written: Cell::new(0),
            heard: Cell::new(Instant::now()),
            distrust: RefCell::default(),
        })
    }

    pub(super) fn written(&self) -> u64 {
        self.written.get()
    }

    pub(super) fn heard(&self) -> Instant {
        self.heard.get()
    }

    pub(super) fn is_quiet(&self) -> bool {
        self.stream.borrow().is_quiet()
    }

    /// Whether the server has begun as it has to: with its settings (RFC 9113 3.4).
    pub(super) fn is_greeted(&self) -> bool {
        self.start.borrow().len() >= FRAME_HEADER && self.foreign().is_none()
    }

    /// How the server begins, where that is no HTTP/2.
    pub(super) fn foreign(&self) -> Option<Bytes> {
        let start = self.start.borrow();
        let is_foreign = start.get(TYPE).is_some_and(|kind| *kind != SETTINGS);
        is_foreign.then(|| Bytes::copy_from_slice(&start))
    }

    pub(super) fn distrust(&self) -> Option<Distrust> {
        self.distrust.borrow().clone()
    }

    fn note(&self, read: &[u8]) {
        self.heard.set(Instant::now());
        let mut start = self.start.borrow_mut();
        let room = SHOWN.saturating_sub(start.len());
        start.extend_from_slice(read.get(..room).unwrap_or(read));
    }
}

/// What frames are read from and written to.
#[derive(Debug)]
pub(super) struct Io(pub(super) Rc<Wire>);

impl AsyncRead for Io {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let Self(wire) = self.get_mut();
        let before = buf.filled().len();
        let read = ready!(Pin::new(&mut *wire.stream.borrow_mut()).poll_read(cx, buf));
        if let Err(error) = &read {
            // Of it only the text would get through.
            *wire.distrust.borrow_mut() = explain(error);
            return Poll::Ready(read);
        }
        if let Some(read) = buf.filled().get(before..).filter(|read| !read.is_empty()) {
            wire.note(read);
        }
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Io {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        self.poll_write_vectored(cx, &[IoSlice::new(buf)])
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let Self(wire) = self.get_mut();
        let written = ready!(wire.stream.borrow().poll_write_vectored(cx, slices))?;
        wire.written.set(wire.written.get() + written as u64);
        Poll::Ready(Ok(written))
    }

    fn is_write_vectored(&self) -> bool {
        true
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut *self.get_mut().0.stream.borrow_mut()).poll_flush(cx)
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut *self.get_mut().0.stream.borrow_mut()).poll_shutdown(cx)
    }
}
