//! Reads that may wait for a disk, on threads that may wait.

use std::fs::File;
use std::io;
use std::num::NonZeroU64;
use std::os::fd::{AsFd, BorrowedFd};

use bytes::Bytes;
use rustix::buffer::spare_capacity;
use rustix::fs::{Advice, fadvise};
use rustix::io::Errno;

use super::Waiting;
use super::residency::{self, FileSystem};

/// So many reads at once for each event loop: a mount that hangs leaves threads for all other work.
const READS_MAX: usize = 12;

/// What is read at once where bytes have to go through our memory.
const STEP: usize = 64 * 1024;

/// Brings the `length` bytes at `offset` into the page cache, and has the disk begin with as many behind them.
/// Tells how many there are: fewer where the file ends.
///
/// They are moved to `/dev/null`, and not only asked for by `posix_fadvise(2)`: that tells when they are there,
/// or why not. It is remembered for where the file system does not tell.
pub async fn read_into_cache<F>(file: F, offset: u64, length: u64) -> io::Result<u64>
where
    F: AsFd + Clone + Send + 'static,
{
    let read = file.clone();
    let present = wait_for_disk(move || read_all(read.as_fd(), offset, length)).await?;
    residency::remember(file.as_fd(), offset, present);
    Ok(present)
}

/// Learns what the file system of a file is.
pub async fn ask_file_system<F>(file: F) -> io::Result<()>
where
    F: AsFd + Clone + Send + 'static,
{
    let asked = file.clone();
    let found = wait_for_disk(move || Ok(FileSystem::of(asked.as_fd()))).await?;
    residency::learn(file.as_fd(), found);
    Ok(())
}

/// Reads up to `length` bytes at `offset` into memory of their own; none is the file's end.
pub async fn read<F>(file: F, offset: u64, length: usize) -> io::Result<Bytes>
where
    F: AsFd + Send + 'static,
{
    wait_for_disk(move || {
        let mut bytes = vec![0; length];
        let count = read_at(file.as_fd(), &mut bytes, offset)?;
        bytes.truncate(count);
        Ok(bytes.into())
    })
    .await
}

/// Reads up to `length` bytes at `offset` that are known to be in memory; none is the file's end.
pub fn read_cached(file: impl AsFd, offset: u64, length: usize) -> io::Result<Bytes> {
    let mut bytes = Vec::with_capacity(length);
    loop {
        match rustix::io::pread(file.as_fd(), spare_capacity(&mut bytes), offset) {
            Err(Errno::INTR) => {}
            Err(error) => return Err(error.into()),
            Ok(_) => return Ok(bytes.into()),
        }
    }
}

fn read_all(file: BorrowedFd<'_>, offset: u64, length: u64) -> io::Result<u64> {
    // Where it is not heeded, nothing is lost but speed.
    let _ = fadvise(file, offset.saturating_add(length), NonZeroU64::new(length), Advice::WillNeed);
    // There may be none, as in a bare root directory.
    let nowhere = File::options().write(true).open("/dev/null").ok();
    let mut present = 0;
    while present < length {
        let (at, left) = (offset.saturating_add(present), length - present);
        let moved = nowhere.as_ref().map(|nowhere| pass(file, nowhere.as_fd(), at, left));
        let count = match moved {
            Some(Err(error)) if error.kind() != io::ErrorKind::InvalidInput => return Err(error),
            Some(Ok(count)) => count,
            // What cannot be moved can be read.
            Some(Err(_)) | None => {
                let room = usize::try_from(left).unwrap_or(STEP).min(STEP);
                read_at(file, &mut vec![0; room], at)?
            }
        };
        if count == 0 {
            break;
        }
        present = present.saturating_add(count as u64);
    }
    Ok(present)
}

/// Has the kernel move bytes to where they vanish: it waits for them to be in the page cache, and copies none.
fn pass(file: BorrowedFd<'_>, nowhere: BorrowedFd<'_>, offset: u64, length: u64) -> io::Result<usize> {
    let (mut at, count) = (offset, usize::try_from(length).unwrap_or(STEP));
    loop {
        match rustix::fs::sendfile(nowhere, file, Some(&mut at), count) {
            Err(Errno::INTR) => {}
            result => return result.map_err(io::Error::from),
        }
    }
}

fn read_at(file: BorrowedFd<'_>, room: &mut [u8], offset: u64) -> io::Result<usize> {
    loop {
        match rustix::io::pread(file, &mut *room, offset) {
            Err(Errno::INTR) => {}
            result => return result.map_err(io::Error::from),
        }
    }
}

thread_local! {
    static READS: Waiting = Waiting::new(READS_MAX);
}

async fn wait_for_disk<T: Send + 'static>(
    call: impl FnOnce() -> io::Result<T> + Send + 'static,
) -> io::Result<T> {
    let reads = READS.with(Waiting::clone);
    reads.run(call).await.unwrap_or_else(|error| Err(io::Error::other(error)))
}

#[cfg(test)]
mod tests {
    use std::future::Future;
    use std::io::Write;
    use std::pin::pin;
    use std::sync::Arc;
    use std::task::{Context, Waker};

    use super::*;

    fn file(content: &[u8]) -> Arc<std::fs::File> {
        let mut file = tempfile::tempfile().unwrap();
        file.write_all(content).unwrap();
        Arc::new(file)
    }

    #[tokio::test]
    async fn as_much_is_read_as_there_is() {
        let file = file(&vec![b'x'; 200_000]);
        assert_eq!(read_into_cache(Arc::clone(&file), 0, 150_000).await.unwrap(), 150_000);
        assert_eq!(read_into_cache(Arc::clone(&file), 150_000, 150_000).await.unwrap(), 50_000);
        assert_eq!(read_into_cache(file, 200_000, 5).await.unwrap(), 0);
    }

    #[tokio::test]
    async fn bytes_are_those_of_the_place() {
        let file = file(b"0123456789");
        assert_eq!(read(Arc::clone(&file), 2, 3).await.unwrap(), "234");
        assert_eq!(read(Arc::clone(&file), 8, 100).await.unwrap(), "89");
        assert_eq!(read_cached(&*file, 8, 100).unwrap(), "89");
        assert_eq!(read_cached(&*file, 2, 3).unwrap(), "234");
        assert_eq!(read(file, 10, 100).await.unwrap(), "");
    }

    #[tokio::test]
    async fn what_cannot_be_read_says_why() {
        let directory = Arc::new(std::fs::File::open("/").unwrap());
        let error = read(Arc::clone(&directory), 0, 100).await.unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::IsADirectory);
        assert!(read_into_cache(directory, 0, 100).await.is_err());
    }

    /// A pipe stands for the mount that hangs: its reader waits until something comes.
    #[tokio::test]
    async fn reads_that_hang_are_bounded() {
        let (hanging, writer) = io::pipe().unwrap();
        let mut reads: Vec<_> = (0..READS_MAX)
            .map(|_| {
                let pipe = hanging.try_clone().unwrap();
                Box::pin(wait_for_disk(move || io::Read::read(&mut &pipe, &mut [0])))
            })
            .collect();
        let mut context = Context::from_waker(Waker::noop());
        assert!(reads.iter_mut().all(|read| read.as_mut().poll(&mut context).is_pending()));
        let mut another = pin!(wait_for_disk(|| Ok(())));
        assert!(another.as_mut().poll(&mut context).is_pending());
        drop(writer);
        for read in reads {
            assert_eq!(read.await.unwrap(), 0);
        }
        another.await.unwrap();
    }
}
