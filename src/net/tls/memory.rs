//! Memory for records on their way in and out, one piece of each for every event loop: what one connection
//! uses for a moment, the next one finds in the processor's cache.

use std::cell::{Cell, RefCell};
use std::io::IoSlice;

use bytes::BytesMut;

/// What is read at once: two records, and the beginning of a third.
pub(super) const ROOM: usize = 34 * 1024;

/// Memory that grew beyond this is given back to the allocator.
const LARGEST: usize = 2 * ROOM;

thread_local! {
    static INCOMING: Cell<Option<BytesMut>> = const { Cell::new(None) };
    static CONTENT: RefCell<Vec<u8>> = const { RefCell::new(Vec::new()) };
    static GATHERED: RefCell<Vec<u8>> = const { RefCell::new(Vec::new()) };
    static RECORDS: RefCell<Vec<u8>> = const { RefCell::new(Vec::new()) };
}

/// Empty memory for what comes in.
pub(super) fn take() -> BytesMut {
    INCOMING.take().unwrap_or_default()
}

/// For the next connection.
pub(super) fn give_back(mut memory: BytesMut) {
    memory.clear();
    if memory.try_reclaim(ROOM) && memory.capacity() <= LARGEST {
        INCOMING.set(Some(memory));
    }
}

/// The size of a page, after which the processor takes addresses for the same.
const PAGE: usize = 4096;

/// Where memory begins in its page that is copied from or to. The records that rustls makes begin where a page
/// does, and their content 5 bytes behind that. AMD's Zen copies at 2 GB/s, and not at 50, what goes to less
/// than 64 bytes behind the place in the page that it comes from (`rep movsb`, as glibc before 2.40 uses it there).
const GATHERED_AT: usize = 512;
const RECORDS_AT: usize = 1024;
const CONTENT_AT: usize = 2048;

/// Up to `most` bytes of several slices as one: a record each would cost more than the copy.
pub(super) fn with_gathered<R>(slices: &[IoSlice<'_>], most: usize, use_it: impl FnOnce(&[u8]) -> R) -> R {
    GATHERED.with_borrow_mut(|gathered| {
        let mut filled = 0;
        let memory = at(gathered, GATHERED_AT, most);
        for slice in slices {
            let Some(room) = memory.get_mut(filled..) else { break };
            let count = slice.len().min(room.len());
            if let (Some(to), Some(from)) = (room.get_mut(..count), slice.get(..count)) {
                to.copy_from_slice(from);
            }
            filled += count;
        }
        use_it(memory.get(..filled).unwrap_or_default())
    })
}

/// Room for so many bytes of content.
pub(in crate::net) fn with_content<R>(size: usize, use_it: impl FnOnce(&mut [u8]) -> R) -> R {
    CONTENT.with_borrow_mut(|content| use_it(at(content, CONTENT_AT, size)))
}

/// Room for so many bytes of records.
pub(super) fn with_records<R>(size: usize, use_it: impl FnOnce(&mut [u8]) -> R) -> R {
    RECORDS.with_borrow_mut(|records| use_it(at(records, RECORDS_AT, size)))
}

/// Whether content lies well for being copied into a record.
pub(super) fn lies_well(content: &[u8]) -> bool {
    (64..PAGE - 64).contains(&(content.as_ptr().addr() % PAGE))
}

/// `size` bytes of it, which begin at that place in a page.
fn at(memory: &mut Vec<u8>, place: usize, size: usize) -> &mut [u8] {
    let least = size + place + PAGE;
    if memory.len() < least {
        memory.resize(least, 0);
    }
    let begin = memory.as_ptr().align_offset(PAGE).min(PAGE) + place;
    memory.get_mut(begin..).and_then(|memory| memory.get_mut(..size)).unwrap_or_default()
}
