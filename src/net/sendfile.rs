//! A file range to a socket without passing through this process: `sendfile(2)`. What is to be encrypted
//! does pass through it.

use std::io::{self, IoSlice};
use std::os::fd::{AsFd, BorrowedFd};

use rustix::net::SendFlags;
use tokio::io::Interest;

use super::tls::with_memory;
use super::{Stream, TlsStream};

/// One call moves at most this much, so that a fast client cannot hold the event loop
/// (nginx's `sendfile_max_chunk`).
pub const SENDFILE_MAX: u64 = 2 * 1024 * 1024;

/// Sends bytes that a file follows: the kernel holds them back until they fill a packet with the file's.
///
/// Never for a file of no bytes: the kernel would keep them for 200 ms.
///
/// # Errors
/// `WouldBlock` when the socket's buffer is full; else what `send(2)` says.
pub fn send_more(stream: &Stream, bytes: &[u8]) -> io::Result<usize> {
    if let Stream::Tls(stream) = stream {
        return stream.try_write_more(bytes);
    }
    stream.try_io(Interest::WRITABLE, || {
        rustix::net::send(stream.as_fd(), bytes, SendFlags::MORE | SendFlags::NOSIGNAL)
            .map_err(io::Error::from)
    })
}

/// What is read at once to be encrypted.
const READ_MAX: usize = 64 * 1024;

/// Moves up to `length` bytes of `file` from `offset` on; 0 means that the file ends there.
///
/// # Errors
/// `WouldBlock` when the socket's buffer is full; else what `sendfile(2)` says.
pub fn sendfile(stream: &Stream, file: BorrowedFd<'_>, offset: u64, length: u64) -> io::Result<usize> {
    if let Stream::Tls(stream) = stream {
        return read_and_write(stream, file, offset, length);
    }
    let mut at = offset;
    let count = usize::try_from(length.min(SENDFILE_MAX)).unwrap_or(usize::MAX);
    stream.try_io(Interest::WRITABLE, || {
        rustix::fs::sendfile(stream.as_fd(), file, Some(&mut at), count).map_err(io::Error::from)
    })
}

/// The same where the kernel does not encrypt. What is looked at beforehand is in memory, and is read at once.
fn read_and_write(stream: &TlsStream, file: BorrowedFd<'_>, offset: u64, length: u64) -> io::Result<usize> {
    let room = stream.ready_for()?;
    let count = usize::try_from(length).unwrap_or(usize::MAX).min(room).min(READ_MAX);
    with_memory(count, |content| {
        let read = rustix::io::pread(file, &mut *content, offset)?;
        stream.try_write_vectored(&[IoSlice::new(content.get(..read).unwrap_or_default())])
    })
}
