//! Whether the bytes of a file are in memory, so that `sendfile(2)` finds them without waiting for a disk.

mod file_system;
mod recent;
mod untold;

use std::io::IoSliceMut;
use std::os::fd::BorrowedFd;

use rustix::io::{Errno, ReadWriteFlags};

pub use file_system::FileSystem;
pub use untold::{learn, remember};

/// How far apart bytes are looked at. The kernel reads files in lumps of this size by default (128 KiB of
/// `read_ahead_kb`), and mostly drops them so.
const STRIDE: u64 = 128 * 1024;

/// What is known of the bytes at some place of a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Residency {
    /// So many can be sent without waiting; at least one.
    Present(u64),
    /// They have to be read first.
    Absent,
    /// Nobody can tell: behind the file system may be a network or another process.
    Untold,
    /// The file system does not tell, and nobody has asked yet what it is, which may take as long as a read.
    Unknown,
}

/// Looks at single bytes of the `length` at `offset`: the first, the last, and one in every stride between.
/// A stride counts as present when the bytes at both its ends are.
///
/// This is `preadv2(2)` with `RWF_NOWAIT`: unlike `mincore(2)` it also tells of pages that are still being
/// read, and newer kernels begin to read what is absent. A file's end counts as present: there is nothing to
/// wait for.
pub fn residency(file: BorrowedFd<'_>, offset: u64, length: u64) -> Residency {
    let end = offset.saturating_add(length);
    let mut present = offset;
    let mut at = offset;
    loop {
        match look(file, at) {
            Ok(0) => return Residency::Present(length),
            Ok(_) => present = at,
            Err(Errno::AGAIN) => break,
            Err(_) => return untold::residency(file, offset, length),
        }
        if at >= end.saturating_sub(1) {
            return Residency::Present(length);
        }
        at = next(at).min(end.saturating_sub(1));
    }
    match present.saturating_sub(offset) {
        0 => Residency::Absent,
        count => Residency::Present(count),
    }
}

/// The beginning of the next stride of the file.
const fn next(at: u64) -> u64 {
    (at / STRIDE).saturating_add(1).saturating_mul(STRIDE)
}

fn look(file: BorrowedFd<'_>, at: u64) -> Result<usize, Errno> {
    let mut byte = [0];
    loop {
        match rustix::io::preadv2(file, &mut [IoSliceMut::new(&mut byte)], at, ReadWriteFlags::NOWAIT) {
            Err(Errno::INTR) => {}
            looked => return looked,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::fs::File;
    use std::ops::Range;
    use std::os::fd::AsFd;
    use std::os::unix::fs::FileExt;
    use std::slice;

    use rustix::fs::{Advice, fadvise};

    use super::*;

    /// Whether a look at a file of so many bytes, of which nothing is in memory but what was `read`, is ever
    /// the expected one. The kernel may keep what it was told to drop, but does not do so each time.
    fn sees(length: u64, read: &[Range<u64>], expected: Residency) -> bool {
        (0..100).any(|_| {
            let file = written(env!("CARGO_MANIFEST_DIR"), usize::try_from(length).unwrap());
            file.sync_all().unwrap();
            // Readahead would make more present than is read.
            fadvise(&file, 0, None, Advice::Random).unwrap();
            fadvise(&file, 0, None, Advice::DontNeed).unwrap();
            for part in read {
                let mut bytes = vec![0; usize::try_from(part.end - part.start).unwrap()];
                file.read_exact_at(&mut bytes, part.start).unwrap();
            }
            residency(file.as_fd(), 0, length) == expected
        })
    }

    fn written(directory: &str, length: usize) -> File {
        let file = tempfile::NamedTempFile::new_in(directory).unwrap();
        std::fs::write(file.path(), vec![b'x'; length]).unwrap();
        file.reopen().unwrap()
    }

    const LENGTH: u64 = 5 * STRIDE + 1000;

    #[test]
    fn what_was_read_is_present_up_to_where_it_was() {
        let (start, all) = (0..2 * STRIDE + 1, 0..LENGTH);
        assert!(sees(LENGTH, &[], Residency::Absent));
        assert!(sees(LENGTH, &[start], Residency::Present(2 * STRIDE)));
        assert!(sees(LENGTH, &[all], Residency::Present(LENGTH)));
    }

    #[test]
    fn one_end_of_a_stride_is_not_enough() {
        let (first, last) = (0..1, 99_999..100_000);
        assert!(sees(100_000, slice::from_ref(&first), Residency::Absent));
        assert!(sees(100_000, slice::from_ref(&last), Residency::Absent));
        assert!(sees(100_000, &[first, last], Residency::Present(100_000)));
    }

    #[test]
    fn behind_the_end_is_nothing_to_wait_for() {
        let file = written(env!("CARGO_MANIFEST_DIR"), 0);
        assert_eq!(residency(file.as_fd(), 0, 1 << 40), Residency::Present(1 << 40));
    }

    /// Before and after it is known what its file system is.
    fn asked(file: &File) -> [Residency; 2] {
        let before = residency(file.as_fd(), 0, 300_000);
        learn(file.as_fd(), FileSystem::of(file.as_fd()));
        [before, residency(file.as_fd(), 0, 300_000)]
    }

    #[test]
    fn a_file_system_of_memory_is_always_present() {
        let file = written("/dev/shm", 300_000);
        assert_eq!(asked(&file), [Residency::Unknown, Residency::Present(300_000)]);
    }

    #[test]
    fn some_file_systems_do_not_tell() {
        let file = File::open("/proc/self/status").unwrap();
        assert_eq!(asked(&file), [Residency::Unknown, Residency::Untold]);
    }
}
