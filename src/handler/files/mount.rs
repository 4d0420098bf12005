//! Whether the files of a mount are this machine's own, or have to be waited for.

use std::os::fd::BorrowedFd;

use rustix::fs::{AtFlags, StatxFlags};

use crate::net::FileSystem;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Mount {
    /// The kernel's own number of it; `None` if it does not tell.
    id: Option<u64>,
    is_local: bool,
}

impl Mount {
    /// Of an open directory. May wait for the other machine.
    pub fn of(directory: BorrowedFd<'_>) -> Self {
        let is_local = FileSystem::of(directory) != FileSystem::Remote;
        Self { id: number(directory), is_local }
    }

    /// The same for a directory that was opened again: `None` if it is on another mount now.
    pub fn again(self, directory: BorrowedFd<'_>) -> Option<Self> {
        let id = number(directory)?;
        (self.id == Some(id)).then_some(self)
    }

    pub const fn is_local(self) -> bool {
        self.is_local
    }
}

/// Without asking anybody but the kernel.
fn number(directory: BorrowedFd<'_>) -> Option<u64> {
    let flags = AtFlags::EMPTY_PATH.union(AtFlags::STATX_DONT_SYNC);
    let found = rustix::fs::statx(directory, c"", flags, StatxFlags::MNT_ID).ok()?;
    (found.stx_mask & StatxFlags::MNT_ID.bits() != 0).then_some(found.stx_mnt_id)
}
