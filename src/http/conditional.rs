//! Preconditions (RFC 9110 13): If-Match and its kin, in the order of 13.2.2.

use ::http::{HeaderName, HeaderValue, Method, header};

use super::{Date, Fields};

/// What the current representation is recognised by.
#[derive(Clone, Debug)]
pub struct Validators {
    /// With its quotes, and with `W/` if it is weak.
    pub etag: HeaderValue,
    pub modified: Option<Modified>,
}

/// When a representation was last changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Modified {
    pub date: Date,
    /// Whether that second is over: only then can no further change hide behind the same date
    /// (RFC 9110 8.8.2.2).
    pub settled: bool,
}

/// What the preconditions of a request come to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// They hold, or there are none: the method goes ahead.
    Proceed,
    /// 304: the client has it already.
    NotModified,
    /// 412
    Failed,
}

/// Weighs the preconditions of a request for a representation that exists.
pub fn evaluate(method: &Method, headers: &Fields, current: &Validators) -> Verdict {
    let reading = *method == Method::GET || *method == Method::HEAD;
    if headers.contains_key(header::IF_MATCH) {
        if !matches_any(headers, &header::IF_MATCH, |tag| same_strongly(tag, &current.etag)) {
            return Verdict::Failed;
        }
    } else if changed_since(headers, &header::IF_UNMODIFIED_SINCE, current) == Some(true) {
        return Verdict::Failed;
    }
    if headers.contains_key(header::IF_NONE_MATCH) {
        if !matches_any(headers, &header::IF_NONE_MATCH, |tag| same_weakly(tag, &current.etag)) {
            return Verdict::Proceed;
        }
        return if reading { Verdict::NotModified } else { Verdict::Failed };
    }
    if reading && changed_since(headers, &header::IF_MODIFIED_SINCE, current) == Some(false) {
        return Verdict::NotModified;
    }
    Verdict::Proceed
}

/// Whether If-Range lets Range count (RFC 9110 13.1.5): it is absent, or names this very representation.
pub fn range_applies(headers: &Fields, current: &Validators) -> bool {
    let mut values = headers.get_all(header::IF_RANGE);
    match (values.next(), values.next()) {
        (None, _) => true,
        (Some(value), None) => if_range_holds(value.as_bytes().trim_ascii(), current),
        _ => false,
    }
}

/// An entity tag is told from a date by a quote among its first three characters.
fn if_range_holds(value: &[u8], current: &Validators) -> bool {
    if value.iter().take(3).any(|byte| *byte == b'"') {
        return same_strongly(value, &current.etag);
    }
    // Not "no later than": the date must be the very one this representation carries.
    current.modified.is_some_and(|modified| modified.settled && Date::parse(value) == Some(modified.date))
}

/// Whether the representation is newer than the date in a field; `None` when the field does not count:
/// absent, repeated, not a date, or nothing known to compare it with.
fn changed_since(headers: &Fields, name: &HeaderName, current: &Validators) -> Option<bool> {
    let value = headers.get_single(name)?;
    let since = Date::parse(value.as_bytes().trim_ascii())?;
    current.modified.map(|modified| modified.date > since)
}

/// RFC 9110 8.8.3.2: neither is weak, and both are the same.
fn same_strongly(tag: &[u8], current: &HeaderValue) -> bool {
    !tag.starts_with(b"W/") && tag == current.as_bytes()
}

/// RFC 9110 8.8.3.2: the same but for weakness.
fn same_weakly(tag: &[u8], current: &HeaderValue) -> bool {
    opaque(tag) == opaque(current.as_bytes())
}

fn opaque(tag: &[u8]) -> &[u8] {
    tag.strip_prefix(b"W/").unwrap_or(tag)
}

/// Whether a list of entity tags, over however many lines, is `*` or has a member that `wanted` takes.
fn matches_any(headers: &Fields, name: &HeaderName, wanted: impl Fn(&[u8]) -> bool) -> bool {
    headers
        .get_all(name)
        .any(|value| value.as_bytes().trim_ascii() == b"*" || Tags(value.as_bytes()).any(&wanted))
}

/// The entity tags of a field value, which may hold commas themselves. Ends at what is not one.
struct Tags<'a>(&'a [u8]);

impl<'a> Iterator for Tags<'a> {
    type Item = &'a [u8];

    fn next(&mut self) -> Option<&'a [u8]> {
        let start = self.0.iter().position(|byte| !matches!(byte, b' ' | b'\t' | b','))?;
        let text = self.0.get(start..)?;
        let prefix = if text.starts_with(b"W/") { 2 } else { 0 };
        let inner = text.get(prefix..)?.strip_prefix(b"\"")?;
        let close = memchr::memchr(b'"', inner)?;
        let (tag, rest) = text.split_at_checked(prefix + 1 + close + 1)?;
        self.0 = rest;
        Some(tag)
    }
}

#[cfg(test)]
mod tests;
