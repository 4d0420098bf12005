//! Bodies on disk: unlinked files in one directory, together below a quota.
//!
//! The kernel frees an unlinked file with its last descriptor, so nothing stays behind whatever becomes of
//! the process. Whatever may wait for a disk happens in the runtime's blocking pool: a page cache that is
//! full of dirty pages holds up a writer for as long as the disk takes, and an event loop has other clients.

mod file;
mod reader;
mod space;
mod writer;

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use tokio::sync::Semaphore;

pub use file::SpoolFile;
pub use reader::Reader;
pub use writer::Writer;

/// Disk calls under way at once. A disk that hangs must not use up the blocking pool, which has other
/// users; and each call under way has a thread, whose stack is memory.
const CALLS: usize = 8;

/// `TMPFS_MAGIC` of statfs(2).
const TMPFS: rustix::fs::FsWord = 0x0102_1994;

/// Where bodies go that are too large for memory; one for all event loops.
#[derive(Debug)]
pub struct Spool {
    directory: PathBuf,
    quota: u64,
    /// What one file may have of it, so that a single body leaves room for others.
    share: u64,
    used: AtomicU64,
    calls: Arc<Semaphore>,
}

/// What the directory is on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Place {
    /// Bytes that are left there.
    pub free: u64,
    /// Whether it is a tmpfs, whose files are memory.
    pub is_memory: bool,
}

/// Why a body does not fit on disk. What was written before is still there.
#[derive(Debug, thiserror::Error)]
pub enum SpoolError {
    #[error("the {quota} bytes for bodies on disk are used up")]
    Quota { quota: u64 },
    #[error("one body may have {share} bytes on disk")]
    Share { share: u64 },
    #[error("{directory}: {error}")]
    Disk { directory: String, error: io::Error },
}

impl Spool {
    /// `quota` and `share` in bytes: of all files together, and of each.
    pub fn new(directory: PathBuf, quota: u64, share: u64) -> Arc<Self> {
        let (used, calls) = (AtomicU64::new(0), Arc::new(Semaphore::new(CALLS)));
        Arc::new(Self { directory, quota, share, used, calls })
    }

    /// Bytes of all files that are open.
    pub fn used(&self) -> u64 {
        self.used.load(Ordering::Relaxed)
    }

    pub fn quota(&self) -> u64 {
        self.quota
    }

    pub fn directory(&self) -> &Path {
        &self.directory
    }

    /// Makes a file to see whether that is possible, and looks at what it is on; waits for the disk.
    ///
    /// # Errors
    /// What the kernel says to it.
    pub fn check(self: &Arc<Self>) -> Result<Place, SpoolError> {
        let file = SpoolFile::create(self)?;
        let facts = rustix::fs::fstatfs(&file).map_err(|error| self.failed(error.into()))?;
        let block = u64::try_from(facts.f_bsize).unwrap_or_default();
        Ok(Place { free: facts.f_bavail.saturating_mul(block), is_memory: facts.f_type == TMPFS })
    }

    /// Runs a call that may wait for the disk.
    async fn wait_for_disk<T: Send + 'static>(
        &self,
        call: impl FnOnce() -> Result<T, SpoolError> + Send + 'static,
    ) -> Result<T, SpoolError> {
        let permit = Arc::clone(&self.calls).acquire_owned().await;
        let called = tokio::task::spawn_blocking(move || {
            // Held until the disk is done, also when nobody waits for it any more.
            let _permit = permit;
            call()
        });
        called.await.unwrap_or_else(|error| Err(self.failed(io::Error::other(error))))
    }

    fn failed(&self, error: io::Error) -> SpoolError {
        SpoolError::Disk { directory: self.directory.display().to_string(), error }
    }
}

#[cfg(test)]
mod tests;
