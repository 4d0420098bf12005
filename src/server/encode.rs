//! A response's head as bytes, with the framing that its body needs (RFC 9112 6).

use ::http::header::{CONTENT_LENGTH, DATE, HeaderName, TE, TRAILER, UPGRADE};
use ::http::{Method, StatusCode, Version};

use bytes::{BufMut, BytesMut};

use super::clock;
use crate::http::wire::{fields, framing};
use crate::http::{Body, Fields, Response};

/// What of the request decides how its answer is framed.
#[derive(Clone, Copy, Debug)]
pub(super) struct Asked {
    pub head_only: bool,
    pub version: Version,
    pub keep_alive: bool,
    /// `TE: trailers` was sent (RFC 9110 10.1.4).
    pub trailers: bool,
}

impl Asked {
    pub fn new(method: &Method, version: Version, headers: &Fields, keep_alive: bool) -> Self {
        let trailers = framing::has_token(headers, &TE, b"trailers");
        Self { head_only: *method == Method::HEAD, version, keep_alive, trailers }
    }

    /// For a request that could not be read: nothing follows its answer.
    pub fn unreadable() -> Self {
        Self { head_only: false, version: Version::HTTP_11, keep_alive: false, trailers: false }
    }
}

/// How the end of a response's body is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Framing {
    /// There is none: HEAD, 204, 304, or an upgrade.
    None,
    Length(u64),
    Chunked,
    /// For HTTP/1.0, whose clients know no chunks.
    UntilClose,
}

impl Framing {
    pub fn of(response: &Response, asked: Asked) -> Self {
        let bodiless = matches!(response.status, StatusCode::NO_CONTENT | StatusCode::NOT_MODIFIED);
        if asked.head_only || bodiless || response.status.is_informational() {
            return Self::None;
        }
        match response.body.length() {
            Some(length) => Self::Length(length),
            None if asked.version >= Version::HTTP_11 => Self::Chunked,
            None => Self::UntilClose,
        }
    }
}

/// Writes status line and fields. `close` says whether the connection ends with this response.
pub(super) fn head(out: &mut BytesMut, response: &Response, framing: Framing, asked: Asked, close: bool) {
    out.put_slice(b"HTTP/1.1 ");
    out.put_slice(response.status.as_str().as_bytes());
    out.put_u8(b' ');
    out.put_slice(response.status.canonical_reason().unwrap_or("").as_bytes());
    out.put_slice(b"\r\n");
    let with_length = own_length(response, framing);
    fields::write(out, &response.headers, |name| skipped(name) && !(with_length && name == CONTENT_LENGTH));
    if !response.headers.contains_key(DATE) {
        out.put_slice(b"Date: ");
        clock::append_date(out);
        out.put_slice(b"\r\n");
    }
    framing_fields(out, framing);
    if let Some(length) = unsent_length(response, asked) {
        framing_fields(out, Framing::Length(length));
    }
    connection_fields(out, response, asked, close);
    out.put_slice(b"\r\n");
}

/// An interim response (RFC 9110 15.2): status and fields, nothing else.
pub(super) fn interim(out: &mut BytesMut, status: StatusCode, headers: &Fields) {
    out.put_slice(b"HTTP/1.1 ");
    out.put_slice(status.as_str().as_bytes());
    out.put_u8(b' ');
    out.put_slice(status.canonical_reason().unwrap_or("").as_bytes());
    out.put_slice(b"\r\n");
    fields::write(out, headers, skipped);
    out.put_slice(b"\r\n");
}

/// The Content-Length in `headers` tells the length that a HEAD or 304 speaks of; everywhere else ours counts.
pub(super) fn own_length(response: &Response, framing: Framing) -> bool {
    framing == Framing::None
        && response.status != StatusCode::NO_CONTENT
        && !response.status.is_informational()
}

/// The length of the body that a HEAD does not get, where no handler has put it down already.
pub(super) fn unsent_length(response: &Response, asked: Asked) -> Option<u64> {
    if !asked.head_only || response.headers.contains_key(CONTENT_LENGTH) {
        return None;
    }
    response.body.length().filter(|length| *length > 0)
}

/// Fields of one connection, which this side writes itself.
fn skipped(name: &HeaderName) -> bool {
    fields::is_framing(name) || *name == TRAILER || *name == UPGRADE
}

fn framing_fields(out: &mut BytesMut, framing: Framing) {
    match framing {
        Framing::Length(length) => {
            out.put_slice(b"Content-Length: ");
            out.put_slice(itoa::Buffer::new().format(length).as_bytes());
            out.put_slice(b"\r\n");
        }
        Framing::Chunked => out.put_slice(b"Transfer-Encoding: chunked\r\n"),
        Framing::None | Framing::UntilClose => {}
    }
}

fn connection_fields(out: &mut BytesMut, response: &Response, asked: Asked, close: bool) {
    if let (Body::Tunnel(_), Some(protocol)) = (&response.body, response.headers.get(UPGRADE)) {
        out.put_slice(b"Connection: upgrade\r\nUpgrade: ");
        out.put_slice(protocol.as_bytes());
        out.put_slice(b"\r\n");
    } else if close {
        out.put_slice(b"Connection: close\r\n");
    } else if asked.version == Version::HTTP_10 {
        out.put_slice(b"Connection: keep-alive\r\n");
    }
}
