//! Several parts of one representation in one body: multipart/byteranges (RFC 9110 14.6).

use ::http::HeaderValue;
use bytes::{BufMut, Bytes, BytesMut};

use super::body::{Body, FileRange};
use super::range::{self, ByteRange};
use super::unguessable::unguessable;

/// Pieces that are sent one behind the other. All of them are there, and their length is known.
#[derive(Debug, Default)]
pub struct Parts {
    pieces: Vec<Piece>,
    length: u64,
}

#[derive(Debug)]
pub enum Piece {
    Memory(Bytes),
    File(FileRange),
}

/// The body that carries `ranges` of a representation of `length` bytes, and its Content-Type. Each part
/// says of which type it is, as a 200 would, and which range. `cut` gives the bytes of one. `None` when that
/// would be no shorter than all of it.
pub fn byteranges(
    content_type: Option<&HeaderValue>,
    length: u64,
    ranges: &[ByteRange],
    cut: impl Fn(ByteRange) -> Piece,
) -> Option<(HeaderValue, Body)> {
    // Content cannot have it in it by accident, nor by design: it is new in each response.
    let boundary = unguessable();
    let mut parts = Parts { pieces: Vec::with_capacity(2 * ranges.len() + 1), length: 0 };
    for range in ranges {
        parts.push(Piece::Memory(part_head(&boundary, content_type, *range, length)));
        parts.push(cut(*range));
    }
    parts.push(Piece::Memory([b"\r\n--", &boundary[..], b"--\r\n"].concat().into()));
    (parts.length < length).then(|| (media_type(&boundary), parts.into_body()))
}

impl Parts {
    pub const fn length(&self) -> u64 {
        self.length
    }

    pub fn pieces(&self) -> &[Piece] {
        &self.pieces
    }

    /// What is in memory as a whole is one piece.
    fn into_body(self) -> Body {
        let memory = |piece: &Piece| match piece {
            Piece::Memory(bytes) => Some(bytes.clone()),
            Piece::File(_) => None,
        };
        let all: Option<Vec<Bytes>> = self.pieces.iter().map(memory).collect();
        all.map_or(Body::Parts(self), |all| Body::Bytes(all.concat().into()))
    }

    fn push(&mut self, piece: Piece) {
        self.length = self.length.saturating_add(piece.length());
        self.pieces.push(piece);
    }
}

impl Piece {
    pub fn length(&self) -> u64 {
        match self {
            Self::Memory(bytes) => bytes.len() as u64,
            Self::File(range) => range.length,
        }
    }
}

impl From<Piece> for Body {
    fn from(piece: Piece) -> Self {
        match piece {
            Piece::Memory(bytes) => Self::Bytes(bytes),
            Piece::File(range) => Self::File(range),
        }
    }
}

/// The line break before a boundary belongs to the boundary (RFC 2046 5.1.1), before the first as well.
fn part_head(boundary: &[u8], content_type: Option<&HeaderValue>, range: ByteRange, length: u64) -> Bytes {
    let mut head = BytesMut::with_capacity(192);
    head.put_slice(b"\r\n--");
    head.put_slice(boundary);
    if let Some(content_type) = content_type {
        head.put_slice(b"\r\nContent-Type: ");
        head.put_slice(content_type.as_bytes());
    }
    head.put_slice(b"\r\nContent-Range: ");
    head.put_slice(range::content_range(range, length).as_bytes());
    head.put_slice(b"\r\n\r\n");
    head.freeze()
}

fn media_type(boundary: &[u8]) -> HeaderValue {
    let value = [b"multipart/byteranges; boundary=", boundary].concat();
    HeaderValue::from_bytes(&value).unwrap_or_else(|_| HeaderValue::from_static("multipart/byteranges"))
}

#[cfg(test)]
mod tests {
    use super::*;

    const CONTENT: Bytes = Bytes::from_static(b"0123456789abcdefghij");

    fn cut(range: ByteRange) -> Piece {
        let start = usize::try_from(range.start).unwrap();
        Piece::Memory(CONTENT.slice(start..start + usize::try_from(range.length).unwrap()))
    }

    fn body(content_type: Option<&HeaderValue>) -> (String, u64, String) {
        let ranges = [ByteRange { start: 12, length: 3 }, ByteRange { start: 0, length: 1 }];
        let (media_type, body) = byteranges(content_type, 2000, &ranges, cut).unwrap();
        let length = body.length().unwrap();
        let Body::Bytes(text) = body else { panic!("{body:?}") };
        (media_type.to_str().unwrap().to_owned(), length, String::from_utf8(text.to_vec()).unwrap())
    }

    #[test]
    fn each_part_tells_its_type_and_its_range() {
        let (media_type, length, text) = body(Some(&HeaderValue::from_static("text/plain")));
        let boundary = media_type.strip_prefix("multipart/byteranges; boundary=").unwrap();
        let expected = format!(
            "\r\n--{boundary}\r\nContent-Type: text/plain\r\nContent-Range: bytes 12-14/2000\r\n\r\ncde\
             \r\n--{boundary}\r\nContent-Type: text/plain\r\nContent-Range: bytes 0-0/2000\r\n\r\n0\
             \r\n--{boundary}--\r\n"
        );
        assert_eq!(text, expected);
        assert_eq!(length, expected.len() as u64);
    }

    #[test]
    fn what_has_no_type_is_given_none() {
        let (_, length, text) = body(None);
        assert!(!text.contains("Content-Type"), "{text}");
        assert_eq!(length, text.len() as u64);
    }

    #[test]
    fn a_body_that_saves_nothing_is_none() {
        let ranges = [ByteRange { start: 0, length: 1 }, ByteRange { start: 19, length: 1 }];
        let length = byteranges(None, 2000, &ranges, cut).unwrap().1.length().unwrap();
        assert!(byteranges(None, length - 3, &ranges, cut).is_none());
        assert!(byteranges(None, length + 1, &ranges, cut).is_some());
    }

    #[test]
    fn no_boundary_is_used_twice() {
        assert_ne!(body(None).0, body(None).0);
    }
}
