//! Opens what lies below a directory, and nothing else. The kernel keeps the path inside
//! (`openat2(2)`), so there is no moment between a check and its use.

use std::ffi::CStr;
use std::fmt::Display;
use std::fs::{File, Metadata};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use rustix::fs::{CWD, Mode, OFlags, ResolveFlags};
use rustix::io::Errno;

use super::listing::{self, Listing};
use super::mount::Mount;
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
const READ: OFlags = OFlags::RDONLY.union(OFlags::NONBLOCK).union(OFlags::NOCTTY).union(OFlags::CLOEXEC);

/// Only a handle, which has no effect on what it names.
const HANDLE: OFlags = OFlags::PATH.union(OFlags::CLOEXEC);

const DIRECTORY: OFlags = HANDLE.union(OFlags::DIRECTORY);

/// `openat2` answers EAGAIN when something was renamed while it resolved `..`; trying again is the remedy.
const RACES: usize = 64;

/// The directory of a location, open. Symbolic links on the way to it are the operator's own.
#[derive(Debug)]
pub struct Base {
    directory: OwnedFd,
    mount: Mount,
}

impl Base {
    pub fn open(directory: &Path) -> Result<Self, Refusal> {
        let opened = rustix::fs::open(directory, DIRECTORY, Mode::empty());
        let directory = opened.map_err(|errno| unopened(errno, directory))?;
        let mount = Mount::of(directory.as_fd());
        Ok(Self { directory, mount })
    }

    /// The directory of that path as it is now, if that can be told without waiting.
    pub fn open_again(&self, directory: &Path) -> Option<Result<Self, Refusal>> {
        let opened = rustix::fs::openat2(CWD, directory, DIRECTORY, Mode::empty(), ResolveFlags::CACHED);
        let opened = match opened {
            Ok(opened) => opened,
            Err(errno) if is_undecided(errno) => return None,
            Err(errno) => return Some(Err(unopened(errno, directory))),
        };
        let mount = self.mount.again(opened.as_fd())?;
        Some(Ok(Self { directory: opened, mount }))
    }

    pub const fn is_local(&self) -> bool {
        self.mount.is_local()
    }

    /// Opens a file below. Other than files and directories, nothing is served: reading a FIFO or a
    /// device has effects, and no end. `None` if a cached look cannot tell.
    pub fn entry(&self, place: Place<'_>, symlinks: Symlinks, look: Look) -> Result<Option<Entry>, Refusal> {
        let opened = self.open_below(place, READ, symlinks, look).and_then(stat);
        Ok(Some(match opened {
            Ok((file, metadata)) if metadata.is_file() => Entry::File(file, State::from(&metadata)),
            Ok((_, metadata)) if metadata.is_dir() => Entry::Directory,
            Ok(_) => {
                return Err(Refusal::new(Cause::Forbidden, format!("{}: not a regular file", place.shown())));
            }
            Err(errno) if is_missing(errno) => Entry::Missing,
            Err(errno) if look == Look::Cached && is_undecided(errno) => return Ok(None),
            Err(errno) => return Err(refusal(errno, &place.shown())),
        }))
    }

    /// Whether a directory is there. It need not be readable for that.
    pub fn has_directory(
        &self,
        place: Place<'_>,
        symlinks: Symlinks,
        look: Look,
    ) -> Result<Option<bool>, Refusal> {
        match self.open_below(place, DIRECTORY, symlinks, look) {
            Ok(_) => Ok(Some(true)),
            Err(errno) if is_missing(errno) => Ok(Some(false)),
            Err(errno) if look == Look::Cached && is_undecided(errno) => Ok(None),
            Err(errno) => Err(refusal(errno, &place.shown())),
        }
    }

    /// Reads a directory. Links in it are what they lead to, by the same rules that files are opened by.
    pub fn list(
        &self,
        place: Place<'_>,
        symlinks: Symlinks,
        wanted: &listing::Wanted,
    ) -> Result<Listing, Refusal> {
        let refused = |errno| refusal(errno, &place.shown());
        let flags = READ.union(OFlags::DIRECTORY);
        let directory = self.open_below(place, flags, symlinks, Look::Disk).map_err(refused)?;
        let follow = |name: &CStr| {
            let path = [place.path, b"/", name.to_bytes()].concat();
            let path = path.strip_prefix(b"/").unwrap_or(&path);
            let opened = self.open_below(Place { path, ..place }, HANDLE, symlinks, Look::Disk).ok()?;
            rustix::fs::fstat(opened).ok()
        };
        listing::list(directory, wanted, &follow).map_err(refused)
    }

    fn open_below(
        &self,
        place: Place<'_>,
        flags: OFlags,
        symlinks: Symlinks,
        look: Look,
    ) -> Result<OwnedFd, Errno> {
        if look == Look::Cached && !self.mount.is_local() {
            return Err(Errno::AGAIN);
        }
        if place.below.is_empty() {
            return open_in(self.directory.as_fd(), place.path, flags, symlinks, look);
        }
        let root = open_in(self.directory.as_fd(), place.below, DIRECTORY, symlinks, look)?;
        open_in(root.as_fd(), place.path, flags, symlinks, look)
    }
}

impl Place<'_> {
    fn shown(self) -> String {
        let path = String::from_utf8_lossy(self.path);
        match self.below {
            b"" => path.into_owned(),
            below => format!("{}/{path}", String::from_utf8_lossy(below)),
        }
    }
}

fn open_in(
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
fn stat(opened: OwnedFd) -> Result<(File, Metadata), Errno> {
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
fn is_missing(errno: Errno) -> bool {
    matches!(errno, Errno::NOENT | Errno::NOTDIR | Errno::NAMETOOLONG)
}

/// What a cached look says when it would have to wait, or to leave the mount. Kernels before 5.12 do not know it.
fn is_undecided(errno: Errno) -> bool {
    matches!(errno, Errno::AGAIN | Errno::INTR | Errno::XDEV | Errno::INVAL)
}

fn unopened(errno: Errno, directory: &Path) -> Refusal {
    refusal(errno, &format_args!("directory {}", directory.display()))
}

/// The cause of a failure, with what it was about for the operator.
fn refusal(errno: Errno, what: &dyn Display) -> Refusal {
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

#[cfg(test)]
mod tests;
