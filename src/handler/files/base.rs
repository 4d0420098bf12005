//! The directory of a location, open, and what is found below it.

use std::ffi::CStr;
use std::os::fd::{AsFd, OwnedFd};
use std::path::Path;

use rustix::fs::{CWD, Mode, OFlags, ResolveFlags};
use rustix::io::Errno;

use super::listing::{self, Listing};
use super::mount::Mount;
use super::open::{
    DIRECTORY, Entry, HANDLE, Look, Place, READ, Refusal, Symlinks, is_missing, is_undecided, open_in,
    refusal, stat, unopened,
};
use super::state::State;
use crate::http::Cause;

/// Symbolic links on the way to it are the operator's own.
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

#[cfg(test)]
mod tests;
