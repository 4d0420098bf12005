//! Whether the files of a mount are this machine's own, or have to be waited for.

use std::os::fd::BorrowedFd;

use rustix::fs::{AtFlags, StatxFlags};

/// Magic numbers of file systems behind which there is a network or another process (statfs(2),
/// `linux/magic.h`): there even opening a file whose name is known asks somebody, who may not answer.
const REMOTE: [u64; 13] = [
    0x6969,      // NFS
    0xff53_4d42, // CIFS
    0xfe53_4d42, // SMB2
    0x517b,      // SMB
    0x564c,      // NCP
    0x6573_5546, // FUSE
    0x0102_1997, // 9P
    0x00c3_6400, // Ceph
    0x0bd0_0bd0, // Lustre
    0x7375_7245, // Coda
    0x5346_414f, // OpenAFS
    0x6b41_4653, // AFS
    0x0116_1970, // GFS2
];

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Mount {
    /// The kernel's own number of it; `None` if it does not tell.
    id: Option<u64>,
    is_local: bool,
}

impl Mount {
    /// Of an open directory. May wait for the other machine.
    pub fn of(directory: BorrowedFd<'_>) -> Self {
        let is_local = rustix::fs::fstatfs(directory).is_ok_and(|found| !REMOTE.contains(&magic(&found)));
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

/// A number of 32 bits, whatever its type is on this machine.
fn magic(found: &rustix::fs::StatFs) -> u64 {
    u64::try_from(found.f_type & 0xffff_ffff).unwrap_or_default()
}

/// Without asking anybody but the kernel.
fn number(directory: BorrowedFd<'_>) -> Option<u64> {
    let flags = AtFlags::EMPTY_PATH.union(AtFlags::STATX_DONT_SYNC);
    let found = rustix::fs::statx(directory, c"", flags, StatxFlags::MNT_ID).ok()?;
    (found.stx_mask & StatxFlags::MNT_ID.bits() != 0).then_some(found.stx_mnt_id)
}
