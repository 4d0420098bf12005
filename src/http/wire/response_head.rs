//! The head of a response.

use std::mem::MaybeUninit;

use ::http::{StatusCode, Version};
use bytes::Bytes;

use super::{WireError, fields};
use crate::http::Fields;

/// More fields than this are refused.
pub const MAX_RESPONSE_FIELDS: usize = 200;

/// A status line and its fields.
#[derive(Debug)]
pub struct ResponseHead {
    pub version: Version,
    pub status: StatusCode,
    pub headers: Fields,
}

impl ResponseHead {
    /// Parses a head that [`fields::find_head_end`] found. Values share its memory.
    pub fn parse(head: &Bytes) -> Result<Self, WireError> {
        check_start(head)?;
        Self::read(head).map_err(|error| fields::check_lines(head).err().unwrap_or(error))
    }

    fn read(head: &Bytes) -> Result<Self, WireError> {
        let mut slots = [const { MaybeUninit::uninit() }; MAX_RESPONSE_FIELDS];
        let mut parsed = httparse::Response::new(&mut []);
        let status = httparse::ParserConfig::default().parse_response_with_uninit_headers(
            &mut parsed,
            head,
            &mut slots,
        )?;
        let (httparse::Status::Complete(_), Some(minor), Some(code)) = (status, parsed.version, parsed.code)
        else {
            return Err(WireError::BadStatusLine);
        };
        Ok(Self {
            version: if minor == 0 { Version::HTTP_10 } else { Version::HTTP_11 },
            status: StatusCode::from_u16(code).map_err(|_| WireError::BadStatusLine)?,
            headers: fields::parse(parsed.headers, head)?,
        })
    }
}

/// Whether what has arrived can become a response's head, so that other protocols are recognised by
/// their first bytes instead of being waited for.
pub fn check_start(bytes: &[u8]) -> Result<(), WireError> {
    const START: &[u8] = b"HTTP/1.";
    let seen = bytes.len().min(START.len());
    if bytes[..seen] == START[..seen] {
        return Ok(());
    }
    Err(match bytes {
        // A TLS alert or handshake record: what a TLS port answers to plain HTTP.
        [0x15 | 0x16, 0x03, ..] => WireError::Tls,
        // SETTINGS (type 4) or GOAWAY (7) on stream 0, of less than 64 KiB.
        [0, _, _, 4 | 7, _, 0, 0, ..] => WireError::Http2,
        _ => WireError::BadStatusLine,
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn parse(text: &[u8]) -> Result<ResponseHead, WireError> {
        ResponseHead::parse(&Bytes::copy_from_slice(text))
    }

    #[test]
    fn reads_both_versions() {
        let head = parse(b"HTTP/1.0 404 Not Found\r\nSet-Cookie: a\r\nSet-Cookie: b\r\n\r\n").unwrap();
        assert_eq!((head.version, head.status), (Version::HTTP_10, StatusCode::NOT_FOUND));
        assert_eq!(head.headers.get_all("set-cookie").count(), 2);
        assert_eq!(parse(b"HTTP/1.1 200\r\n\r\n").unwrap().version, Version::HTTP_11);
    }

    #[test]
    fn foreign_protocols_are_named() {
        for (bytes, error) in [
            (&b"<html>hello"[..], WireError::BadStatusLine),
            (b"HTTP/2 200\r\n\r\n", WireError::BadStatusLine),
            (b"\r\nHTTP/1.1 200 OK\r\n\r\n", WireError::BadStatusLine),
            (b"\x15\x03\x01\x00\x02\x02\x46", WireError::Tls),
            (b"\x00\x00\x12\x04\x00\x00\x00\x00\x00", WireError::Http2),
        ] {
            assert_eq!(check_start(bytes), Err(error));
        }
        assert_eq!(check_start(b"HTT"), Ok(()));
    }

    #[test]
    fn faulty_heads_are_refused() {
        for text in [
            &b"HTTP/1.2 200 OK\r\n\r\n"[..],
            b"HTTP/1.1 099 Low\r\n\r\n",
            b"HTTP/1.1 20 OK\r\n\r\n",
            b"HTTP/1.1  200 OK\r\n\r\n",
            b"HTTP/1.1 200 OK\r\nA : b\r\n\r\n",
            b"HTTP/1.1 200 OK\r\nA: b\r\n c\r\n\r\n",
            b"HTTP/1.1 200 OK\r\nA: b",
        ] {
            assert!(parse(text).is_err(), "{}", text.escape_ascii());
        }
        let many = [b"HTTP/1.1 200 OK\r\n".to_vec(), b"a: b\r\n".repeat(201), b"\r\n".to_vec()].concat();
        assert_eq!(parse(&many).unwrap_err(), WireError::TooManyFields);
    }

    const PIECES: &[&[u8]] = &[b"A: b\r\n", b"A: b", b"\r\n", b"\n", b"\r", b"\0", b" ", b"\t", b":", b"c"];

    proptest! {
        #[test]
        fn any_bytes_are_parsed_or_refused(tail in proptest::collection::vec(any::<u8>(), 0..200)) {
            let _ = parse(&tail);
            let _ = parse(&[b"HTTP/1.1 ", &tail[..]].concat());
        }

        #[test]
        fn what_is_taken_has_no_line_that_others_read_differently(
            pieces in proptest::collection::vec(proptest::sample::select(PIECES), 0..12),
        ) {
            let bytes = [b"HTTP/1.1 200 OK\r\n", &pieces.concat()[..]].concat();
            if let Ok(Some(end)) = fields::find_head_end(&bytes, 0)
                && parse(&bytes[..end]).is_ok()
            {
                prop_assert_eq!(fields::check_lines(&bytes[..end]), Ok(()));
            }
        }
    }
}
