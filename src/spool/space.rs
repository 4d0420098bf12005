//! Shares of the quota.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use super::{Spool, SpoolError};

/// What one file has of the quota; given back when it goes.
#[derive(Debug)]
pub(super) struct Space {
    pub spool: Arc<Spool>,
    taken: AtomicU64,
}

impl Space {
    pub fn none(spool: &Arc<Spool>) -> Self {
        Self { spool: Arc::clone(spool), taken: AtomicU64::new(0) }
    }

    /// All of `bytes`, or nothing.
    pub fn take(&self, bytes: u64) -> Result<(), SpoolError> {
        let Spool { quota, share, .. } = *self.spool;
        if self.taken.load(Ordering::Relaxed).saturating_add(bytes) > share {
            return Err(SpoolError::Share { share });
        }
        let fits = |used: u64| used.checked_add(bytes).filter(|used| *used <= quota);
        let taken = self.spool.used.fetch_update(Ordering::Relaxed, Ordering::Relaxed, fits);
        taken.map_err(|_| SpoolError::Quota { quota })?;
        self.taken.fetch_add(bytes, Ordering::Relaxed);
        Ok(())
    }

    pub fn give_back(&self, bytes: u64) {
        self.taken.fetch_sub(bytes, Ordering::Relaxed);
        self.spool.used.fetch_sub(bytes, Ordering::Relaxed);
    }
}

impl Drop for Space {
    fn drop(&mut self) {
        self.give_back(self.taken.load(Ordering::Relaxed));
    }
}
