//! A response's head as h2 takes it (RFC 9113 8.3.2).

use ::http::header::{CONTENT_LENGTH, DATE};
use ::http::{HeaderMap, HeaderName, HeaderValue, StatusCode};

use crate::http::wire::fields;
use crate::http::{Fields, Response};
use crate::server::clock;
use crate::server::encode::{self, Asked, Framing};

/// What its fields take beyond their names and values, roughly: HPACK makes less of what it has seen.
const OVERHEAD: u64 = 9;

/// The head of a response, and its size before compression.
pub(super) fn of_response(
    response: &Response,
    framing: Framing,
    asked: Asked,
) -> (::http::Response<()>, u64) {
    let mut head = ::http::Response::new(());
    *head.status_mut() = response.status;
    let mut map = HeaderMap::with_capacity(response.headers.len() + 2);
    let with_length = encode::own_length(response, framing);
    append(&mut map, &response.headers, |name| is_ours(name) && !(with_length && name == CONTENT_LENGTH));
    if !map.contains_key(DATE) {
        map.insert(DATE, clock::date());
    }
    let length = match framing {
        Framing::Length(length) => Some(length),
        Framing::None | Framing::Chunked | Framing::UntilClose => encode::unsent_length(response, asked),
    };
    if let Some(length) = length {
        map.insert(CONTENT_LENGTH, HeaderValue::from(length));
    }
    let size = map.iter().map(|(name, value)| (name.as_str().len() + value.len()) as u64).sum::<u64>();
    *head.headers_mut() = map;
    (head, size + OVERHEAD)
}

/// An interim response (RFC 9110 15.2): status and fields, nothing else.
pub(super) fn interim(status: StatusCode, fields: &Fields) -> ::http::Response<()> {
    let mut head = ::http::Response::new(());
    *head.status_mut() = status;
    append(head.headers_mut(), fields, is_ours);
    head
}

pub(super) fn trailers(fields: &Fields) -> HeaderMap {
    let mut map = HeaderMap::with_capacity(fields.len());
    append(&mut map, fields, is_ours);
    map
}

/// As many as a map can hold, which is more than any side is allowed to send.
fn append(map: &mut HeaderMap, fields: &Fields, skip: impl Fn(&HeaderName) -> bool) {
    for (name, value) in fields.iter().filter(|(name, _)| !skip(name)) {
        if map.try_append(name.clone(), value.clone()).is_err() {
            return;
        }
    }
}

/// Fields of one connection, which mean nothing in HTTP/2 (RFC 9113 8.2.2), and the length, which is ours to tell.
fn is_ours(name: &HeaderName) -> bool {
    *name == CONTENT_LENGTH || fields::is_hop_by_hop(name)
}
