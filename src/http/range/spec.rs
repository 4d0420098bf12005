//! The ranges of a Range field as they are written.

use super::ByteRange;

/// One range as it is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Spec {
    /// `first-last` or `first-`
    From { first: u64, last: Option<u64> },
    /// `-count`: that many from the end.
    Suffix(u64),
}

/// What there is of a range.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Found {
    Part(ByteRange),
    /// Any suffix of an empty file is all of it, which no Content-Range can say.
    Whole,
    Nothing,
}

/// The members of a field value in bytes, `None` for each that is no range. The list may have empty members
/// and optional white space (RFC 9110 5.6.1.2). They are read one by one, so that thousands cost nothing to
/// who stops early.
pub(super) fn members(value: &[u8]) -> Option<impl Iterator<Item = Option<Spec>>> {
    let equals = memchr::memchr(b'=', value)?;
    if !value.get(..equals)?.eq_ignore_ascii_case(b"bytes") {
        return None;
    }
    let members = value.get(equals + 1..)?.split(|byte| *byte == b',');
    Some(members.map(<[u8]>::trim_ascii).filter(|member| !member.is_empty()).map(Spec::parse))
}

impl Spec {
    fn parse(text: &[u8]) -> Option<Self> {
        let dash = memchr::memchr(b'-', text)?;
        let (before, after) = (text.get(..dash)?, text.get(dash + 1..)?);
        match (before, after) {
            ([], count) => digits(count).map(Self::Suffix),
            (first, []) => Some(Self::From { first: digits(first)?, last: None }),
            (first, last) => {
                let (first, last) = (digits(first)?, digits(last)?);
                (first <= last).then_some(Self::From { first, last: Some(last) })
            }
        }
    }

    pub(super) fn resolve(self, length: u64) -> Found {
        let (start, end) = match self {
            Self::Suffix(count) if count > 0 && length == 0 => return Found::Whole,
            Self::Suffix(count) => (length.saturating_sub(count), length),
            Self::From { first, last } => {
                (first, last.map_or(length, |last| last.saturating_add(1).min(length)))
            }
        };
        match end.checked_sub(start) {
            Some(count @ 1..) => Found::Part(ByteRange { start, length: count }),
            _ => Found::Nothing,
        }
    }
}

/// Digits and nothing else. A number too large for 64 bits lies behind the end of any file, and so does
/// the largest number there is.
fn digits(text: &[u8]) -> Option<u64> {
    if text.is_empty() {
        return None;
    }
    text.iter().try_fold(0_u64, |number, byte| {
        let digit = byte.is_ascii_digit().then(|| u64::from(byte - b'0'))?;
        Some(number.saturating_mul(10).saturating_add(digit))
    })
}
