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

/// What a path turned out to be.
#[derive(Debug)]
pub enum Entry {
    Missing,
    Directory,
    File(File, State),
}

/// Without blocking on a FIFO, and without a terminal becoming ours.
const READ: OFlags = OFlags::RDONLY.union(OFlags::NONBLOCK).union(OFlags::NOCTTY).union(OFlags::CLOEXEC);

/// Only a handle, which has no effect on what it names.
const HANDLE: OFlags = OFlags::PATH.union(OFlags::CLOEXEC);

/// `openat2` answers EAGAIN when something was renamed while it resolved `..`; trying again is the remedy.
const RACES: usize = 64;

/// The directory of a location, open. Symbolic links on the way to it are the operator's own.
#[derive(Debug)]
pub struct Base(OwnedFd);

impl Base {
    pub fn open(directory: &Path) -> Result<Self, Fault> {
        let flags = HANDLE.union(OFlags::DIRECTORY);
        let opened = rustix::fs::open(directory, flags, Mode::empty());
        opened.map(Self).map_err(|errno| fault(errno, &format_args!("directory {}", directory.display())))
    }

    /// Opens a file below. Other than files and directories, nothing is served: reading a FIFO or a
    /// device has effects, and no end.
    pub fn entry(&self, path: &[u8], symlinks: Symlinks) -> Result<Entry, Fault> {
        match self.open_below(path, READ, symlinks).and_then(look) {
            Ok((file, metadata)) if metadata.is_file() => Ok(Entry::File(file, State::from(&metadata))),
            Ok((_, metadata)) if metadata.is_dir() => Ok(Entry::Directory),
            Ok(_) => Err(Fault::new(Cause::Forbidden, format!("{}: not a regular file", shown(path)))),
            Err(errno) if is_missing(errno) => Ok(Entry::Missing),
            Err(errno) => Err(fault(errno, &shown(path))),
        }
    }

    /// Whether a directory is there. It need not be readable for that.
    pub fn has_directory(&self, path: &[u8], symlinks: Symlinks) -> Result<bool, Fault> {
        match self.open_below(path, HANDLE.union(OFlags::DIRECTORY), symlinks) {
            Ok(_) => Ok(true),
            Err(errno) if is_missing(errno) => Ok(false),
            Err(errno) => Err(fault(errno, &shown(path))),
        }
    }

    fn open_below(&self, path: &[u8], flags: OFlags, symlinks: Symlinks) -> Result<OwnedFd, Errno> {
        let path = Path::new(std::ffi::OsStr::from_bytes(if path.is_empty() { b"." } else { path }));
        let (beneath, links) = (ResolveFlags::BENEATH, ResolveFlags::NO_MAGICLINKS);
        match symlinks {
            Symlinks::Follow => resolve(self.0.as_fd(), path, flags, links),
            Symlinks::Deny => {
                resolve(self.0.as_fd(), path, flags, beneath.union(links).union(ResolveFlags::NO_SYMLINKS))
            }
            Symlinks::Inside => match resolve(self.0.as_fd(), path, flags, beneath.union(links)) {
                Err(Errno::XDEV) => self.open_by_absolute_link(path, flags),
                opened => opened,
            },
        }
    }

    /// BENEATH refuses every absolute link, also one that leads back inside. So take a handle on what it
    /// leads to and ask the kernel where that is. The judgement is on the handle, and the same handle
    /// is opened, so swapping links in between changes nothing.
    fn open_by_absolute_link(&self, path: &Path, flags: OFlags) -> Result<OwnedFd, Errno> {
        let handle = resolve(self.0.as_fd(), path, HANDLE, ResolveFlags::NO_MAGICLINKS)?;
        if !real_path(handle.as_fd())?.starts_with(real_path(self.0.as_fd())?) {
            return Err(Errno::XDEV);
        }
        // Opening it anew follows the magic link to that very inode, with the permissions it has.
        rustix::fs::openat(CWD, magic_link(handle.as_fd()), flags, Mode::empty())
    }
}

fn resolve(base: BorrowedFd<'_>, path: &Path, flags: OFlags, how: ResolveFlags) -> Result<OwnedFd, Errno> {
    let attempt = || match rustix::fs::openat2(base, path, flags, Mode::empty(), how) {
        Err(Errno::AGAIN | Errno::INTR) => None,
        decided => Some(decided),
    };
    (0..RACES).find_map(|_| attempt()).unwrap_or(Err(Errno::AGAIN))
}

/// What was opened, by its own descriptor: the path may lead elsewhere by now.
fn look(opened: OwnedFd) -> Result<(File, Metadata), Errno> {
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

fn shown(path: &[u8]) -> String {
    String::from_utf8_lossy(path).into_owned()
}

/// The cause of a failure, with what it was about for the operator.
pub fn fault(errno: Errno, what: &dyn Display) -> Fault {
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
    Fault::new(cause, format!("{what}: {}", std::io::Error::from(errno)))
}

#[cfg(test)]
mod tests;
