//! Opens what lies below a directory, and nothing else. The kernel keeps the path inside
//! (`openat2(2)`), so there is no moment between a check and its use.

use std::fmt::Display;
use std::fs::{File, Metadata};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use rustix::fs::{CWD, Mode, OFlags, ResolveFlags};
use rustix::io::Errno;

use super::state::State;
use crate::http::{Cause, Fault};

/// Which symbolic links may be followed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Symlinks {
    /// Those that stay inside the directory, relative or absolute.
    Inside,
    Follow,
    Deny,
}

/// What a look may cost.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Look {
    /// Nothing but what the kernel has in memory: never waits for a disk, nor for another machine.
    Cached,
    /// As long as it takes. Not for event loops.
    Disk,
}

/// What a path turned out to be.
#[derive(Debug)]
pub enum Entry {
    Missing,
    Directory,
    File(File, State),
}

/// Why nothing could be opened. Unlike a fault it may come from another thread.
#[derive(Debug)]
pub struct Refusal {
    pub cause: Cause,
    pub detail: String,
}

impl Refusal {
    pub fn new(cause: Cause, detail: impl Into<String>) -> Self {
        Self { cause, detail: detail.into() }
    }
}

impl From<Refusal> for Fault {
    fn from(refusal: Refusal) -> Self {
        Self::new(refusal.cause, refusal.detail)
    }
}

/// A path below a directory, in two parts.
#[derive(Clone, Copy, Debug)]
pub struct Place<'a> {
    /// The directory that this request's variables name; empty where there are none.
    pub below: &'a [u8],
    pub path: &'a [u8],
}

/// Without blocking on a FIFO, and without a terminal becoming ours.
pub const READ: OFlags = OFlags::RDONLY.union(OFlags::NONBLOCK).union(OFlags::NOCTTY).union(OFlags::CLOEXEC);

/// Only a handle, which has no effect on what it names.
pub const HANDLE: OFlags = OFlags::PATH.union(OFlags::CLOEXEC);

pub const DIRECTORY: OFlags = HANDLE.union(OFlags::DIRECTORY);

/// `openat2` answers EAGAIN when something was renamed while it resolved `..`; trying again is the remedy.
const RACES: usize = 64;

impl Place<'_> {
    pub fn shown(self) -> String {
        let path = String::from_utf8_lossy(self.path);
        match self.below {
            b"" => path.into_owned(),
            below => format!("{}/{path}", String::from_utf8_lossy(below)),
        }
    }
}

/// Opens what lies below an open directory.
pub fn open_in(
    base: BorrowedFd<'_>,
    path: &[u8],
    flags: OFlags,
    symlinks: Symlinks,
    look: Look,
) -> Result<OwnedFd, Errno> {
    let path = Path::new(std::ffi::OsStr::from_bytes(if path.is_empty() { b"." } else { path }));
    let (beneath, links) = (ResolveFlags::BENEATH, ResolveFlags::NO_MAGICLINKS);
    let how = match symlinks {
        Symlinks::Follow => links,
        Symlinks::Inside => beneath.union(links),
        Symlinks::Deny => beneath.union(links).union(ResolveFlags::NO_SYMLINKS),
    };
    match look {
        // Another mount may be one whose files have to be waited for.
        Look::Cached => {
            let how = how.union(ResolveFlags::CACHED).union(ResolveFlags::NO_XDEV);
            rustix::fs::openat2(base, path, flags, Mode::empty(), how)
        }
        Look::Disk => match resolve(base, path, flags, how) {
            Err(Errno::XDEV) if symlinks == Symlinks::Inside => open_by_absolute_link(base, path, flags),
            opened => opened,
        },
    }
}

/// BENEATH refuses every absolute link, also one that leads back inside. So take a handle on what it
/// leads to and ask the kernel where that is. The judgement is on the handle, and the same handle
/// is opened, so swapping links in between changes nothing.
fn open_by_absolute_link(base: BorrowedFd<'_>, path: &Path, flags: OFlags) -> Result<OwnedFd, Errno> {
    let handle = resolve(base, path, HANDLE, ResolveFlags::NO_MAGICLINKS)?;
    if !real_path(handle.as_fd())?.starts_with(real_path(base)?) {
        return Err(Errno::XDEV);
    }
    // Opening it anew follows the magic link to that very inode, with the permissions it has.
    rustix::fs::openat(CWD, magic_link(handle.as_fd()), flags, Mode::empty())
}

fn resolve(base: BorrowedFd<'_>, path: &Path, flags: OFlags, how: ResolveFlags) -> Result<OwnedFd, Errno> {
    let attempt = || match rustix::fs::openat2(base, path, flags, Mode::empty(), how) {
        Err(Errno::AGAIN | Errno::INTR) => None,
        decided => Some(decided),
    };
    (0..RACES).find_map(|_| attempt()).unwrap_or(Err(Errno::AGAIN))
}

/// What was opened, by its own descriptor: the path may lead elsewhere by now.
pub fn stat(opened: OwnedFd) -> Result<(File, Metadata), Errno> {
    let file = File::from(opened);
    match file.metadata() {
        Ok(metadata) => Ok((file, metadata)),
        Err(error) => Err(Errno::from_io_error(&error).unwrap_or(Errno::IO)),
    }
}

fn magic_link(handle: BorrowedFd<'_>) -> String {
    format!("/proc/self/fd/{}", handle.as_raw_fd())
}

/// Where the kernel says an open file is. Without `/proc` there is no answer, and so no way in.
fn real_path(handle: BorrowedFd<'_>) -> Result<PathBuf, Errno> {
    let path = rustix::fs::readlinkat(CWD, magic_link(handle), Vec::new()).map_err(|_| Errno::XDEV)?;
    Ok(PathBuf::from(std::ffi::OsStr::from_bytes(path.as_bytes())))
}

/// A name too long for any file system is the name of nothing.
pub fn is_missing(errno: Errno) -> bool {
    matches!(errno, Errno::NOENT | Errno::NOTDIR | Errno::NAMETOOLONG)
}

/// What a cached look says when it would have to wait, or to leave the mount. Kernels before 5.12 do not know it.
pub fn is_undecided(errno: Errno) -> bool {
    matches!(errno, Errno::AGAIN | Errno::INTR | Errno::XDEV | Errno::INVAL)
}

pub fn unopened(errno: Errno, directory: &Path) -> Refusal {
    refusal(errno, &format_args!("directory {}", directory.display()))
}

/// The cause of a failure, with what it was about for the operator.
pub fn refusal(errno: Errno, what: &dyn Display) -> Refusal {
    let cause = match errno {
        errno if is_missing(errno) => Cause::NotFound,
        // ELOOP and EXDEV are links the policy refuses; a socket, or a device without its driver, is
        // refused by the kernel.
        Errno::ACCESS | Errno::PERM | Errno::LOOP | Errno::XDEV | Errno::NXIO | Errno::NODEV => {
            Cause::Forbidden
        }
        Errno::MFILE | Errno::NFILE | Errno::NOMEM => Cause::TooManyFiles,
        _ => Cause::FileRead,
    };
    Refusal::new(cause, format!("{what}: {}", std::io::Error::from(errno)))
}
