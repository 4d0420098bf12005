//! What file systems are: who has to be waited for.

use std::os::fd::BorrowedFd;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FileSystem {
    /// Consists of memory, and knows no waiting.
    Memory,
    /// Overlayfs, as below the files of containers: what was read once lies in the page cache of the disk
    /// below, and `sendfile(2)` takes it from there.
    Overlay,
    /// Behind it is a network or another process, or nobody says what it is.
    Remote,
    /// A disk, as far as is known.
    Other,
}

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

impl FileSystem {
    /// May wait as long as a read may: file systems of a network ask the other machine.
    pub fn of(file: BorrowedFd<'_>) -> Self {
        const TMPFS: u64 = 0x0102_1994;
        const RAMFS: u64 = 0x8584_58f6;
        const OVERLAYFS: u64 = 0x794c_7630;
        // A number of 32 bits, whatever its type is on this machine.
        let kind = rustix::fs::fstatfs(file).map(|found| u64::try_from(found.f_type & 0xffff_ffff));
        match kind {
            Ok(Ok(TMPFS | RAMFS)) => Self::Memory,
            Ok(Ok(OVERLAYFS)) => Self::Overlay,
            Ok(Ok(kind)) if !REMOTE.contains(&kind) => Self::Other,
            _ => Self::Remote,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::fs::File;
    use std::os::fd::AsFd;

    use super::*;

    #[test]
    fn file_systems_are_told_apart() {
        let of = |path| FileSystem::of(File::open(path).unwrap().as_fd());
        assert_eq!(of("/dev/shm"), FileSystem::Memory);
        assert_eq!(of("/proc/self/status"), FileSystem::Other);
    }
}
