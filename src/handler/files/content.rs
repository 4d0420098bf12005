//! All of a small file.

use std::fs::File;
use std::io::IoSliceMut;
use std::os::unix::fs::FileExt;

use bytes::Bytes;
use rustix::io::ReadWriteFlags;

use super::open::Look;
use super::state::State;

/// All bytes of a file, if it holds still: after reading it is in the state it was in before. So what is
/// kept is one version, never a mix of two. A cached look takes only what is in memory already.
pub fn read(file: &File, state: &State, look: Look) -> Option<Bytes> {
    let mut buffer = vec![0; usize::try_from(state.length).ok()?];
    match look {
        Look::Disk => file.read_exact_at(&mut buffer, 0).ok()?,
        Look::Cached => read_cached(file, &mut buffer)?,
    }
    let after = file.metadata().ok()?;
    (State::from(&after) == *state).then(|| Bytes::from(buffer))
}

fn read_cached(file: &File, buffer: &mut [u8]) -> Option<()> {
    let mut at = 0;
    while at < buffer.len() {
        let mut rest = [IoSliceMut::new(buffer.get_mut(at..)?)];
        let offset = u64::try_from(at).ok()?;
        // Neither an end before the announced one nor a page that is not there is worth a second try.
        match rustix::io::preadv2(file, &mut rest, offset, ReadWriteFlags::NOWAIT) {
            Ok(count @ 1..) => at += count,
            Ok(0) | Err(_) => return None,
        }
    }
    Some(())
}
