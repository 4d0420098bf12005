//! The id of a request: one for `$request_id`, X-Request-ID and the logs.

use std::cell::{Cell, OnceCell};
use std::hash::{BuildHasher, RandomState};

use ::http::{HeaderName, HeaderValue};

use super::Request;

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

thread_local! {
    static KEYED: RandomState = RandomState::new();
    static COUNTER: Cell<u64> = const { Cell::new(0) };
}

/// SipHash of a counter under a key the operating system gave this thread. Who does not have the key
/// cannot tell the next id from the ones seen, and threads or restarts do not meet: enough for a
/// name that is no secret, at the cost of two hashes and without a system call.
fn new_id() -> HeaderValue {
    let count = COUNTER.get();
    COUNTER.set(count.wrapping_add(1));
    let halves = KEYED.with(|key| [key.hash_one((count, 0_u8)), key.hash_one((count, 1_u8))]);
    let number = u128::from(halves[0]) << 64 | u128::from(halves[1]);
    let mut text = [0; 32];
    for (place, byte) in text.chunks_exact_mut(2).zip(number.to_be_bytes()) {
        place.copy_from_slice(&[hex_digit(byte >> 4), hex_digit(byte & 15)]);
    }
    HeaderValue::from_bytes(&text).unwrap_or_else(|_| HeaderValue::from_static("-"))
}

fn hex_digit(nibble: u8) -> u8 {
    if nibble < 10 { b'0' + nibble } else { b'a' - 10 + nibble }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn ids_are_hexadecimal_and_never_alike() {
        let ids: HashSet<_> = (0..1000).map(|_| new_id()).collect();
        assert_eq!(ids.len(), 1000);
        let lower_hex = |b: &u8| matches!(b, b'0'..=b'9' | b'a'..=b'f');
        assert!(ids.iter().all(|id| id.len() == 32 && id.as_bytes().iter().all(lower_hex)));
    }

    #[test]
    fn foreign_ids_are_taken_only_in_plain_characters() {
        assert!(is_sane(b"7f3c-4a.1:2"));
        for id in [&b""[..], b"a b", b"a\"b", b"\xff", &[b'a'; 129]] {
            assert!(!is_sane(id));
        }
    }
}
