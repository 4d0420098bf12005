//! One stream type over TCP and Unix sockets, read and written through a shared reference so that
//! both directions can be polled from one task without splitting.

use std::io::{self, IoSlice};
use std::os::fd::{AsFd, BorrowedFd};
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::BytesMut;
use rustix::io::Errno;
use rustix::net::RecvFlags;
use tokio::io::{AsyncRead, AsyncWrite, Interest, ReadBuf};
use tokio::net::{TcpStream, UnixStream};

/// A connected stream socket.
#[derive(Debug)]
pub enum Stream {
    Tcp(TcpStream),
    Unix(UnixStream),
}

macro_rules! each {
    ($stream:expr, $inner:ident => $body:expr) => {
        match $stream {
            Stream::Tcp($inner) => $body,
            Stream::Unix($inner) => $body,
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
        let count = each!(self, inner => inner.try_read_buf(buffer))?;
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

    pub fn try_write(&self, bytes: &[u8]) -> io::Result<usize> {
        each!(self, inner => inner.try_write(bytes))
    }

    /// Writes some of `slices`. A single one goes by `send(2)`, which is cheaper than `writev(2)`.
    pub fn try_write_vectored(&self, slices: &[IoSlice<'_>]) -> io::Result<usize> {
        let mut filled = slices.iter().filter(|slice| !slice.is_empty());
        match (filled.next(), filled.next()) {
            (Some(only), None) => self.try_write(only),
            _ => each!(self, inner => inner.try_write_vectored(slices)),
        }
    }

    /// Runs a system call on the descriptor; when it would block, readiness is cleared.
    pub fn try_io<R>(&self, interest: Interest, call: impl FnOnce() -> io::Result<R>) -> io::Result<R> {
        each!(self, inner => inner.try_io(interest, call))
    }

    pub fn poll_read_ready(&self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        each!(self, inner => inner.poll_read_ready(cx))
    }

    pub fn poll_write_ready(&self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        each!(self, inner => inner.poll_write_ready(cx))
    }

    pub async fn readable(&self) -> io::Result<()> {
        each!(self, inner => inner.readable().await)
    }

    pub async fn writable(&self) -> io::Result<()> {
        each!(self, inner => inner.writable().await)
    }

    /// Whether there is neither a byte to read nor an end: asked of the kernel, not of what is
    /// remembered of it.
    pub fn is_quiet(&self) -> bool {
        matches!(self.peek(), Err(Errno::AGAIN))
    }

    /// The same as of the last look at the event queue, which costs no system call.
    pub fn was_quiet(&self) -> bool {
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
        if let Self::Tcp(stream) = self {
            // Where it cannot be set, nothing is lost but speed.
            let _ = socket2::SockRef::from(stream).set_tcp_notsent_lowat(u32::MAX);
        }
    }

    /// Ends our direction (FIN); the peer may still send.
    ///
    /// # Errors
    /// What `shutdown(2)` says; `ENOTCONN` when the peer is gone already.
    pub fn shutdown_write(&self) -> io::Result<()> {
        rustix::net::shutdown(self.as_fd(), rustix::net::Shutdown::Write).map_err(io::Error::from)
    }
}

impl AsFd for Stream {
    fn as_fd(&self) -> BorrowedFd<'_> {
        each!(self, inner => inner.as_fd())
    }
}

impl AsyncRead for Stream {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        each!(self.get_mut(), inner => Pin::new(inner).poll_read(cx, buf))
    }
}

impl AsyncWrite for Stream {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        each!(self.get_mut(), inner => Pin::new(inner).poll_write(cx, buf))
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        each!(self.get_mut(), inner => Pin::new(inner).poll_flush(cx))
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        each!(self.get_mut(), inner => Pin::new(inner).poll_shutdown(cx))
    }
}
