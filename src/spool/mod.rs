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
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use tokio::sync::Semaphore;

pub use file::SpoolFile;
pub use reader::Reader;
pub use writer::Writer;

/// Disk calls under way at once. A disk that hangs must not use up the blocking pool, which has other users.
const CALLS: usize = 64;

/// Where bodies go that are too large for memory; one for all event loops.
#[derive(Debug)]
pub struct Spool {
    directory: PathBuf,
    quota: u64,
    used: AtomicU64,
    calls: Arc<Semaphore>,
}

/// Why a body does not fit on disk. What was written before is still there.
#[derive(Debug, thiserror::Error)]
pub enum SpoolError {
    #[error("the {quota} bytes for bodies on disk are used up")]
    Quota { quota: u64 },
    #[error("{directory}: {error}")]
    Disk { directory: String, error: io::Error },
}

impl Spool {
    pub fn new(directory: PathBuf, quota: u64) -> Arc<Self> {
        Arc::new(Self { directory, quota, used: AtomicU64::new(0), calls: Arc::new(Semaphore::new(CALLS)) })
    }

    /// Bytes of all files that are open.
    pub fn used(&self) -> u64 {
        self.used.load(Ordering::Relaxed)
    }

    /// Whether a file can be made there at all; waits for the disk.
    ///
    /// # Errors
    /// What the kernel says to it.
    pub fn check(self: &Arc<Self>) -> Result<(), SpoolError> {
        SpoolFile::create(self).map(drop)
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
