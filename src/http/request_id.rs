//! The id of a request: one for `$request_id`, X-Request-ID and the logs.

use std::cell::OnceCell;

use ::http::{HeaderName, HeaderValue};

use super::Request;
use super::unguessable::unguessable;

pub const X_REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// Made when first asked for, since most requests for files never need one.
#[derive(Clone, Debug, Default)]
pub struct RequestId(OnceCell<HeaderValue>);

impl Request {
    /// What a trusted proxy named this request, or else 32 hexadecimal digits of our own.
    pub fn id(&self) -> &HeaderValue {
        self.request_id.0.get_or_init(|| self.given_id().cloned().unwrap_or_else(new_id))
    }

    fn given_id(&self) -> Option<&HeaderValue> {
        if !self.client.peer_trusted {
            return None;
        }
        self.headers.get_single(X_REQUEST_ID).filter(|value| is_sane(value.as_bytes()))
    }
}

/// Ids end up in logs and in the memory of applications.
const LONGEST: usize = 128;

fn is_sane(id: &[u8]) -> bool {
    let known = |b: &u8| b.is_ascii_alphanumeric() || b"-_.:+/=@".contains(b);
    (1..=LONGEST).contains(&id.len()) && id.iter().all(known)
}

fn new_id() -> HeaderValue {
    HeaderValue::from_bytes(&unguessable()).unwrap_or_else(|_| HeaderValue::from_static("-"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn foreign_ids_are_taken_only_in_plain_characters() {
        assert!(is_sane(b"7f3c-4a.1:2"));
        for id in [&b""[..], b"a b", b"a\"b", b"\xff", &[b'a'; 129]] {
            assert!(!is_sane(id));
        }
    }
}
