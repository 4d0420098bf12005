//! Connections that there is no room for: a short answer, and the end.

use std::os::fd::AsFd;
use std::rc::Rc;
use std::time::Duration;

use bytes::{BufMut, BytesMut};
use rustix::net::{RecvFlags, SendFlags, recv, send};

use super::io::Io;
use super::{clock, linger};
use crate::net::Stream;

/// How long a client may take to read why it is refused.
const FAREWELL: Duration = Duration::from_secs(1);
/// What a request that has come already may have; more of it turns our close into a reset.
const UNREAD: usize = 16 * 1024;
const BODY: &[u8] = b"503 Service Unavailable: there are too many connections\n";

/// Answers without waiting for a request, which need not even be read. An empty socket takes that much at once.
pub(super) fn answer(stream: &Stream) {
    let mut answer = BytesMut::with_capacity(256);
    answer.put_slice(b"HTTP/1.1 503 Service Unavailable\r\nContent-Type: text/plain; charset=utf-8\r\n");
    answer.put_slice(b"Content-Length: ");
    answer.put_slice(itoa::Buffer::new().format(BODY.len()).as_bytes());
    answer.put_slice(b"\r\nRetry-After: 1\r\nDate: ");
    clock::append_date(&mut answer);
    answer.put_slice(b"\r\nConnection: close\r\n\r\n");
    answer.put_slice(BODY);
    // Who has left already needs no answer.
    let _ = send(stream.as_fd(), &answer, SendFlags::DONTWAIT | SendFlags::NOSIGNAL);
}

const PLAIN_BODY: &[u8] = b"400 Bad Request: this port speaks TLS: ask for https:// here\n";

/// Answers a client that sends plain HTTP where TLS is spoken.
pub(super) fn answer_plain(stream: &Stream) {
    let mut answer = BytesMut::with_capacity(256);
    answer.put_slice(b"HTTP/1.1 400 Bad Request\r\nContent-Type: text/plain; charset=utf-8\r\n");
    answer.put_slice(b"Content-Length: ");
    answer.put_slice(itoa::Buffer::new().format(PLAIN_BODY.len()).as_bytes());
    answer.put_slice(b"\r\nDate: ");
    clock::append_date(&mut answer);
    answer.put_slice(b"\r\nConnection: close\r\n\r\n");
    answer.put_slice(PLAIN_BODY);
    // Who has left already needs no answer.
    let _ = send(stream.as_fd(), &answer, SendFlags::DONTWAIT | SendFlags::NOSIGNAL);
}

/// Lets a client that was answered read that, which a close on its request would keep it from.
pub(super) async fn linger(io: Rc<Io>) {
    let _ = tokio::time::timeout(FAREWELL, linger::linger(&io)).await;
}

/// The same as far as it takes no time.
pub(super) fn part(stream: &Stream) {
    let mut unread = [0; UNREAD];
    let _ = recv(stream.as_fd(), &mut unread[..], RecvFlags::DONTWAIT);
}
