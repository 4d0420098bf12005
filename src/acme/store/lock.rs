//! One process at a time.

use std::fs::{File, OpenOptions};
use std::io;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use rustix::fs::{FlockOperation, flock};
use rustix::io::Errno;

use super::{blocking, file};

/// Between two looks whether the other process is done.
const LOOK: Duration = Duration::from_millis(500);

/// Held until dropped; the kernel lets go of it when the process ends, however it ends.
#[derive(Debug)]
pub(in crate::acme) struct Lock {
    _file: File,
}

impl Lock {
    /// Waits until nobody else has it.
    ///
    /// # Errors
    /// When the file cannot be made.
    pub async fn acquire(path: PathBuf) -> io::Result<Self> {
        loop {
            let path = path.clone();
            if let Some(lock) = blocking(move || attempt(&path)).await? {
                return Ok(lock);
            }
            tokio::time::sleep(LOOK).await;
        }
    }
}

fn attempt(path: &Path) -> io::Result<Option<Lock>> {
    file::make_folder(path.parent().unwrap_or(Path::new(".")))?;
    let file = OpenOptions::new().write(true).create(true).truncate(false).mode(0o600).open(path)?;
    match flock(&file, FlockOperation::NonBlockingLockExclusive) {
        Ok(()) => Ok(Some(Lock { _file: file })),
        Err(Errno::WOULDBLOCK | Errno::INTR) => Ok(None),
        Err(error) => Err(error.into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn who_comes_second_waits() {
        let state = tempfile::tempdir().unwrap();
        let path = state.path().join("folder/lock");
        let first = Lock::acquire(path.clone()).await.unwrap();
        let second = tokio::spawn(Lock::acquire(path));
        tokio::time::sleep(LOOK / 4).await;
        assert!(!second.is_finished());
        drop(first);
        second.await.unwrap().unwrap();
    }
}
