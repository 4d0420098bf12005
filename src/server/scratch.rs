//! Memory to put responses together in, one piece for each event loop.
//!
//! A response is mostly written at once, so that the same few kilobytes, still in the processor's cache,
//! serve one after the other. One that has to wait keeps them, and the next takes others.

use std::cell::Cell;

use bytes::BytesMut;

/// Memory that grew beyond this is given back to the allocator.
const LARGEST: usize = 66 * 1024;

thread_local! {
    static SPARE: Cell<Option<BytesMut>> = const { Cell::new(None) };
}

/// Empty memory.
pub(super) fn take() -> BytesMut {
    SPARE.take().unwrap_or_default()
}

/// For the next response.
pub(super) fn give_back(mut memory: BytesMut) {
    if memory.capacity() <= LARGEST {
        memory.clear();
        SPARE.set(Some(memory));
    }
}
