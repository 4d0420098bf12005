//! A hash that is the same in every process, so that what it decides survives a restart.

/// FNV-1a, then stirred: alone it hardly changes the upper bits for names that differ at their end.
pub(super) fn hash(parts: &[&[u8]]) -> u64 {
    let bytes = parts.iter().copied().flatten();
    mix(bytes
        .fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3)))
}

/// SplitMix64's finish: each bit of the input changes half of the output's.
pub(super) const fn mix(bits: u64) -> u64 {
    let bits = (bits ^ (bits >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let bits = (bits ^ (bits >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    bits ^ (bits >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Were these to change, every client would move to another server with the update.
    #[test]
    fn hashes_stay_what_they_are() {
        assert_eq!(hash(&[]), mix(0xcbf2_9ce4_8422_2325));
        assert_eq!(hash(&[b"127.0.0.1"]), hash(&[b"127.", b"0.0.1"]));
        assert_eq!(hash(&[b"127.0.0.1"]), PINNED);
    }

    const PINNED: u64 = 0x360f_a4ad_e68d_5ada;
}
