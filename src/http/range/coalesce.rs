//! Ranges that are cheaper to send as one.

use super::ByteRange;

/// Makes one of ranges that overlap, touch, or have less than `gap` bytes between them (RFC 9110 15.3.7.2).
/// The rest stays in the order it was asked for; what was put together stands where its first was.
pub(super) fn coalesce(ranges: Vec<ByteRange>, gap: u64) -> Vec<ByteRange> {
    let mut sorted: Vec<(usize, ByteRange)> = ranges.into_iter().enumerate().collect();
    sorted.sort_by_key(|(_, range)| range.start);
    let mut joined: Vec<(usize, ByteRange)> = Vec::with_capacity(sorted.len());
    for (place, range) in sorted {
        match joined.last_mut() {
            Some((first, last)) if range.start.saturating_sub(last.end()) < gap => {
                last.length = last.end().max(range.end()).saturating_sub(last.start);
                *first = place.min(*first);
            }
            _ => joined.push((place, range)),
        }
    }
    joined.sort_by_key(|(place, _)| *place);
    joined.into_iter().map(|(_, range)| range).collect()
}
