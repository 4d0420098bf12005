//! A response's head as bytes, with the framing that its body needs (RFC 9112 6).

use ::http::header::{
    CONNECTION, CONTENT_LENGTH, DATE, HeaderMap, HeaderName, TE, TRAILER, TRANSFER_ENCODING, UPGRADE,
};
use ::http::{Method, StatusCode, Version};

use super::clock;
use crate::http::{Body, Response};

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
    pub fn new(method: &Method, version: Version, headers: &HeaderMap, keep_alive: bool) -> Self {
        let trailers = headers.get_all(TE).iter().any(|value| {
            value.as_bytes().split(|byte| *byte == b',').any(|coding| {
                let name = coding.split(|byte| *byte == b';').next().unwrap_or_default();
                name.trim_ascii().eq_ignore_ascii_case(b"trailers")
            })
        });
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
            None if asked.version == Version::HTTP_11 => Self::Chunked,
            None => Self::UntilClose,
        }
    }
}

/// Writes status line and fields. `close` says whether the connection ends with this response.
pub(super) fn head(out: &mut Vec<u8>, response: &Response, framing: Framing, asked: Asked, close: bool) {
    out.extend_from_slice(b"HTTP/1.1 ");
    out.extend_from_slice(response.status.as_str().as_bytes());
    out.push(b' ');
    out.extend_from_slice(response.status.canonical_reason().unwrap_or("").as_bytes());
    out.extend_from_slice(b"\r\n");
    fields(out, &response.headers, own_length(response, framing));
    if !response.headers.contains_key(DATE) {
        out.extend_from_slice(b"date: ");
        clock::append_date(out);
        out.extend_from_slice(b"\r\n");
    }
    framing_fields(out, framing);
    connection_fields(out, response, asked, close);
    out.extend_from_slice(b"\r\n");
}

/// An interim response (RFC 9110 15.2): status and fields, nothing else.
pub(super) fn interim(out: &mut Vec<u8>, status: StatusCode, headers: &HeaderMap) {
    out.extend_from_slice(b"HTTP/1.1 ");
    out.extend_from_slice(status.as_str().as_bytes());
    out.push(b' ');
    out.extend_from_slice(status.canonical_reason().unwrap_or("").as_bytes());
    out.extend_from_slice(b"\r\n");
    fields(out, headers, false);
    out.extend_from_slice(b"\r\n");
}

/// Fields behind the last chunk.
pub(super) fn trailers(out: &mut Vec<u8>, headers: &HeaderMap) {
    fields(out, headers, false);
}

/// The Content-Length in `headers` tells the length that a HEAD or 304 speaks of; everywhere else ours counts.
fn own_length(response: &Response, framing: Framing) -> bool {
    framing == Framing::None
        && response.status != StatusCode::NO_CONTENT
        && !response.status.is_informational()
}

fn fields(out: &mut Vec<u8>, headers: &HeaderMap, with_length: bool) {
    for (name, value) in headers {
        if is_framing(name) && !(with_length && name == CONTENT_LENGTH) {
            continue;
        }
        out.extend_from_slice(name.as_str().as_bytes());
        out.extend_from_slice(b": ");
        out.extend_from_slice(value.as_bytes());
        out.extend_from_slice(b"\r\n");
    }
}

fn is_framing(name: &HeaderName) -> bool {
    [CONTENT_LENGTH, CONNECTION, TRANSFER_ENCODING, TRAILER, UPGRADE].contains(name)
}

fn framing_fields(out: &mut Vec<u8>, framing: Framing) {
    match framing {
        Framing::Length(length) => {
            out.extend_from_slice(b"content-length: ");
            out.extend_from_slice(itoa::Buffer::new().format(length).as_bytes());
            out.extend_from_slice(b"\r\n");
        }
        Framing::Chunked => out.extend_from_slice(b"transfer-encoding: chunked\r\n"),
        Framing::None | Framing::UntilClose => {}
    }
}

fn connection_fields(out: &mut Vec<u8>, response: &Response, asked: Asked, close: bool) {
    if let (Body::Tunnel(_), Some(protocol)) = (&response.body, response.headers.get(UPGRADE)) {
        out.extend_from_slice(b"connection: upgrade\r\nupgrade: ");
        out.extend_from_slice(protocol.as_bytes());
        out.extend_from_slice(b"\r\n");
    } else if close {
        out.extend_from_slice(b"connection: close\r\n");
    } else if asked.version == Version::HTTP_10 {
        out.extend_from_slice(b"connection: keep-alive\r\n");
    }
}
