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
    static GATHERED: RefCell<Vec<u8>> = const { RefCell::new(Vec::new()) };
    static RECORDS: RefCell<Vec<u8>> = const { RefCell::new(Vec::new()) };
}

/// Empty memory for what comes in.
pub(super) fn take() -> BytesMut {
    INCOMING.take().unwrap_or_default()
}

/// For the next connection.
pub(super) fn give_back(mut memory: BytesMut) {
    if (ROOM..=LARGEST).contains(&memory.capacity()) {
        memory.clear();
        INCOMING.set(Some(memory));
    }
}

/// Up to `most` bytes of several slices as one: a record each would cost more than the copy.
pub(super) fn with_gathered<R>(slices: &[IoSlice<'_>], most: usize, use_it: impl FnOnce(&[u8]) -> R) -> R {
    GATHERED.with_borrow_mut(|gathered| {
        gathered.clear();
        for slice in slices {
            let room = most - gathered.len();
            gathered.extend_from_slice(slice.get(..room).unwrap_or(slice));
        }
        use_it(gathered)
    })
}

/// Where records are written.
pub(super) fn with_records<R>(use_it: impl FnOnce(&mut Vec<u8>) -> R) -> R {
    RECORDS.with_borrow_mut(use_it)
}
