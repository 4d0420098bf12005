//! A body on disk to a server, by `sendfile(2)`.

use std::io;
use std::os::fd::AsFd;
use std::task::{Context, Poll, ready};

use bytes::Buf;
use rustix::io::Errno;

use super::{Rest, SendError, Sender};
use crate::http::{Cause, Fault};
use crate::net::{Stream, send_more, sendfile};

/// One piece. The kernel moves no more between two looks at the socket (splice's pipe has 16 pages), and a
/// server that reads as fast as we send must not hold the event loop.
const PIECE: u64 = 64 * 1024;

impl Sender {
    /// Sends the head, which waits in the kernel for what follows it, or the next piece of the file.
    pub(super) fn write_from_disk(
        &mut self,
        cx: &mut Context<'_>,
        stream: &Stream,
    ) -> Poll<Result<(), SendError>> {
        let Rest::Disk(range) = &mut self.rest else { return Poll::Ready(Ok(())) };
        if !self.out.is_empty() {
            let sent = ready!(stream.poll_write_by(cx, || send_more(stream, &self.out)));
            let sent = sent.map_err(SendError::Server)?;
            self.out.advance(sent);
            self.accepted += sent as u64;
            return Poll::Ready(Ok(()));
        }
        let piece = range.length.min(PIECE);
        let sent = stream.poll_write_by(cx, || sendfile(stream, range.file.as_fd(), range.offset, piece));
        let sent = match ready!(sent) {
            Ok(0) => return Poll::Ready(Err(truncated(range.length))),
            Ok(sent) => sent as u64,
            Err(error) => return Poll::Ready(Err(failed(error))),
        };
        self.accepted += sent;
        range.offset += sent;
        range.length = range.length.saturating_sub(sent);
        if range.length == 0 {
            self.rest = Rest::Nothing;
        }
        Poll::Ready(Ok(()))
    }
}

fn truncated(left: u64) -> SendError {
    SendError::Client(Fault::new(
        Cause::FileTruncated,
        format!("{left} bytes of the request's body are gone"),
    ))
}

/// `sendfile(2)` tells of both ends by one number, but a socket has no `EIO`.
fn failed(error: io::Error) -> SendError {
    if error.raw_os_error() == Some(Errno::IO.raw_os_error()) {
        return SendError::Client(Fault::new(
            Cause::FileRead,
            format!("the request's buffered body: {error}"),
        ));
    }
    SendError::Server(error)
}
