//! What file systems are that do not tell what they have in memory.

use std::os::fd::BorrowedFd;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FileSystem {
    /// Consists of memory, and knows no waiting.
    Memory,
    /// Overlayfs, as below the files of containers: what was read once lies in the page cache of the disk
    /// below, and `sendfile(2)` takes it from there.
    Overlay,
    /// Behind it may be a network or another process.
    Other,
}

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
            _ => Self::Other,
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
