//! One file without a name.

use std::fs::File;
use std::hash::{BuildHasher, Hasher, RandomState};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::sync::Arc;

use rustix::fs::{Mode, OFlags, open, unlink};
use rustix::io::Errno;

use super::space::Space;
use super::{Spool, SpoolError};

/// An unlinked file and its share of the quota; both end with it.
#[derive(Debug)]
pub struct SpoolFile {
    file: File,
    space: Space,
}

impl SpoolFile {
    pub(super) fn create(spool: &Arc<Spool>) -> Result<Self, SpoolError> {
        let file = nameless(&spool.directory).map_err(|error| spool.failed(error.into()))?;
        Ok(Self { file: file.into(), space: Space::none(spool) })
    }

    /// Writes all of `bytes` or takes none of the quota for them.
    pub(super) fn write_at(&self, bytes: &[u8], offset: u64) -> Result<(), SpoolError> {
        let length = bytes.len() as u64;
        self.space.take(length)?;
        self.file.write_all_at(bytes, offset).map_err(|error| {
            self.space.give_back(length);
            self.spool().failed(error)
        })
    }

    pub(super) fn read_at(&self, bytes: &mut [u8], offset: u64) -> Result<(), SpoolError> {
        self.file.read_exact_at(bytes, offset).map_err(|error| self.spool().failed(error))
    }

    pub(super) fn spool(&self) -> &Arc<Spool> {
        &self.space.spool
    }
}

impl AsFd for SpoolFile {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.file.as_fd()
    }
}

/// Never visible, where the file system can do that (`O_TMPFILE`); else only for a moment.
fn nameless(directory: &Path) -> Result<OwnedFd, Errno> {
    let access = OFlags::RDWR | OFlags::CLOEXEC;
    let mode = Mode::RUSR | Mode::WUSR;
    match open(directory, access | OFlags::TMPFILE, mode) {
        Err(Errno::OPNOTSUPP | Errno::ISDIR | Errno::INVAL) => unlinked(directory, access, mode),
        result => result,
    }
}

/// A name that nobody can guess, and `O_EXCL`: the directory may be everybody's.
fn unlinked(directory: &Path, access: OFlags, mode: Mode) -> Result<OwnedFd, Errno> {
    let random = RandomState::new().build_hasher().finish();
    let path = directory.join(format!("rproxy-body-{random:016x}"));
    let file = open(&path, access | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW, mode)?;
    unlink(&path)?;
    Ok(file)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_ways_to_make_a_file_leave_nothing_to_see() {
        let directory = tempfile::tempdir().unwrap();
        let access = OFlags::RDWR | OFlags::CLOEXEC;
        let mode = Mode::RUSR | Mode::WUSR;
        let files = [nameless(directory.path()), unlinked(directory.path(), access, mode)];
        for file in files {
            let file = File::from(file.unwrap());
            file.write_all_at(b"body", 0).unwrap();
            let facts = rustix::fs::fstat(&file).unwrap();
            assert_eq!((facts.st_nlink, facts.st_mode & 0o777), (0, 0o600));
        }
        assert_eq!(std::fs::read_dir(directory.path()).unwrap().count(), 0);
    }
}
