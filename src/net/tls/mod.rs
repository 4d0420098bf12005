//! An encrypted stream over a socket (RFC 8446, RFC 5246), in the shape of a plain one.
//!
//! rustls is asked for records only, and keeps no buffers of its own: what waits for the rest of a record, or
//! for room in the socket, is here, and a connection that is silent holds neither.

mod handshake;
mod memory;
mod session;
mod state;
#[cfg(test)]
mod tests;

use std::cell::{Cell, RefCell};
use std::io::{self, IoSlice};
use std::os::fd::{AsFd, BorrowedFd};
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use bytes::{Buf, BytesMut};
use rustls::client::UnbufferedClientConnection;
use rustls::pki_types::ServerName;
use rustls::server::UnbufferedServerConnection;
use rustls::{ClientConfig, ServerConfig};
use tokio::io::ReadBuf;

use self::session::Session;
use self::state::{End, State};
use super::Stream;

pub(super) use self::memory::with_content as with_memory;

/// Content that is encrypted at once: the more, the fewer system calls.
const PIECE: usize = 64 * 1024;
/// For a peer that has been waited for: one record. What is encrypted counts as sent, and what a slow peer takes
/// is to be seen in small steps.
const SMALL_PIECE: usize = 16 * 1024;
/// Of less than this it does not matter where it lies.
const SHORT: usize = 2 * 1024;
/// Records that wait for room in the socket. Beyond this nothing is added to them.
const BACKLOG: usize = 16 * 1024;

/// A stream whose bytes are encrypted. Both directions can be polled from one task by a shared reference.
pub struct TlsStream {
    socket: Stream,
    state: RefCell<State>,
    /// How much is encrypted at once.
    piece: Cell<usize>,
    /// The peer has proven fast.
    is_fast: Cell<bool>,
}

impl std::fmt::Debug for TlsStream {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("TlsStream").field("socket", &self.socket).finish_non_exhaustive()
    }
}

impl TlsStream {
    /// The server's side of a connection from which some bytes have been read already.
    ///
    /// # Errors
    /// When the configuration is of no use.
    pub fn server(socket: Stream, config: Arc<ServerConfig>, read: BytesMut) -> io::Result<Self> {
        let session = UnbufferedServerConnection::new(config).map_err(io::Error::other)?;
        Ok(Self::new(socket, Session::Server(session), read))
    }

    /// The client's side.
    ///
    /// # Errors
    /// When the configuration is of no use.
    pub fn client(socket: Stream, config: Arc<ClientConfig>, name: ServerName<'static>) -> io::Result<Self> {
        let session = UnbufferedClientConnection::new(config, name).map_err(io::Error::other)?;
        Ok(Self::new(socket, Session::Client(session), BytesMut::new()))
    }

    fn new(socket: Stream, session: Session, incoming: BytesMut) -> Self {
        let state = State {
            session,
            incoming,
            plain: BytesMut::new(),
            outgoing: BytesMut::new(),
            is_established: false,
            end: None,
            is_aborted: false,
        };
        Self { socket, state: RefCell::new(state), piece: Cell::new(PIECE), is_fast: Cell::new(false) }
    }

    /// Nothing more is said to the peer when the stream is dropped: what it got is not all there was.
    pub fn abort(&self) {
        self.state.borrow_mut().is_aborted = true;
    }

    pub(super) fn take_any_amount(&self) {
        self.is_fast.set(true);
        self.piece.set(PIECE);
        self.socket.take_any_amount();
    }

    /// As [`Stream::try_read`].
    pub(super) fn try_read(&self, buffer: &mut BytesMut) -> io::Result<usize> {
        let mut state = self.state.borrow_mut();
        self.try_read_by(&mut state, buffer, Socket::Remembered)
    }

