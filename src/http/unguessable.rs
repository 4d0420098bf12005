//! Names that nobody can guess, without a system call.

use std::cell::Cell;
use std::hash::{BuildHasher, RandomState};

use ::http::HeaderValue;
use bytes::Bytes;

thread_local! {
    static KEYED: RandomState = RandomState::new();
    static COUNTER: Cell<u64> = const { Cell::new(0) };
}

/// 32 hexadecimal digits: SipHash of a counter under a key the operating system gave this thread. Who does
/// not have the key cannot tell the next from the ones seen, and threads or restarts do not meet: enough for
/// a name that is no secret, at the cost of two hashes.
pub fn unguessable() -> [u8; 32] {
    let mut text = [0; 32];
    for (place, byte) in text.chunks_exact_mut(2).zip(number().to_be_bytes()) {
        place.copy_from_slice(&[hex_digit(byte >> 4), hex_digit(byte & 15)]);
    }
    text
}

/// 16 bytes in base64, which is what `Sec-WebSocket-Key` has to be (RFC 6455 4.1).
pub fn unguessable_key() -> HeaderValue {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let number = number();
    let digit = |bits: u128| DIGITS[(bits & 63) as usize];
    // Each digit has six of the 128 bits, and the last of 22 has two.
    let mut text: Vec<u8> = (0..21).map(|place| digit(number >> (122 - 6 * place))).collect();
    text.extend([digit(number << 4), b'=', b'=']);
    HeaderValue::from_maybe_shared(Bytes::from(text)).unwrap_or(HeaderValue::from_static(""))
}

fn number() -> u128 {
    let count = COUNTER.get();
    COUNTER.set(count.wrapping_add(1));
    let halves = KEYED.with(|key| [key.hash_one((count, 0_u8)), key.hash_one((count, 1_u8))]);
    u128::from(halves[0]) << 64 | u128::from(halves[1])
}

fn hex_digit(nibble: u8) -> u8 {
    if nibble < 10 { b'0' + nibble } else { b'a' - 10 + nibble }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn keys_are_sixteen_bytes_in_base64() {
        let keys: HashSet<_> = (0..1000).map(|_| unguessable_key()).collect();
        assert_eq!(keys.len(), 1000);
        let is_canonical = |key: &HeaderValue| {
            let text = key.to_str().unwrap();
            let last_of_two_bits = ["A==", "Q==", "g==", "w=="];
            text.len() == 24 && last_of_two_bits.iter().any(|end| text.ends_with(end))
        };
        assert!(keys.iter().all(is_canonical));
    }

    #[test]
    fn names_are_hexadecimal_and_never_alike() {
        let names: HashSet<_> = (0..1000).map(|_| unguessable()).collect();
        assert_eq!(names.len(), 1000);
        let lower_hex = |b: &u8| matches!(b, b'0'..=b'9' | b'a'..=b'f');
        assert!(names.iter().all(|name| name.iter().all(lower_hex)));
    }
}
