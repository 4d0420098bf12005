//! One stream type over TCP and Unix sockets, encrypted or not, read and written through a shared reference so that
//! both directions can be polled from one task without splitting.

use std::future::poll_fn;
use std::io::{self, IoSlice};
use std::os::fd::{AsFd, BorrowedFd};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use bytes::BytesMut;
use rustix::io::Errno;
use rustix::net::RecvFlags;
use tokio::io::{AsyncRead, AsyncWrite, Interest, ReadBuf};
use tokio::net::{TcpStream, UnixStream};

use super::TlsStream;

/// A connected stream socket.
#[derive(Debug)]
pub enum Stream {
    Tcp(TcpStream),
    Unix(UnixStream),
    /// Over one of the others.
    Tls(Box<TlsStream>),
}

macro_rules! each {
    ($stream:expr, $inner:ident => $body:expr, $tls:ident => $secure:expr) => {
        match $stream {
            Stream::Tcp($inner) => $body,
            Stream::Unix($inner) => $body,
            Stream::Tls($tls) => $secure,
        }
    };
}

impl Stream {
    /// Reads what is there into spare capacity of `buffer`; 0 is the end of the stream.
    ///
    /// # Errors
    /// `WouldBlock` when nothing is there; the caller then waits by [`Self::poll_read_ready`].
    pub fn try_read(&self, buffer: &mut BytesMut) -> io::Result<usize> {
        let room = buffer.capacity() - buffer.len();
        let count = each!(self, inner => inner.try_read_buf(buffer)?, tls => return tls.try_read(buffer));
        if (1..room).contains(&count) {
            self.forget_readable();
        }
        Ok(count)
    }

    /// A read that did not fill its buffer has emptied the socket. Events are edge-triggered, so the next
    /// byte brings a new one; until then asking again would be a system call that says `EAGAIN`.
    fn forget_readable(&self) {
        let nothing: io::Result<()> =
            self.try_io(Interest::READABLE, || Err(io::ErrorKind::WouldBlock.into()));
        drop(nothing);
    }

    /// The same by the kernel's word, where what is remembered of the event queue may be older. As much as fits.
    pub(super) fn read_now(&self, buffer: &mut BytesMut) -> io::Result<usize> {
        let before = buffer.len();
        let room = buffer.capacity() - before;
        buffer.resize(before + room, 0);
        let spare = buffer.get_mut(before..).unwrap_or_default();
        let received = rustix::net::recv(self.as_fd(), spare, RecvFlags::DONTWAIT).map(|(_, count)| count);
        buffer.truncate(before + received.unwrap_or(0));
        received.map_err(io::Error::from)
    }

    pub fn try_write(&self, bytes: &[u8]) -> io::Result<usize> {
        each!(self, inner => inner.try_write(bytes), tls => tls.try_write_vectored(&[IoSlice::new(bytes)]))
    }

