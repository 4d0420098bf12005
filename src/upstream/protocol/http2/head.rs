//! The head of a request as HTTP/2 has it, and that of an answer as the rest of rproxy has it.

use ::http::header::{AUTHORIZATION, CONTENT_LENGTH, COOKIE, EXPECT, HOST, TE};
use ::http::uri::{self, PathAndQuery, Scheme};
use ::http::{HeaderMap, HeaderName, HeaderValue, Method, Uri, Version, response};
use bytes::{Bytes, BytesMut};

use crate::http::wire::ResponseHead;
use crate::http::wire::fields::{is_hop_by_hop, write_field};
use crate::http::wire::framing::has_token;
use crate::http::{Cause, Fault, Fields, Request};

/// More fields than this are refused, as over HTTP/1.1.
const MAX_FIELDS: usize = 200;
/// Bytes of an answer's head, and of its trailers, counted as RFC 9113 6.5.2 does.
const MAX_HEAD: usize = 64 * 1024;
/// What a field takes besides its name and value.
const OVERHEAD: usize = 32;

/// The head of `request` (RFC 9113 8.3.1) to the server called `label`, with the length of its body where
/// that is known.
pub(super) fn encode(
    request: &Request,
    label: &str,
    scheme: Scheme,
    length: Option<u64>,
) -> Result<::http::Request<()>, Fault> {
    let mut head = ::http::Request::new(());
    *head.version_mut() = Version::HTTP_2;
    *head.method_mut() = request.method.clone();
    *head.uri_mut() = uri(request, label, scheme)?;
    let fields = head.headers_mut();
    for (name, value) in request.headers.iter().filter(|(name, _)| !is_ours(name)) {
        let mut value = value.clone();
        // RFC 7541 7.1.3: the memory of the compression is shared with other clients' requests.
        value.set_sensitive(matches!(*name, AUTHORIZATION | COOKIE));
        append(fields, name.clone(), value)?;
    }
    let says_none = matches!(request.method, Method::POST | Method::PUT | Method::PATCH);
    if let Some(length) = length.filter(|length| *length > 0 || says_none) {
        append(fields, CONTENT_LENGTH, HeaderValue::from(length))?;
    }
    if asks_for_trailers(request) {
        append(fields, TE, HeaderValue::from_static("trailers"))?;
    }
    Ok(head)
}

/// Trailers (RFC 9110 10.1.4).
pub(super) fn asks_for_trailers(request: &Request) -> bool {
    has_token(&request.headers, &TE, b"trailers")
}

/// The head as a server would get it, of a request that is not sent: written like one of HTTP/1.1, as people
/// read it. None where it would not be sent.
pub fn preview(request: &Request, label: &str, scheme: Scheme) -> Option<Bytes> {
    let head = encode(request, label, scheme, request.body.length()).ok()?;
    let mut out = BytesMut::new();
    let target = head.uri().path_and_query().map_or("/", PathAndQuery::as_str);
    out.extend_from_slice(format!("{} {target} HTTP/2\r\n", head.method()).as_bytes());
    let authority = head.uri().authority().map_or("", uri::Authority::as_str);
    write_field(&mut out, b"host", authority.as_bytes());
    for (name, value) in head.headers() {
        write_field(&mut out, name.as_str().as_bytes(), value.as_bytes());
    }
    out.extend_from_slice(b"\r\n");
    Some(out.freeze())
}

fn append(fields: &mut HeaderMap, name: HeaderName, value: HeaderValue) -> Result<(), Fault> {
    let full = |_| Fault::new(Cause::HeaderTooLarge, "more fields than HTTP/2 takes");
    fields.try_append(name, value).map(drop).map_err(full)
}

/// Fields that are written here, or not at all.
fn is_ours(name: &HeaderName) -> bool {
    matches!(*name, HOST | CONTENT_LENGTH | EXPECT) || is_hop_by_hop(name)
}

fn uri(request: &Request, label: &str, scheme: Scheme) -> Result<Uri, Fault> {
    let target = request.target.upstream();
    let path = PathAndQuery::from_maybe_shared(target.clone())
        .or_else(|_| PathAndQuery::from_maybe_shared(escaped(target)))
        .map_err(|error| Fault::new(Cause::BadPath, format!("HTTP/2 has no such target: {error}")))?;
    // The same as Host over HTTP/1.1: an HTTP/1.0 client may name none.
    let authority = match &request.authority.raw[..] {
        [] if label.starts_with("unix:") => Bytes::from_static(b"localhost"),
        [] => Bytes::copy_from_slice(label.as_bytes()),
        _ => request.authority.raw.clone(),
    };
    let authority = uri::Authority::from_maybe_shared(authority)
        .map_err(|error| Fault::new(Cause::BadHost, format!("HTTP/2 has no such authority: {error}")))?;
    let mut parts = uri::Parts::default();
    parts.scheme = Some(scheme);
    parts.authority = Some(authority);
    parts.path_and_query = Some(path);
    Uri::from_parts(parts).map_err(|error| Fault::new(Cause::BadPath, error.to_string()))
}

/// What clients send bare though RFC 3986 wants it encoded. HTTP/1.1 servers take it; HTTP/2 has its paths
/// strictly (RFC 9113 8.3.1).
fn escaped(target: &[u8]) -> Bytes {
    const HEX: &[u8; 16] = b"0123456789ABCDEF";
    let mut escaped = Vec::with_capacity(target.len() + 16);
    for &byte in target {
        if byte.is_ascii_graphic() && !b"\"<>\\^`{|}".contains(&byte) {
            escaped.push(byte);
        } else {
            escaped.extend([b'%', HEX[usize::from(byte >> 4)], HEX[usize::from(byte & 15)]]);
        }
    }
    escaped.into()
}

/// What is wrong with an answer's fields.
pub(super) enum Misfit {
    TooMany,
    TooLarge,
}

impl Misfit {
    pub(super) fn text(&self) -> String {
        match self {
            Self::TooMany => format!("of more than {MAX_FIELDS} fields"),
            Self::TooLarge => format!("of more than {MAX_HEAD} bytes"),
        }
    }
}

pub(super) fn decode(parts: response::Parts) -> Result<ResponseHead, Misfit> {
    Ok(ResponseHead { version: Version::HTTP_2, status: parts.status, headers: fields(parts.headers)? })
}

/// The fields of a head or of trailers. Their names and values have been vetted as they were read.
pub(super) fn fields(map: HeaderMap) -> Result<Fields, Misfit> {
    if map.len() > MAX_FIELDS {
        return Err(Misfit::TooMany);
    }
    let size: usize = map.iter().map(|(name, value)| name.as_str().len() + value.len() + OVERHEAD).sum();
    if size > MAX_HEAD {
        return Err(Misfit::TooLarge);
    }
    let mut fields = Fields::with_capacity(map.len());
    let mut current = None;
    for (name, value) in map {
        current = name.or(current);
        if let Some(name) = &current {
            fields.append(name.clone(), value);
        }
    }
    Ok(fields)
}
