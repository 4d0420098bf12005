//! What stands in for the word of a file system that does not tell: what it is, and what was read of it a
//! moment ago, by whichever connection of the event loop.

use std::cell::RefCell;
use std::ops::Range;
use std::os::fd::BorrowedFd;
use std::time::Instant;

use rustix::fs::{AtFlags, StatxFlags};

use super::recent::Recent;
use super::{FileSystem, Residency};

/// Devices that are remembered. Each layer below an overlay may have a number of its own.
const DEVICES: usize = 256;

/// Parts of files that are remembered: up to 4 GiB of them, in about half a megabyte.
const PARTS: usize = 4096;

/// Files are remembered by parts of this size, so that many may watch one film at different places.
const PART: u64 = 1024 * 1024;

/// Major and minor number.
type Device = (u32, u32);

/// A file in one state. One that was written to is another: what was read of it says nothing any more.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
struct Identity {
    device: Device,
    inode: u64,
    length: u64,
    changed: (i64, u32),
}

impl Identity {
    /// From what the kernel has in memory: unlike `fstat(2)` this asks no other machine.
    fn of(file: BorrowedFd<'_>) -> Option<Self> {
        let flags = AtFlags::EMPTY_PATH.union(AtFlags::STATX_DONT_SYNC);
        let wanted = StatxFlags::INO.union(StatxFlags::SIZE).union(StatxFlags::CTIME);
        let found = rustix::fs::statx(file, c"", flags, wanted).ok()?;
        Some(Self {
            device: (found.stx_dev_major, found.stx_dev_minor),
            inode: found.stx_ino,
            length: found.stx_size,
            changed: (found.stx_ctime.tv_sec, found.stx_ctime.tv_nsec),
        })
    }
}

#[derive(Debug)]
struct Known {
    file_systems: Recent<Device, FileSystem>,
    /// The range that was read, by file and number of the part.
    parts: Recent<(Identity, u64), Range<u64>>,
}

thread_local! {
    static KNOWN: RefCell<Known> = RefCell::new(Known::new());
}

pub fn residency(file: BorrowedFd<'_>, offset: u64, length: u64) -> Residency {
    let Some(identity) = Identity::of(file) else { return Residency::Untold };
    let now = Instant::now();
    KNOWN.with_borrow(|known| match known.file_systems.get(&identity.device, now) {
        None => Residency::Unknown,
        Some((FileSystem::Memory, _)) => Residency::Present(length),
        Some((FileSystem::Overlay, _)) => known.read(identity, offset, length, now),
        Some((FileSystem::Remote | FileSystem::Other, _)) => Residency::Untold,
    })
}

/// What `FileSystem::of` has found.
pub fn learn(file: BorrowedFd<'_>, found: FileSystem) {
    let Some(identity) = Identity::of(file) else { return };
    let now = Instant::now();
    KNOWN.with_borrow_mut(|known| known.file_systems.insert(identity.device, found, now, now));
}

/// The `length` bytes at `offset` were read just now.
pub fn remember(file: BorrowedFd<'_>, offset: u64, length: u64) {
    let Some(identity) = Identity::of(file) else { return };
    let now = Instant::now();
    KNOWN.with_borrow_mut(|known| {
        // The others tell themselves.
        if known
            .file_systems
            .get(&identity.device, now)
            .is_some_and(|(found, _)| *found == FileSystem::Overlay)
        {
            known.add(identity, offset, length, now);
        }
    });
}

impl Known {
    fn new() -> Self {
        Self { file_systems: Recent::new(DEVICES), parts: Recent::new(PARTS) }
    }

    fn read(&self, file: Identity, offset: u64, length: u64, now: Instant) -> Residency {
        match self.parts.get(&(file, offset / PART), now) {
            Some((read, _)) if read.contains(&offset) => Residency::Present(length.min(read.end - offset)),
            _ => Residency::Absent,
        }
    }

    fn add(&mut self, file: Identity, offset: u64, length: u64, now: Instant) {
        let end = offset.saturating_add(length);
        let mut at = offset;
        while at < end {
            let number = at / PART;
            let stop = end.min(number.saturating_add(1).saturating_mul(PART));
            self.add_to_part((file, number), at..stop, now);
            at = stop;
        }
    }

    /// What continues a range that is known makes it larger, but no younger.
    fn add_to_part(&mut self, part: (Identity, u64), read: Range<u64>, now: Instant) {
        let before = self.parts.get(&part, now);
        let joined = before.filter(|(range, _)| range.start <= read.end && read.start <= range.end);
        let (range, since) = match joined {
            Some((range, since)) => (range.start.min(read.start)..range.end.max(read.end), since),
            None => (read, now),
        };
        self.parts.insert(part, range, since, now);
    }
}

#[cfg(test)]
mod tests;
