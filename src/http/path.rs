//! From the target as sent to the one path that matching, files and logs see.
//!
//! What nginx 1.22 does with `merge_slashes on`: percent-encoding is undone once, and a slash or a dot
//! that was encoded then counts like a plain one. Stricter than nginx: control characters and
//! fragments are refused. A backslash is an ordinary byte.

use bytes::Bytes;

use super::{Cause, Fault, Target};

impl Target {
    /// Reads an origin form (RFC 9112 3.2.1). Copies nothing when the path is normal already.
    pub fn parse(raw: Bytes) -> Result<Self, Fault> {
        if !raw.starts_with(b"/") {
            return Err(bad_path("the target does not begin with a slash"));
        }
        let end = memchr::memchr(b'?', &raw).unwrap_or(raw.len());
        let query = (end < raw.len()).then(|| raw.slice(end + 1..));
        if query.as_ref().is_some_and(|query| query.iter().any(|b| is_refused(*b))) {
            return Err(bad_path("the query holds a blank, a control character or a fragment"));
        }
        let path = raw.slice(..end);
        let path = if is_normal(&path) { path } else { normalise(decode(&path))?.into() };
        Ok(Self { raw, path, query, rewritten: None })
    }
}

/// Whether a path as sent is its own normal form.
fn is_normal(path: &[u8]) -> bool {
    let Some((b'/', mut rest)) = path.split_first() else { return false };
    while let Some(end) = memchr::memchr(b'/', rest) {
        let (segment, behind) = rest.split_at(end);
        if segment.is_empty() || !is_plain(segment) {
            return false;
        }
        rest = behind.get(1..).unwrap_or_default();
    }
    is_plain(rest)
}

fn is_plain(segment: &[u8]) -> bool {
    !matches!(segment, b"." | b"..") && !segment.iter().any(|b| *b == b'%' || is_refused(*b))
}

/// What may not stand in a target unencoded: blanks, controls, and a fragment, which clients keep to
/// themselves.
fn is_refused(byte: u8) -> bool {
    byte <= b' ' || byte == 0x7f || byte == b'#'
}

/// Undoes percent-encoding, once.
fn decode(path: &[u8]) -> impl Iterator<Item = Result<u8, Fault>> {
    let mut bytes = path.iter().copied();
    std::iter::from_fn(move || {
        let byte = bytes.next()?;
        Some(match byte {
            b'%' => decode_escape(bytes.next(), bytes.next()),
            _ if is_refused(byte) => {
                Err(bad_path("the path holds a blank, a control character or a fragment"))
            }
            _ => Ok(byte),
        })
    })
}

fn decode_escape(high: Option<u8>, low: Option<u8>) -> Result<u8, Fault> {
    let digit = |byte: Option<u8>| char::from(byte?).to_digit(16);
    let (Some(high), Some(low)) = (digit(high), digit(low)) else {
        return Err(bad_path("a percent sign is not followed by two hexadecimal digits"));
    };
    u8::try_from(high * 16 + low).map_err(|_| bad_path("an escape is no byte"))
}

/// Merges slashes and resolves dot segments of a decoded path.
pub(super) fn normalise(decoded: impl Iterator<Item = Result<u8, Fault>>) -> Result<Vec<u8>, Fault> {
    let mut path = Vec::with_capacity(decoded.size_hint().0);
    for byte in decoded {
        match byte? {
            b'/' => close_segment(&mut path, true)?,
            _ if path.is_empty() => return Err(bad_path("the path does not begin with a slash")),
            byte if byte.is_ascii_control() => return Err(bad_path("the path holds a control character")),
            byte => path.push(byte),
        }
    }
    close_segment(&mut path, false)?;
    if path.is_empty() { Err(bad_path("the path is empty")) } else { Ok(path) }
}

/// Looks at the segment that has just ended, by a slash or with the path.
fn close_segment(path: &mut Vec<u8>, by_slash: bool) -> Result<(), Fault> {
    let Some(slash) = memchr::memrchr(b'/', path) else {
        if by_slash {
            path.push(b'/');
        }
        return Ok(());
    };
    match path.get(slash + 1..).unwrap_or_default() {
        b"" => {}
        b"." => path.truncate(slash + 1),
        b".." => {
            path.truncate(slash);
            let parent =
                memchr::memrchr(b'/', path).ok_or_else(|| bad_path("the path climbs above the root"))?;
            path.truncate(parent + 1);
        }
        _ if by_slash => path.push(b'/'),
        _ => {}
    }
    Ok(())
}

fn bad_path(what: &str) -> Fault {
    Fault::new(Cause::BadPath, what)
}

#[cfg(test)]
#[path = "path_tests.rs"]
mod tests;
