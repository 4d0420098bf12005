//! Byte ranges (RFC 9110 14): which parts of a representation a Range field asks for.

mod coalesce;
mod spec;

use std::fmt;

use ::http::{HeaderValue, header};

use self::spec::Found;
use super::Fields;

/// A part that is there: `length` is at least 1, and `start + length` at most the whole.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ByteRange {
    pub start: u64,
    pub length: u64,
}

/// What a request asks for of a representation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Selection {
    /// All of it: there is no Range, or one that may be ignored.
    Whole,
    Part(ByteRange),
    /// At least two, apart from each other, and shorter than the whole with all that goes around them.
    Parts(Vec<ByteRange>),
    /// Nothing of it is there: 416.
    Unsatisfiable,
}

/// So many ranges are looked at. Who asks for more gets the whole (RFC 9110 14.2 lets a server ignore any
/// Range): PDF readers ask for some dozens, and httpd's and Pingora's limit is 200.
const RANGES_MAX: usize = 100;

/// What a part costs besides its bytes: boundary, Content-Type and Content-Range. RFC 9110 15.3.7.2 reckons
/// with 80, but our boundary is longer.
const PART_OVERHEAD: u64 = 128;

/// Reads the Range field of a request for `length` bytes.
///
/// Ignored, as RFC 9110 14.2 allows or demands: units other than bytes, what cannot be parsed, a
/// repeated field, and ranges that are too many or together no shorter than the whole. An answer is thereby
/// never longer than the file, whatever is asked for (CVE-2011-3192).
pub fn select(headers: &Fields, length: u64) -> Selection {
    let value = headers.get_single(header::RANGE);
    value.and_then(|value| read(value.as_bytes(), length)).unwrap_or(Selection::Whole)
}

/// Content-Range of a 206: `bytes 0-9/100`.
pub fn content_range(range: ByteRange, length: u64) -> HeaderValue {
    let last = range.end().saturating_sub(1);
    field(&format_args!("bytes {}-{last}/{length}", range.start))
}

/// Content-Range of a 416: `bytes */100`.
pub fn unsatisfied(length: u64) -> HeaderValue {
    field(&format_args!("bytes */{length}"))
}

impl ByteRange {
    /// Behind its last byte.
    const fn end(self) -> u64 {
        self.start.saturating_add(self.length)
    }
}

fn field(text: &dyn fmt::Display) -> HeaderValue {
    #[expect(clippy::expect_used, reason = "digits, letters, spaces and `-/*` only")]
    HeaderValue::try_from(text.to_string()).expect("a range is a valid field value")
}

/// `None` is a field that may be ignored.
fn read(value: &[u8], length: u64) -> Option<Selection> {
    let mut specs = spec::members(value)?;
    let first = specs.next()??;
    match specs.next() {
        None => Some(match first.resolve(length) {
            Found::Part(range) => Selection::Part(range),
            Found::Whole => Selection::Whole,
            Found::Nothing => Selection::Unsatisfiable,
        }),
        Some(second) => several([Some(first), second].into_iter().chain(specs), length),
    }
}

/// Of several ranges, those that are there. None of them needs to be, but all have to be ranges.
fn several(specs: impl Iterator<Item = Option<spec::Spec>>, length: u64) -> Option<Selection> {
    let mut ranges = Vec::new();
    for (place, spec) in specs.enumerate() {
        match spec?.resolve(length) {
            _ if place >= RANGES_MAX => return None,
            Found::Part(range) => ranges.push(range),
            Found::Whole => return None,
            Found::Nothing => {}
        }
    }
    let ranges = coalesce::coalesce(ranges, PART_OVERHEAD);
    match ranges.as_slice() {
        [] => Some(Selection::Unsatisfiable),
        [only] => (only.length < length).then_some(Selection::Part(*only)),
        parts => (cost(parts) < length).then_some(Selection::Parts(ranges)),
    }
}

fn cost(parts: &[ByteRange]) -> u64 {
    let costs = parts.iter().map(|part| part.length.saturating_add(PART_OVERHEAD));
    costs.fold(0, u64::saturating_add)
}

#[cfg(test)]
mod tests;
