//! What lies between h2 and the socket: reads that are counted, and writes that are gathered.

use std::cell::{Cell, RefCell};
use std::io::{self, IoSlice};
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, ready};

use bytes::{Buf, BytesMut};
use h2::Reason;
use smallvec::SmallVec;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::floods::Floods;
use super::gate::Gate;
use crate::http::Cause;
use crate::server::io::Io;
use crate::server::scratch;

/// What is read at once, and in one turn: what h2 makes of it has to be in memory all at the same time.
const READ: usize = 16 * 1024;

/// What is gathered before it is written; beyond that it goes through.
const GATHERED: usize = 64 * 1024;

/// One connection, as its streams, its task and h2 see it.
pub(super) struct Link {
    pub io: Rc<Io>,
    pub gate: Gate,
    pub floods: RefCell<Floods>,
    /// How many requests are being answered.
    pub streams: Cell<usize>,
    /// Why the connection ends, where that is no doing of the stream that asks.
    pub cause: Cell<Option<Cause>>,
    out: RefCell<BytesMut>,
    written: Cell<u64>,
    /// The socket takes nothing at the moment.
    blocked: Cell<bool>,
    /// Read in this turn.
    read: Cell<usize>,
    /// There was nothing more in this turn.
    dry: Cell<bool>,
    /// There may be more than may be read in this turn.
    hungry: Cell<bool>,
    refused: Cell<Option<Reason>>,
}

impl Link {
    /// What was read ahead already counts like what comes.
    pub fn new(io: Rc<Io>) -> Rc<Self> {
        let mut floods = Floods::new();
        let looked = floods.look(&io.input.borrow());
        let refused = looked.err().map(|(good, reason)| {
            io.input.borrow_mut().truncate(good);
            reason
        });
        Rc::new(Self {
            io,
            gate: Gate::default(),
            floods: RefCell::new(floods),
            streams: Cell::new(0),
            cause: Cell::new(None),
            out: RefCell::new(BytesMut::new()),
            written: Cell::new(0),
            blocked: Cell::new(false),
            read: Cell::new(0),
            dry: Cell::new(false),
            hungry: Cell::new(false),
            refused: Cell::new(refused),
        })
    }

    /// A turn begins.
    pub fn begin(&self, cx: &mut Context<'_>) {
        self.read.set(0);
        self.hungry.set(false);
        self.dry.set(false);
        // An error shows again with the next write.
        let blocked = self.blocked.get() && self.poll_send(cx).is_pending();
        self.gate.open(blocked);
    }

    /// Has the socket asked once more, by who will be woken.
    pub fn look_again(&self) {
        self.dry.set(false);
    }

    /// Whether the next turn has something to do for which nobody will be woken.
    pub fn goes_on(&self) -> bool {
        !self.blocked.get() && (self.hungry.get() || self.gate.is_awaited())
    }

    pub fn is_blocked(&self) -> bool {
        self.blocked.get()
    }

    /// Why nothing more is read.
    pub fn refused(&self) -> Option<Reason> {
        self.refused.get()
    }

    pub fn written(&self) -> u64 {
        self.written.get()
    }

    /// Writes what was gathered. Ready when that is out.
    pub fn poll_send(&self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let mut out = self.out.borrow_mut();
        while !out.is_empty() {
            let Poll::Ready(written) = self.io.stream.poll_write_vectored(cx, &[IoSlice::new(&out)]) else {
                self.blocked.set(true);
                return Poll::Pending;
            };
            out.advance(self.count(written)?);
        }
        // Records may be on their way to the socket still.
        if self.io.stream.poll_flushed(cx)?.is_pending() {
            self.blocked.set(true);
            return Poll::Pending;
        }
        self.blocked.set(false);
        scratch::give_back(std::mem::take(&mut *out));
        Poll::Ready(Ok(()))
    }

