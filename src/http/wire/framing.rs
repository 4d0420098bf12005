//! How long a message's body is (RFC 9112 6), and whether its connection persists (9.3).

use ::http::header::{CONNECTION, CONTENT_LENGTH, TRANSFER_ENCODING};
use ::http::{HeaderName, HeaderValue, Method, StatusCode, Version};

use super::WireError;
use crate::http::Fields;

/// Where a body ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BodyLength {
    /// There is none.
    None,
    Exact(u64),
    Chunked,
    /// Responses only: the end of the connection ends the body.
    UntilClose,
}

/// The length of a request's body. One without Content-Length and Transfer-Encoding has none; both
/// together are refused, which is stricter than RFC 9112 6.1 but leaves nothing to disagree on.
pub fn of_request(version: Version, fields: &Fields) -> Result<BodyLength, WireError> {
    Ok(announced(version, fields)?.unwrap_or(BodyLength::None))
}

/// The length of a response's body, in the order of RFC 9112 6.3. Faulty framing fields are refused
/// even where they do not count, as in an answer to HEAD: they may be passed on from there.
pub fn of_response(
    method: &Method,
    status: StatusCode,
    version: Version,
    fields: &Fields,
) -> Result<BodyLength, WireError> {
    let announced = announced(version, fields)?;
    let bodiless = method == Method::HEAD
        || status.is_informational()
        || matches!(status, StatusCode::NO_CONTENT | StatusCode::NOT_MODIFIED);
    if bodiless { Ok(BodyLength::None) } else { Ok(announced.unwrap_or(BodyLength::UntilClose)) }
}

fn announced(version: Version, fields: &Fields) -> Result<Option<BodyLength>, WireError> {
    let chunked = is_chunked(fields)?;
    let length = content_length(fields)?;
    match (chunked, length) {
        (true, _) if version < Version::HTTP_11 => Err(WireError::TransferEncodingInHttp10),
        (true, Some(_)) => Err(WireError::TwoLengths),
        (true, None) => Ok(Some(BodyLength::Chunked)),
        (false, length) => Ok(length.map(BodyLength::Exact)),
    }
}

/// Content-Length: digits that fit 64 bits; repeated only with the same value (RFC 9110 8.6).
pub fn content_length(fields: &Fields) -> Result<Option<u64>, WireError> {
    let mut length = None;
    for value in fields.get_all(CONTENT_LENGTH) {
        for item in elements(value.as_bytes()) {
            let item = parse_length(item).ok_or(WireError::BadContentLength)?;
            if length.is_some_and(|length| length != item) {
                return Err(WireError::ContentLengthDiffers);
            }
            length = Some(item);
        }
    }
    Ok(length)
}

fn parse_length(digits: &[u8]) -> Option<u64> {
    if digits.is_empty() {
        return None;
    }
    digits.iter().try_fold(0u64, |sum, digit| {
        let digit = digit.is_ascii_digit().then(|| u64::from(digit - b'0'))?;
        sum.checked_mul(10)?.checked_add(digit)
    })
}

/// Whether the body is chunked: exactly one `chunked` over all lines, and nothing else.
fn is_chunked(fields: &Fields) -> Result<bool, WireError> {
    if !fields.contains_key(TRANSFER_ENCODING) {
        return Ok(false);
    }
    let lines = fields.get_all(TRANSFER_ENCODING);
    let mut codings = lines.flat_map(|value| elements(value.as_bytes())).peekable();
    let mut foreign = false;
    while let Some(coding) = codings.next() {
        let chunked = coding.eq_ignore_ascii_case(b"chunked");
        if !is_token(coding) || (chunked && codings.peek().is_some()) {
            return Err(WireError::BadTransferEncoding);
        }
        foreign |= !chunked;
    }
    if foreign { Err(WireError::UnknownCoding) } else { Ok(true) }
}

/// Whether the connection outlives this message (RFC 9112 9.3): `close` wins, HTTP/1.0 has to ask.
pub fn persists(version: Version, fields: &Fields) -> bool {
    let closes = has_token(fields, &CONNECTION, b"close");
    !closes && (version >= Version::HTTP_11 || has_token(fields, &CONNECTION, b"keep-alive"))
}

/// Whether the lines of a list field name `token`, in any case.
pub fn has_token(fields: &Fields, name: &HeaderName, token: &[u8]) -> bool {
    let named = |line: &HeaderValue| elements(line.as_bytes()).any(|item| item.eq_ignore_ascii_case(token));
    fields.get_all(name).any(named)
}

/// The elements of a comma-separated list, empty ones included.
fn elements(value: &[u8]) -> impl Iterator<Item = &[u8]> {
    value.split(|&byte| byte == b',').map(trim_ows)
}

/// Without the spaces and tabs around it; other white space is left to be refused.
fn trim_ows(mut bytes: &[u8]) -> &[u8] {
    while let [b' ' | b'\t', rest @ ..] | [rest @ .., b' ' | b'\t'] = bytes {
        bytes = rest;
    }
    bytes
}

fn is_token(bytes: &[u8]) -> bool {
    let symbol = |byte: &u8| b"!#$%&'*+-.^_`|~".contains(byte);
    !bytes.is_empty() && bytes.iter().all(|byte| byte.is_ascii_alphanumeric() || symbol(byte))
}

#[cfg(test)]
mod tests;
