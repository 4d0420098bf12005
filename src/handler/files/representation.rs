//! A file as HTTP sees it: content, length, validators and fields.

use std::fs::File;
use std::os::fd::OwnedFd;
use std::sync::Arc;

use ::http::{HeaderValue, header};
use bytes::Bytes;

use super::state::State;
use crate::http::conditional::Validators;
use crate::http::range::ByteRange;
use crate::http::{Body, Fields, FileRange, Piece, media_type};

/// What a 200, and any part or condition of it, is made from.
#[derive(Debug)]
pub struct Representation {
    pub length: u64,
    pub validators: Validators,
    /// The fields of a 200.
    pub headers: Fields,
    content: Content,
}

#[derive(Debug)]
enum Content {
    Memory(Bytes),
    Disk(Arc<OwnedFd>),
}

impl Representation {
    /// Of an open file.
    pub fn on_disk(path: &[u8], file: File, state: &State) -> Self {
        Self::new(path, state, Content::Disk(Arc::new(file.into())))
    }

    /// Of all the bytes of a file.
    pub fn in_memory(path: &[u8], bytes: Bytes, state: &State) -> Self {
        Self::new(path, state, Content::Memory(bytes))
    }

    fn new(path: &[u8], state: &State, content: Content) -> Self {
        let validators = state.validators();
        let mut headers = Fields::with_capacity(4);
        headers.insert(header::CONTENT_TYPE, media_type(path));
        if let Some(modified) = validators.modified {
            headers.insert(header::LAST_MODIFIED, modified.date.to_header());
        }
        headers.insert(header::ETAG, validators.etag.clone());
        headers.insert(header::ACCEPT_RANGES, HeaderValue::from_static("bytes"));
        Self { length: state.length, validators, headers, content }
    }

    pub fn body(&self) -> Body {
        self.part(ByteRange { start: 0, length: self.length })
    }

    pub fn part(&self, range: ByteRange) -> Body {
        if range.length == 0 { Body::Empty } else { self.piece(range).into() }
    }

    pub fn piece(&self, range: ByteRange) -> Piece {
        match &self.content {
            Content::Disk(file) => Piece::File(FileRange {
                file: Arc::<OwnedFd>::clone(file),
                offset: range.start,
                length: range.length,
            }),
            Content::Memory(bytes) => Piece::Memory(cut(bytes, range)),
        }
    }

    /// How much memory its content takes.
    pub fn weight(&self) -> usize {
        match &self.content {
            Content::Memory(bytes) => bytes.len(),
            Content::Disk(_) => 0,
        }
    }
}

/// `Bytes::slice` panics outside its bounds, where this is empty.
fn cut(bytes: &Bytes, range: ByteRange) -> Bytes {
    let start = usize::try_from(range.start).unwrap_or(usize::MAX);
    let end = usize::try_from(range.length).map_or(usize::MAX, |length| start.saturating_add(length));
    bytes.get(start..end).map(|part| bytes.slice_ref(part)).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_part_of_memory_never_leaves_it() {
        let bytes = Bytes::from_static(b"0123456789");
        assert_eq!(cut(&bytes, ByteRange { start: 2, length: 3 }), "234");
        assert_eq!(cut(&bytes, ByteRange { start: 2, length: 9 }), "");
        assert_eq!(cut(&bytes, ByteRange { start: u64::MAX, length: u64::MAX }), "");
    }
}
