//! How far a file has been sent, and what of it can be sent next without waiting for a disk.

use std::future::{Future, poll_fn};
use std::io;
use std::os::fd::AsFd;
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use bytes::Bytes;

use crate::http::{Cause, Descriptor, Fault, FileRange};
use crate::net::{Residency, SENDFILE_MAX, disk, residency};
use crate::server::io::Io;
use crate::server::leaving::Leaving;

/// What is brought into the page cache at once. A disk of 100 MB a second has that within 10 ms, so the first
/// byte does not wait for long, and asking for it costs little beside reading it.
const WINDOW: u64 = 1024 * 1024;

/// What is read at once where nobody can tell what is in memory. A slow client holds as much of our memory,
/// and no more.
const PIECE: usize = 64 * 1024;

/// How long what was seen to be in memory is taken to stay there: a slow client may take an hour over it.
const TRUSTED: Duration = Duration::from_secs(5);

/// A part of a file on its way out.
pub(in crate::server) struct Cursor<'a> {
    file: &'a Arc<dyn Descriptor>,
    pub offset: u64,
    pub left: u64,
    /// What lies before this was in memory at the last look.
    present: u64,
    looked: Option<Instant>,
}

/// What can be sent next.
pub(in crate::server) enum Ready {
    /// So many bytes are in the page cache, or the file ends.
    Cached(u64),
    /// These. `sendfile(2)` might wait where nobody can tell what is in memory: over a network, or through
    /// another process, even for what was read a moment ago.
    Read(Bytes),
}

/// Who is sent a file. Nobody waits for a disk for one that has left.
pub(in crate::server) trait Recipient {
    fn poll_left(&self, leaving: &mut Leaving, cx: &mut Context<'_>) -> Poll<Cause>;
}

impl Recipient for Io {
    fn poll_left(&self, leaving: &mut Leaving, cx: &mut Context<'_>) -> Poll<Cause> {
        leaving.poll(self, cx)
    }
}

impl<'a> Cursor<'a> {
    pub fn new(range: &'a FileRange) -> Self {
        let FileRange { file, offset, length } = range;
        Self { file, offset: *offset, left: *length, present: *offset, looked: None }
    }

    pub fn advance(&mut self, bytes: u64) {
        self.offset = self.offset.saturating_add(bytes);
        self.left = self.left.saturating_sub(bytes);
    }

    /// Looks, unless it is known, and has what is not in memory read by another thread.
    pub async fn next(&mut self, recipient: &impl Recipient) -> Result<Ready, Fault> {
        if self.present > self.offset && self.looked.is_some_and(|looked| looked.elapsed() < TRUSTED) {
            return Ok(Ready::Cached(self.left.min(self.present - self.offset)));
        }
        // Boxed, since most answers never wait here.
        let found = match self.look() {
            Residency::Unknown => Box::pin(self.ask(recipient)).await?,
            found => found,
        };
        match found {
            Residency::Present(count) => Ok(self.saw(count)),
            Residency::Absent => Box::pin(self.fetch(recipient)).await,
            Residency::Untold | Residency::Unknown => Box::pin(self.read(recipient)).await,
        }
    }

    fn look(&self) -> Residency {
        residency(self.file.as_fd(), self.offset, self.left.min(SENDFILE_MAX))
    }

    async fn ask(&self, recipient: &impl Recipient) -> Result<Residency, Fault> {
        let asked = disk::ask_file_system(Arc::clone(self.file));
        self.unless_left(recipient, asked).await?;
        Ok(self.look())
    }

    async fn fetch(&mut self, recipient: &impl Recipient) -> Result<Ready, Fault> {
        let read = disk::read_into_cache(Arc::clone(self.file), self.offset, self.left.min(WINDOW));
        let count = self.unless_left(recipient, read).await?;
        Ok(self.saw(count))
    }

    async fn read(&self, recipient: &impl Recipient) -> Result<Ready, Fault> {
        let length = usize::try_from(self.left).unwrap_or(PIECE).min(PIECE);
        let read = disk::read(Arc::clone(self.file), self.offset, length);
        self.unless_left(recipient, read).await.map(Ready::Read)
    }

    /// A disk may take any time, a mount that hangs for ever: nobody waits for it whose client is gone.
    async fn unless_left<T>(
        &self,
        recipient: &impl Recipient,
        read: impl Future<Output = io::Result<T>>,
    ) -> Result<T, Fault> {
        let mut read = pin!(read);
        let mut leaving = Leaving::new();
        poll_fn(|cx| match read.as_mut().poll(cx) {
            Poll::Ready(read) => Poll::Ready(read.map_err(|error| self.unreadable(&error))),
            Poll::Pending => recipient.poll_left(&mut leaving, cx).map(|cause| Err(cause.into())),
        })
        .await
    }

    fn saw(&mut self, count: u64) -> Ready {
        self.present = self.offset.saturating_add(count);
        self.looked = Some(Instant::now());
        Ready::Cached(count)
    }

    pub fn unreadable(&self, error: &io::Error) -> Fault {
        Fault::new(Cause::FileRead, format!("at byte {}: {error}", self.offset))
    }
}
