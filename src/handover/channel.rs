//! Notes and descriptors between two processes of this program, which may differ in their versions.

use std::io::{self, IoSlice, IoSliceMut};
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use rustix::net::{
    AddressFamily, RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, ReturnFlags, SendAncillaryBuffer,
    SendAncillaryMessage, SendFlags, SocketFlags, SocketType, recvmsg, sendmsg, socketpair, sockopt,
};
use serde::{Deserialize, Serialize};
use tokio::io::Interest;
use tokio::net::UnixDatagram;

use super::Purpose;

/// Longest note: room for a socket's path and much more.
const NOTE_MAX: usize = 16 * 1024;

/// Descriptors with one note. The kernel takes 253 (`SCM_MAX_FD`).
pub(super) const DESCRIPTORS_MAX: usize = 128;

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Note {
    /// Comes with descriptors. A listener with many has several notes.
    Sockets(Purpose),
    /// No more sockets come.
    All,
    /// From the new process: it serves.
    Ready,
    /// To the new process: the former one has let go.
    Yours,
}

/// One end of a pair of sockets that keep messages apart (`SOCK_SEQPACKET`). To the event loop it is one for
/// datagrams; what goes through it is ours to send and receive.
#[derive(Debug)]
pub(super) struct Channel(UnixDatagram);

impl Channel {
    /// Our end, and the other one for a process to be started. Lives on a runtime with I/O.
    ///
    /// # Errors
    /// When descriptors have run out.
    pub fn pair() -> io::Result<(Self, OwnedFd)> {
        let flags = SocketFlags::CLOEXEC;
        let (ours, theirs) = socketpair(AddressFamily::UNIX, SocketType::SEQPACKET, flags, None)?;
        Ok((Self::of(ours)?, theirs))
    }

    /// # Errors
    /// When it is not an end of such a pair.
    pub fn of(end: OwnedFd) -> io::Result<Self> {
        if sockopt::socket_type(&end)? != SocketType::SEQPACKET {
            return Err(io::ErrorKind::InvalidInput.into());
        }
        rustix::io::ioctl_fionbio(&end, true)?;
        UnixDatagram::from_std(end.into()).map(Self)
    }

    /// # Errors
    /// What `sendmsg(2)` says; `EPIPE` when the other process is gone.
    pub async fn send(&self, note: &Note, descriptors: &[BorrowedFd<'_>]) -> io::Result<()> {
        let text = serde_json::to_vec(note)?;
        self.0.async_io(Interest::WRITABLE, || send_now(&self.0, &text, descriptors)).await
    }

    /// The next note with its descriptors; `None` when the other process is gone.
    ///
    /// # Errors
    /// What `recvmsg(2)` says; `InvalidData` for what is no note, or was cut, as descriptors are when there is
    /// no room for them in this process.
    pub async fn receive(&self) -> io::Result<Option<(Note, Vec<OwnedFd>)>> {
        let (text, descriptors) = self.0.async_io(Interest::READABLE, || receive_now(&self.0)).await?;
        if text.is_empty() {
            return Ok(None);
        }
        let note = serde_json::from_slice(&text);
        let note = note.map_err(|error| io::Error::new(io::ErrorKind::InvalidData, error))?;
        Ok(Some((note, descriptors)))
    }
}

fn send_now(end: &UnixDatagram, text: &[u8], descriptors: &[BorrowedFd<'_>]) -> io::Result<()> {
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(DESCRIPTORS_MAX))];
    let mut control = SendAncillaryBuffer::new(&mut space);
    if !descriptors.is_empty() && !control.push(SendAncillaryMessage::ScmRights(descriptors)) {
        return Err(io::ErrorKind::InvalidInput.into());
    }
    sendmsg(end.as_fd(), &[IoSlice::new(text)], &mut control, SendFlags::NOSIGNAL)?;
    Ok(())
}

fn receive_now(end: &UnixDatagram) -> io::Result<(Vec<u8>, Vec<OwnedFd>)> {
    let mut text = vec![0; NOTE_MAX];
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(DESCRIPTORS_MAX))];
    let mut control = RecvAncillaryBuffer::new(&mut space);
    let mut slices = [IoSliceMut::new(&mut text)];
    let received = recvmsg(end.as_fd(), &mut slices, &mut control, RecvFlags::CMSG_CLOEXEC)?;
    let mut descriptors = Vec::new();
    for message in control.drain() {
        if let RecvAncillaryMessage::ScmRights(rights) = message {
            descriptors.extend(rights);
        }
    }
    if received.flags.intersects(ReturnFlags::TRUNC | ReturnFlags::CTRUNC) {
        return Err(io::Error::new(io::ErrorKind::InvalidData, "it was cut; are descriptors short?"));
    }
    text.truncate(received.bytes);
    Ok((text, descriptors))
}