    fn try_read_by(&self, state: &mut State, buffer: &mut BytesMut, socket: Socket) -> io::Result<usize> {
        loop {
            if !state.plain.is_empty() {
                return Ok(state.take_plain(buffer));
            }
            match state.end {
                Some(End::Said) => return Ok(0),
                Some(End::CutOff) => return state.cut_off(),
                None => {}
            }
            self.fill(state, socket)?;
            let before = buffer.len();
            let advanced = state.advance_into(buffer);
            // Answers of the protocol itself, or why it ends. They are sent with what follows, if not now.
            match self.flush(state) {
                Err(error) if !is_blocked(&error) => return Err(error),
                _ => advanced?,
            }
            if buffer.len() > before {
                return Ok(buffer.len() - before);
            }
        }
    }

    /// Reads records, or parts of them.
    fn fill(&self, state: &mut State, socket: Socket) -> io::Result<()> {
        if state.incoming.is_empty() {
            state.incoming = memory::take();
        }
        state.incoming.reserve(memory::ROOM);
        let read = match socket {
            Socket::Remembered => self.socket.try_read(&mut state.incoming),
            Socket::Asked => self.socket.read_now(&mut state.incoming),
        };
        if state.incoming.is_empty() {
            memory::give_back(std::mem::take(&mut state.incoming));
        }
        if read? == 0 {
            state.end = Some(End::CutOff);
        }
        Ok(())
    }

    /// Whether neither content nor an end has come. What the protocol has to say for itself, as session tickets,
    /// is no content.
    pub(super) fn is_quiet(&self) -> bool {
        self.has_nothing(Socket::Asked)
    }

    /// The same as of the last look at the event queue.
    pub(super) fn was_quiet(&self) -> bool {
        self.has_nothing(Socket::Remembered)
    }

    fn has_nothing(&self, socket: Socket) -> bool {
        let mut state = self.state.borrow_mut();
        let mut plain = BytesMut::new();
        let read = self.try_read_by(&mut state, &mut plain, socket);
        state.plain.unsplit(plain);
        read.is_err_and(|error| is_blocked(&error))
    }

    /// As [`tokio::io::AsyncRead::poll_read`].
    pub(super) fn poll_read_some(
        &self,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        loop {
            ready!(self.poll_read_ready(cx))?;
            let mut state = self.state.borrow_mut();
            let mut plain = BytesMut::new();
            match self.try_read_by(&mut state, &mut plain, Socket::Remembered) {
                Err(error) if is_blocked(&error) => {}
                Err(error) => return Poll::Ready(Err(error)),
                Ok(_) => {
                    let taken = plain.split_to(plain.len().min(buffer.remaining()));
                    buffer.put_slice(&taken);
                    state.plain = plain;
                    return Poll::Ready(Ok(()));
                }
            }
        }
    }

    /// As [`Stream::poll_read_ready`]; meanwhile records that wait to go out go.
    pub(super) fn poll_read_ready(&self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let state = self.state.borrow();
        if !state.plain.is_empty() || state.end.is_some() {
            return Poll::Ready(Ok(()));
        }
        let waits = !state.outgoing.is_empty();
        drop(state);
        if waits {
            // Who cannot write may still be able to read.
            let _ = self.poll_flush(cx);
        }
        self.socket.poll_read_ready(cx)
    }

    pub(super) fn poll_write_ready(&self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.socket.poll_write_ready(cx)
    }

