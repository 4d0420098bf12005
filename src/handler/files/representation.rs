//! A file as HTTP sees it: content, length, validators and fields.

use std::fs::File;
use std::io::IoSliceMut;
use std::os::fd::OwnedFd;
use std::sync::Arc;

use ::http::{HeaderValue, header};
use bytes::{Bytes, BytesMut};
use rustix::io::ReadWriteFlags;

use super::codings::{Absent, Compressing};
use super::description::Description;
use super::state::State;
use crate::coding::Coding;
use crate::http::conditional::Validators;
use crate::http::range::ByteRange;
use crate::http::{Body, Fields, FileRange, Piece};

/// What a 200, and any part or condition of it, is made from.
#[derive(Debug)]
pub struct Representation {
    /// Where its file is, below the directory; of a twin, the file that it belongs to.
    pub path: Box<[u8]>,
    pub length: u64,
    pub validators: Validators,
    /// The fields of a 200.
    pub headers: Fields,
    /// Of the file it was made from.
    pub state: State,
    content: Content,
    absent: Absent,
    compressing: Compressing,
}

#[derive(Debug)]
pub enum Content {
    Memory(Bytes),
    Disk(Arc<OwnedFd>),
}

impl From<File> for Content {
    fn from(file: File) -> Self {
        Self::Disk(Arc::new(file.into()))
    }
}

impl Representation {
    /// Of a file as it is.
    pub fn plain(path: &[u8], content: Content, state: State, description: &Description) -> Self {
        let validators = state.validators(None);
        let mut headers = description.fields(path, &validators, None);
        headers.append(header::ACCEPT_RANGES, HeaderValue::from_static("bytes"));
        Self::new(path, state.length, validators, headers, state, content)
    }

    /// Of a file that lies beside the one at `path`, and is the same in a coding.
    pub fn twin(
        path: &[u8],
        content: Content,
        state: State,
        description: &Description,
        coding: Coding,
    ) -> Self {
        let validators = state.validators(Some(coding));
        let mut headers = description.fields(path, &validators, Some(coding));
        headers.append(header::ACCEPT_RANGES, HeaderValue::from_static("bytes"));
        Self::new(path, state.length, validators, headers, state, content)
    }

    /// Of the bytes that a coding made of a file. There are no ranges of it: what another version of the
    /// encoder makes of the same file are other bytes.
    pub fn compressed(
        path: &[u8],
        bytes: Bytes,
        state: State,
        description: &Description,
        coding: Coding,
    ) -> Self {
        let validators = state.weak_validators(coding);
        let headers = description.fields(path, &validators, Some(coding));
        let length = bytes.len() as u64;
        Self::new(path, length, validators, headers, state, Content::Memory(bytes))
    }

    fn new(
        path: &[u8],
        length: u64,
        validators: Validators,
        headers: Fields,
        state: State,
        content: Content,
    ) -> Self {
        let headers = headers.into_common();
        let (absent, compressing) = Default::default();
        Self { path: path.into(), length, validators, headers, state, content, absent, compressing }
    }

    pub fn body(&self) -> Body {
        self.part(ByteRange { start: 0, length: self.length })
    }

    pub fn part(&self, range: ByteRange) -> Body {
        if range.length == 0 { Body::Empty } else { self.piece(range).into() }
    }

    /// A small piece, from memory if the kernel has it there: one system call costs less than the four that
    /// look at it and send it.
    pub fn small_piece(&self, range: ByteRange) -> Piece {
        match &self.content {
            Content::Disk(file) => read_now(file, range).map_or_else(|| self.piece(range), Piece::Memory),
            Content::Memory(_) => self.piece(range),
        }
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

    pub fn content(&self) -> &Content {
        &self.content
    }

    /// How much memory its content takes.
    pub fn weight(&self) -> usize {
        match &self.content {
            Content::Memory(bytes) => bytes.len(),
            Content::Disk(_) => 0,
        }
    }

    /// Whether it keeps a file open.
    pub fn is_open(&self) -> bool {
        matches!(self.content, Content::Disk(_))
    }

    /// Whether what is kept of it is still one version: an open file that is written in place has new bytes
    /// behind an old head. Asked of local files only, where it costs one system call and no wait.
    pub fn holds_still(&self) -> bool {
        match &self.content {
            Content::Memory(_) => true,
            Content::Disk(file) => {
                rustix::fs::fstat(file).is_ok_and(|found| State::from(&found) == self.state)
            }
        }
    }

    /// The codings that it was found to have no twin of.
    pub fn absent(&self) -> &Absent {
        &self.absent
    }

    pub fn compressing(&self) -> &Compressing {
        &self.compressing
    }
}

/// All of a range, unless that would have to be waited for.
fn read_now(file: &OwnedFd, range: ByteRange) -> Option<Bytes> {
    let mut bytes = BytesMut::zeroed(usize::try_from(range.length).ok()?);
    let mut room = [IoSliceMut::new(&mut bytes)];
    let count = rustix::io::preadv2(file, &mut room, range.start, ReadWriteFlags::NOWAIT).ok()?;
    (count == bytes.len()).then(|| bytes.freeze())
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
