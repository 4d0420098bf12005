//! The helper's side.

use std::io::{self, IoSlice};
use std::mem::MaybeUninit;
use std::os::fd::BorrowedFd;
use std::os::unix::net::UnixStream as StdStream;

use rustix::net::{SendAncillaryBuffer, SendAncillaryMessage, SendFlags, sendmsg};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::UnixStream;

use super::{Launch, MOST_DESCRIPTORS};

/// Tells the process at the other end of `channel` what to become, and waits until it has.
///
/// # Errors
/// Why it could not, in words for the operator.
pub(in super::super) async fn hand_over(
    channel: StdStream,
    launch: &Launch,
    sockets: &[BorrowedFd<'_>],
) -> io::Result<()> {
    let message = serde_json::to_vec(launch)?;
    let sent = send_with(&channel, &message, sockets)?;
    channel.set_nonblocking(true)?;
    let mut channel = UnixStream::from_std(channel)?;
    channel.write_all(message.get(sent..).unwrap_or_default()).await?;
    channel.shutdown().await?;
    // Its own end is closed by becoming the app.
    let mut answer = String::new();
    channel.read_to_string(&mut answer).await?;
    if answer.is_empty() { Ok(()) } else { Err(io::Error::other(answer)) }
}

/// Sends the beginning of `message` with the sockets; a fresh channel has room for that. Returns how much it
/// was.
fn send_with(channel: &StdStream, message: &[u8], sockets: &[BorrowedFd<'_>]) -> io::Result<usize> {
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(MOST_DESCRIPTORS))];
    let mut control = SendAncillaryBuffer::new(&mut space);
    if !sockets.is_empty() && !control.push(SendAncillaryMessage::ScmRights(sockets)) {
        return Err(io::Error::other(format!("no more than {MOST_DESCRIPTORS} sockets can be passed on")));
    }
    let beginning = message.get(..message.len().min(4096)).unwrap_or_default();
    Ok(sendmsg(channel, &[IoSlice::new(beginning)], &mut control, SendFlags::NOSIGNAL)?)
}
