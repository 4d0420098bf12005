//! Names that nobody can guess, without a system call.

use std::cell::Cell;
use std::hash::{BuildHasher, RandomState};

thread_local! {
    static KEYED: RandomState = RandomState::new();
    static COUNTER: Cell<u64> = const { Cell::new(0) };
}

/// 32 hexadecimal digits: SipHash of a counter under a key the operating system gave this thread. Who does
/// not have the key cannot tell the next from the ones seen, and threads or restarts do not meet: enough for
/// a name that is no secret, at the cost of two hashes.
pub(super) fn unguessable() -> [u8; 32] {
    let count = COUNTER.get();
    COUNTER.set(count.wrapping_add(1));
    let halves = KEYED.with(|key| [key.hash_one((count, 0_u8)), key.hash_one((count, 1_u8))]);
    let number = u128::from(halves[0]) << 64 | u128::from(halves[1]);
    let mut text = [0; 32];
    for (place, byte) in text.chunks_exact_mut(2).zip(number.to_be_bytes()) {
        place.copy_from_slice(&[hex_digit(byte >> 4), hex_digit(byte & 15)]);
    }
    text
}

fn hex_digit(nibble: u8) -> u8 {
    if nibble < 10 { b'0' + nibble } else { b'a' - 10 + nibble }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn names_are_hexadecimal_and_never_alike() {
        let names: HashSet<_> = (0..1000).map(|_| unguessable()).collect();
        assert_eq!(names.len(), 1000);
        let lower_hex = |b: &u8| matches!(b, b'0'..=b'9' | b'a'..=b'f');
        assert!(names.iter().all(|name| name.iter().all(lower_hex)));
    }
}