    /// Writes some of `slices`. A single one goes by `send(2)`, which is cheaper than `writev(2)`.
    pub fn try_write_vectored(&self, slices: &[IoSlice<'_>]) -> io::Result<usize> {
        let mut filled = slices.iter().filter(|slice| !slice.is_empty());
        match (filled.next(), filled.next()) {
            (Some(only), None) => self.try_write(only),
            _ => {
                each!(self, inner => inner.try_write_vectored(slices), tls => tls.try_write_vectored(slices))
            }
        }
    }

    /// Runs a system call on the descriptor; when it would block, readiness is cleared. Not for content that
    /// is to be encrypted.
    pub(super) fn try_io<R>(
        &self,
        interest: Interest,
        call: impl FnOnce() -> io::Result<R>,
    ) -> io::Result<R> {
        each!(self, inner => inner.try_io(interest, call), _tls => call())
    }

    pub fn poll_read_ready(&self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        each!(self, inner => inner.poll_read_ready(cx), tls => tls.poll_read_ready(cx))
    }

    pub fn poll_write_ready(&self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        each!(self, inner => inner.poll_write_ready(cx), tls => tls.poll_write_ready(cx))
    }

    pub async fn readable(&self) -> io::Result<()> {
        poll_fn(|cx| self.poll_read_ready(cx)).await
    }

    pub async fn writable(&self) -> io::Result<()> {
        poll_fn(|cx| self.poll_write_ready(cx)).await
    }

    /// The client's side of a connection over which everything is encrypted from now on, with a server that has
    /// proven to bear that name.
    ///
    /// # Errors
    /// Why no keys were agreed on: what the socket says, or in an `InvalidData` a [`rustls::Error`].
    pub async fn connect_tls(
        self,
        config: Arc<rustls::ClientConfig>,
        name: rustls::pki_types::ServerName<'static>,
    ) -> io::Result<Self> {
        let tls = TlsStream::client(self, config, name)?;
        tls.handshake().await?;
        Ok(Self::Tls(Box::new(tls)))
    }

    /// The protocol that was chosen with the keys (ALPN, RFC 7301).
    pub fn alpn(&self) -> Option<Vec<u8>> {
        if let Self::Tls(tls) = self { tls.alpn() } else { None }
    }

    /// Whether what is written is encrypted.
    pub const fn is_secure(&self) -> bool {
        matches!(self, Self::Tls(_))
    }

    /// Whether everything written is in the kernel's hands. Only records can be on their way to it.
    pub fn is_flushed(&self) -> bool {
        if let Self::Tls(tls) = self { tls.is_flushed() } else { true }
    }

    /// Waits until it is.
    pub fn poll_flushed(&self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        if let Self::Tls(tls) = self { tls.poll_flush(cx) } else { Poll::Ready(Ok(())) }
    }

    /// The connection's end is to look like what it is, not like that of what was sent.
    pub fn abort(&self) {
        if let Self::Tls(tls) = self {
            tls.abort();
        }
        // Where the option cannot be set, the log's line still tells.
        let _ = socket2::SockRef::from(&self.as_fd()).set_linger(Some(std::time::Duration::ZERO));
    }

    /// Whether there is neither a byte to read nor an end: asked of the kernel, not of what is
    /// remembered of it.
    pub fn is_quiet(&self) -> bool {
        if let Self::Tls(tls) = self { tls.is_quiet() } else { matches!(self.peek(), Err(Errno::AGAIN)) }
    }

    /// The same as of the last look at the event queue, which costs no system call.
    pub fn was_quiet(&self) -> bool {
        if let Self::Tls(tls) = self {
            return tls.was_quiet();
        }
        let peeked = self.try_io(Interest::READABLE, || self.peek().map_err(io::Error::from));
        peeked.is_err_and(|error| error.kind() == io::ErrorKind::WouldBlock)
    }

    fn peek(&self) -> Result<usize, Errno> {
        let mut byte = [0];
        let flags = RecvFlags::PEEK | RecvFlags::DONTWAIT;
        rustix::net::recv(self.as_fd(), &mut byte[..], flags).map(|(_, count)| count)
    }

    /// Reads into `buffer`, waiting for bytes; 0 is the end of the stream. About `room` bytes are made
    /// room for, but not before something is there: who waits needs no memory. A task whose socket never
    /// runs dry is made to wait for the others at times.
    pub fn poll_read(
        &self,
        cx: &mut Context<'_>,
        buffer: &mut BytesMut,
        room: usize,
    ) -> Poll<io::Result<usize>> {
        loop {
            ready!(self.poll_read_ready(cx))?;
            if buffer.capacity() - buffer.len() < room / 2 {
                buffer.reserve(room);
            }
            match self.try_read(buffer) {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                result => return Poll::Ready(result),
            }
        }
    }

    /// Writes some of `slices`, waiting for room.
    pub fn poll_write_vectored(
        &self,
        cx: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        self.poll_write_by(cx, || self.try_write_vectored(slices))
    }

    /// Writes by a call of the caller's own on this stream, waiting for room whenever it would block.
    pub fn poll_write_by(
        &self,
        cx: &mut Context<'_>,
        mut write: impl FnMut() -> io::Result<usize>,
    ) -> Poll<io::Result<usize>> {
        loop {
            match write() {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                result => return Poll::Ready(result),
            }
            match self.poll_write_ready(cx) {
                Poll::Ready(Ok(())) => {}
                Poll::Ready(Err(error)) => return Poll::Ready(Err(error)),
                Poll::Pending => return Poll::Pending,
            }
        }
    }

    /// Lets the kernel take as much as its buffer holds, which for a client that reads fast means fewer and
    /// larger steps: a third less of processor time on the loopback interface.
    pub fn take_any_amount(&self) {
        match self {
            // Where it cannot be set, nothing is lost but speed.
            Self::Tcp(stream) => _ = socket2::SockRef::from(stream).set_tcp_notsent_lowat(u32::MAX),
            Self::Unix(_) => {}
            Self::Tls(tls) => tls.take_any_amount(),
        }
    }

    /// Ends our direction (FIN); the peer may still send.
    ///
    /// # Errors
    /// What `shutdown(2)` says; `ENOTCONN` when the peer is gone already.
    pub fn shutdown_write(&self) -> io::Result<()> {
        if let Self::Tls(tls) = self {
            return tls.shutdown_write();
        }
        rustix::net::shutdown(self.as_fd(), rustix::net::Shutdown::Write).map_err(io::Error::from)
    }
}

impl AsFd for Stream {
    fn as_fd(&self) -> BorrowedFd<'_> {
        each!(self, inner => inner.as_fd(), tls => tls.as_fd())
    }
}

impl AsyncRead for Stream {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        each!(self.get_mut(), inner => Pin::new(inner).poll_read(cx, buf), tls => tls.poll_read_some(cx, buf))
    }
}

impl AsyncWrite for Stream {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        let stream = self.get_mut();
        each!(stream, inner => Pin::new(inner).poll_write(cx, buf), _tls => stream.poll_write_vectored(cx, &[IoSlice::new(buf)]))
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        each!(self.get_mut(), inner => Pin::new(inner).poll_flush(cx), tls => tls.poll_flush(cx))
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        each!(self.get_mut(), inner => Pin::new(inner).poll_shutdown(cx), tls => tls.poll_shutdown(cx))
    }
}