    fn count(&self, written: io::Result<usize>) -> io::Result<usize> {
        let written = written?;
        if written == 0 {
            return Err(io::ErrorKind::WriteZero.into());
        }
        self.written.set(self.written.get() + written as u64);
        Ok(written)
    }

    fn poll_take(&self, cx: &mut Context<'_>, room: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let mut input = self.io.input.borrow_mut();
        if input.is_empty() {
            if self.refused.get().is_some() {
                return Poll::Pending;
            }
            ready!(self.poll_fill(cx, &mut input))?;
        }
        let taken = room.remaining().min(input.len());
        room.put_slice(&input[..taken]);
        input.advance(taken);
        if input.is_empty() {
            scratch::give_back(std::mem::take(&mut *input));
        }
        Poll::Ready(Ok(()))
    }

    fn poll_fill(&self, cx: &mut Context<'_>, input: &mut BytesMut) -> Poll<io::Result<()>> {
        if self.dry.get() {
            return Poll::Pending;
        }
        if self.read.get() >= READ {
            self.hungry.set(true);
            return Poll::Pending;
        }
        *input = scratch::take();
        let Poll::Ready(read) = self.io.stream.poll_read(cx, input, READ) else {
            self.dry.set(true);
            scratch::give_back(std::mem::take(input));
            return Poll::Pending;
        };
        let read = read?;
        self.read.set(self.read.get() + read);
        if let Err((good, reason)) = self.floods.borrow_mut().look(input) {
            // What came before it, as the preface, still counts: else nobody could be told of the error.
            self.refused.set(Some(reason));
            input.truncate(good);
            if good == 0 {
                return Poll::Pending;
            }
        }
        Poll::Ready(Ok(()))
    }

    fn poll_gather(&self, cx: &mut Context<'_>, slices: &[IoSlice<'_>]) -> Poll<io::Result<usize>> {
        let wanted: usize = slices.iter().map(|slice| slice.len()).sum();
        let mut out = self.out.borrow_mut();
        loop {
            if out.len() + wanted <= GATHERED {
                if out.is_empty() {
                    set_apart(&mut out);
                }
                for slice in slices {
                    out.extend_from_slice(slice);
                }
                return Poll::Ready(Ok(wanted));
            }
            let mut all: SmallVec<[IoSlice<'_>; 8]> = SmallVec::new();
            all.push(IoSlice::new(&out));
            all.extend(slices.iter().map(|slice| IoSlice::new(slice)));
            let Poll::Ready(written) = self.io.stream.poll_write_vectored(cx, &all) else {
                self.blocked.set(true);
                return Poll::Pending;
            };
            drop(all);
            let written = self.count(written)?;
            let before = out.len();
            out.advance(written.min(before));
            if written > before {
                return Poll::Ready(Ok(written - before));
            }
        }
    }
}

/// Where what is gathered begins in its page: content mostly begins where a page does, and its frame's header of 9
/// bytes would move it that little which some processors copy slowly (see `net::tls`).
const GATHERED_AT: usize = 512;

fn set_apart(out: &mut BytesMut) {
    if out.capacity() == 0 {
        *out = scratch::take();
    }
    out.reserve(GATHERED_AT + GATHERED);
    out.resize(GATHERED_AT, 0);
    out.advance(GATHERED_AT);
}

/// What h2 takes for the socket.
pub(super) struct Wire(pub Rc<Link>);

impl AsyncRead for Wire {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, room: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        self.0.poll_take(cx, room)
    }
}

impl AsyncWrite for Wire {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        self.0.poll_gather(cx, &[IoSlice::new(bytes)])
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        self.0.poll_gather(cx, slices)
    }

    fn is_write_vectored(&self) -> bool {
        true
    }

    /// Nothing yet: the turn ends with it.
    fn poll_flush(self: Pin<&mut Self>, _cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    /// Only after this h2 says that the connection is over.
    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.0.poll_send(cx)
    }
}
