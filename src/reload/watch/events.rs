//! inotify(7), read when it has something to say.

use std::ffi::{OsStr, OsString};
use std::io;
use std::mem::MaybeUninit;
use std::os::fd::OwnedFd;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::sync::Arc;

use rustix::fs::inotify::{self, CreateFlags, ReadFlags, WatchFlags};
use rustix::io::Errno;
use tokio::io::Interest;
use tokio::io::unix::AsyncFd;

use super::look::Interests;

/// Directories of which one is told, by descriptors that the kernel gives.
#[derive(Debug)]
pub(super) struct Events(AsyncFd<Arc<OwnedFd>>);

/// One event.
#[derive(Debug)]
pub(super) struct Heard {
    /// The directory's; `None` when events were lost.
    pub directory: Option<i32>,
    /// `None` for the directory itself.
    pub name: Option<OsString>,
    /// Somebody writes, and has the file open still.
    pub is_writing: bool,
}

/// Names that come, go and are written, and the directory's own fate. Not who reads.
const KINDS: WatchFlags = WatchFlags::CREATE
    .union(WatchFlags::DELETE)
    .union(WatchFlags::MOVE)
    .union(WatchFlags::MODIFY)
    .union(WatchFlags::CLOSE_WRITE)
    .union(WatchFlags::ATTRIB)
    .union(WatchFlags::DELETE_SELF)
    .union(WatchFlags::MOVE_SELF)
    .union(WatchFlags::ONLYDIR);

impl Events {
    #[expect(
        deprecated,
        reason = "what its successor wants to be promised in an unsafe block, an owned descriptor keeps"
    )]
    pub(super) fn new() -> io::Result<Self> {
        let inotify = inotify::init(CreateFlags::NONBLOCK | CreateFlags::CLOEXEC)?;
        Ok(Self(AsyncFd::with_interest(Arc::new(inotify), Interest::READABLE)?))
    }

    /// For [`watch`], which may wait for a disk.
    pub(super) fn inotify(&self) -> Arc<OwnedFd> {
        Arc::clone(self.0.get_ref())
    }

    /// All events that are there, as soon as there are some.
    pub(super) async fn next(&self) -> io::Result<Vec<Heard>> {
        loop {
            let mut ready = self.0.readable().await?;
            let heard = read(self.0.get_ref())?;
            ready.clear_ready();
            if !heard.is_empty() {
                return Ok(heard);
            }
        }
    }

    /// Those that are there now, if any.
    pub(super) fn now(&self) -> io::Result<Vec<Heard>> {
        read(self.0.get_ref())
    }

    /// Watches those directories no more that have no interest any longer. What a look at a former set of
    /// files found is kept until there is one at the present one.
    pub(super) fn forget(&self, former: &Interests, now: &mut Interests, is_current: bool) {
        if !is_current {
            return now.extend(former);
        }
        for descriptor in former.descriptors().filter(|one| !now.has(*one)) {
            // The kernel has done so itself if the directory is gone.
            let _ = inotify::remove_watch(self.0.get_ref(), descriptor);
        }
    }
}

/// The descriptor of a directory, the same each time as long as it is watched.
pub(super) fn watch(inotify: &OwnedFd, directory: &Path) -> io::Result<i32> {
    Ok(inotify::add_watch(inotify, directory, KINDS)?)
}

fn read(inotify: &OwnedFd) -> io::Result<Vec<Heard>> {
    let mut buffer = [MaybeUninit::uninit(); 4096];
    let mut reader = inotify::Reader::new(inotify, &mut buffer);
    let mut heard = Vec::new();
    loop {
        let event = match reader.next() {
            Ok(event) => event,
            Err(Errno::AGAIN) => return Ok(heard),
            Err(error) => return Err(error.into()),
        };
        let lost = event.events().contains(ReadFlags::QUEUE_OVERFLOW);
        heard.push(Heard {
            directory: (!lost).then(|| event.wd()),
            name: event.file_name().map(|name| OsStr::from_bytes(name.to_bytes()).to_owned()),
            is_writing: event.events().contains(ReadFlags::MODIFY),
        });
    }
}