    /// As [`Stream::try_write_vectored`]: what is taken is encrypted, and goes as far as the socket takes it.
    pub(super) fn try_write_vectored(&self, slices: &[IoSlice<'_>]) -> io::Result<usize> {
        self.write(slices, true)
    }

    /// Encrypts bytes that others follow at once, and go with them.
    pub(super) fn try_write_more(&self, bytes: &[u8]) -> io::Result<usize> {
        self.write(&[IoSlice::new(bytes)], false)
    }

    /// How much content would be taken now: nothing is read from a file in vain.
    ///
    /// # Errors
    /// `WouldBlock` when nothing would be taken; else what `send(2)` says.
    pub(super) fn ready_for(&self) -> io::Result<usize> {
        let mut state = self.state.borrow_mut();
        if state.outgoing.len() >= BACKLOG {
            self.flush(&mut state)?;
        }
        Ok(self.piece.get())
    }

    fn write(&self, slices: &[IoSlice<'_>], at_once: bool) -> io::Result<usize> {
        let mut state = self.state.borrow_mut();
        if state.outgoing.len() >= BACKLOG {
            self.flush(&mut state)?;
        }
        let piece = self.piece.get();
        let mut filled = slices.iter().filter(|slice| !slice.is_empty());
        let (Some(first), second) = (filled.next(), filled.next()) else { return Ok(0) };
        if second.is_none() || first.len() >= piece {
            let plain = first.get(..piece).unwrap_or(first);
            if plain.len() <= SHORT || memory::lies_well(plain) {
                return self.write_plain(&mut state, plain, at_once);
            }
        }
        memory::with_gathered(slices, piece, |plain| self.write_plain(&mut state, plain, at_once))
    }

    fn write_plain(&self, state: &mut State, plain: &[u8], at_once: bool) -> io::Result<usize> {
        memory::with_records(session::room(plain.len()), |records| {
            let count = state.encrypt(plain, records)?;
            let records = records.get(..count).unwrap_or_default();
            let sent = if at_once && state.outgoing.is_empty() { self.send(records)? } else { 0 };
            state.outgoing.extend_from_slice(records.get(sent..).unwrap_or_default());
            Ok::<_, io::Error>(())
        })?;
        if at_once {
            match self.flush(state) {
                Err(error) if !is_blocked(&error) => return Err(error),
                Err(_) if !self.is_fast.get() => self.piece.set(SMALL_PIECE),
                _ => {}
            }
        }
        Ok(plain.len())
    }

    /// How much of it the socket takes now.
    fn send(&self, records: &[u8]) -> io::Result<usize> {
        match self.socket.try_write(records) {
            Err(error) if is_blocked(&error) || error.kind() == io::ErrorKind::Interrupted => Ok(0),
            sent => sent,
        }
    }

    fn flush(&self, state: &mut State) -> io::Result<()> {
        while !state.outgoing.is_empty() {
            match self.socket.try_write(&state.outgoing) {
                Ok(sent) => state.outgoing.advance(sent),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        if state.outgoing.capacity() > 0 {
            state.outgoing = BytesMut::new();
        }
        Ok(())
    }

    /// Whether everything written has left.
    pub(super) fn is_flushed(&self) -> bool {
        self.state.borrow().outgoing.is_empty()
    }

    /// Waits until everything written is in the kernel's hands.
    pub(super) fn poll_flush(&self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        loop {
            match self.flush(&mut self.state.borrow_mut()) {
                Err(error) if is_blocked(&error) => {}
                result => return Poll::Ready(result),
            }
            ready!(self.socket.poll_write_ready(cx))?;
        }
    }

    /// Tells the peer that nothing more comes (close_notify), as far as that takes no time.
    fn say_farewell(&self) -> io::Result<()> {
        let mut state = self.state.borrow_mut();
        if !state.is_established || state.is_aborted {
            return Ok(());
        }
        memory::with_records(session::room(0), |records| {
            let count = state.farewell(records)?;
            state.outgoing.extend_from_slice(records.get(..count).unwrap_or_default());
            Ok::<_, io::Error>(())
        })?;
        self.flush(&mut state)
    }

    /// As [`Stream::shutdown_write`].
    pub(super) fn shutdown_write(&self) -> io::Result<()> {
        match self.say_farewell() {
            Err(error) if !is_blocked(&error) => return Err(error),
            _ => {}
        }
        self.socket.shutdown_write()
    }

    /// Ends our direction once everything written has left.
    pub(super) fn poll_shutdown(&self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        ready!(self.poll_flush(cx))?;
        Poll::Ready(self.shutdown_write())
    }
}

impl Drop for TlsStream {
    fn drop(&mut self) {
        // A peer that is gone already misses nothing.
        let _ = self.say_farewell();
    }
}

impl AsFd for TlsStream {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.socket.as_fd()
    }
}

/// Whom to ask what has come.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Socket {
    /// What is remembered of the event queue.
    Remembered,
    /// The kernel.
    Asked,
}

fn is_blocked(error: &io::Error) -> bool {
    error.kind() == io::ErrorKind::WouldBlock
}
