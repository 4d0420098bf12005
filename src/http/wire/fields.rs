//! Header and trailer sections: where they end, whether their lines are unambiguous, and their fields.

use ::http::HeaderValue;
use ::http::header::{self, HeaderName};
use bytes::{BufMut, Bytes, BytesMut};

use super::WireError;
use crate::http::Fields;

/// The index behind the empty line that ends a head; `from` is how much was searched before.
///
/// A line that ends in LF alone is refused as soon as it is seen (RFC 9112 2.2): better than waiting for
/// an end that a lenient peer has already seen.
pub fn find_head_end(bytes: &[u8], from: usize) -> Result<Option<usize>, WireError> {
    let start = from.min(bytes.len());
    for offset in memchr::memchr_iter(b'\n', &bytes[start..]) {
        let end = start + offset + 1;
        match &bytes[..end] {
            [.., b'\n', b'\r', b'\n'] => return Ok(Some(end)),
            [.., b'\r', b'\n'] => {}
            _ => return Err(WireError::BareLf),
        }
    }
    Ok(None)
}

/// Names what parsers disagree on (RFC 9112 2.2, 5.2): LF or CR alone, NUL, folded lines. Of these httparse
/// takes LF alone, so that has to be looked for; the others it refuses as well, in other words.
pub fn check_lines(head: &[u8]) -> Result<(), WireError> {
    let mut line_start = 0;
    for index in memchr::memchr3_iter(b'\r', b'\n', 0, head) {
        match head[index] {
            b'\r' if head.get(index + 1) != Some(&b'\n') => return Err(WireError::BareCr),
            b'\r' => {}
            b'\n' if index.checked_sub(1).and_then(|before| head.get(before)) != Some(&b'\r') => {
                return Err(WireError::BareLf);
            }
            b'\n' => line_start = index + 1,
            _ => return Err(WireError::Nul),
        }
        if matches!(head.get(line_start), Some(b' ' | b'\t')) {
            return Err(WireError::ObsFold);
        }
    }
    Ok(())
}

/// The fields that httparse found in `head`, without copying their values.
pub fn parse(found: &[httparse::Header<'_>], head: &Bytes) -> Result<Fields, WireError> {
    let mut fields = Fields::with_capacity(found.len());
    for field in found {
        let name = HeaderName::from_bytes(field.name.as_bytes()).map_err(|_| WireError::BadField)?;
        let value = if field.value.is_empty() {
            HeaderValue::from_static("")
        } else {
            HeaderValue::from_maybe_shared(head.slice_ref(field.value)).map_err(|_| WireError::BadField)?
        };
        fields.append(name, value);
    }
    Ok(fields)
}

/// The fields of a whole section that ends in an empty line, such as trailers.
pub fn parse_section<const MAX: usize>(section: &Bytes) -> Result<Fields, WireError> {
    check_lines(section)?;
    let mut found = [httparse::EMPTY_HEADER; MAX];
    match httparse::parse_headers(section, &mut found) {
        Ok(httparse::Status::Complete((_, found))) => parse(found, section),
        Ok(httparse::Status::Partial) => Err(WireError::BadField),
        Err(error) => Err(error.into()),
    }
}

impl From<httparse::Error> for WireError {
    fn from(error: httparse::Error) -> Self {
        match error {
            httparse::Error::HeaderName | httparse::Error::HeaderValue => Self::BadField,
            httparse::Error::NewLine => Self::BareCr,
            httparse::Error::TooManyHeaders => Self::TooManyFields,
            httparse::Error::Status | httparse::Error::Token | httparse::Error::Version => {
                Self::BadStatusLine
            }
        }
    }
}

/// Writes one field line.
///
/// Names are written the way they always were, `Content-Type`: case means nothing (RFC 9110 5.1), but
/// there are scripts that read heads with the eye of a person.
pub fn write_field(out: &mut BytesMut, name: &[u8], value: &[u8]) {
    out.reserve(name.len() + value.len() + 36);
    if name == b"etag" {
        out.put_slice(b"ETag");
    } else {
        write_name(out, name);
    }
    out.put_slice(b": ");
    out.put_slice(value);
    out.put_slice(b"\r\n");
}

/// In blocks, which the compiler makes a few vector instructions of: byte by byte this took a tenth of a
/// proxied request.
fn write_name(out: &mut BytesMut, name: &[u8]) {
    const BLOCK: usize = 32;
    let mut last = b'-';
    for piece in name.chunks(BLOCK) {
        let mut block = [0; BLOCK];
        block[..piece.len()].copy_from_slice(piece);
        let mut before = [last; BLOCK];
        before[1..].copy_from_slice(&block[..BLOCK - 1]);
        for (byte, before) in block.iter_mut().zip(before) {
            *byte ^= u8::from(before == b'-' && byte.is_ascii_lowercase()) << 5;
        }
        last = block[piece.len() - 1];
        out.put_slice(&block);
        out.truncate(out.len() - BLOCK + piece.len());
    }
}

/// Writes the field lines of `fields`, except those to `skip`.
pub fn write(out: &mut BytesMut, fields: &Fields, skip: impl Fn(&HeaderName) -> bool) {
    let (prepared, lines) = fields.prepared();
    if prepared.iter().any(|(name, _)| skip(name)) {
        write_each(out, prepared, &skip);
    } else {
        out.extend_from_slice(lines);
    }
    write_each(out, fields.unprepared(), &skip);
}

fn write_each(out: &mut BytesMut, fields: &[(HeaderName, HeaderValue)], skip: &impl Fn(&HeaderName) -> bool) {
    for (name, value) in fields.iter().filter(|(name, _)| !skip(name)) {
        write_field(out, name.as_str().as_bytes(), value.as_bytes());
    }
}

/// Fields that frame a message on one connection: the writer of a head makes them itself.
pub fn is_framing(name: &HeaderName) -> bool {
    matches!(*name, header::CONNECTION | header::CONTENT_LENGTH | header::TRANSFER_ENCODING)
}

/// Fields that concern one connection only (RFC 9110 7.6.1), whether Connection names them or not.
pub fn is_hop_by_hop(name: &HeaderName) -> bool {
    const OLD: [&str; 2] = ["keep-alive", "proxy-connection"];
    matches!(
        *name,
        header::CONNECTION | header::TE | header::TRAILER | header::TRANSFER_ENCODING | header::UPGRADE
    ) || OLD.contains(&name.as_str())
}

/// Whether a field may stand in a trailer section (RFC 9110 6.5.1): nothing that frames, routes,
/// authenticates, controls or describes the content, since a recipient may merge it into the head.
pub fn may_trail(name: &HeaderName) -> bool {
    let name = name.as_str();
    let refused = [
        "age",
        "authorization",
        "cache-control",
        "connection",
        "cookie",
        "date",
        "expect",
        "expires",
        "host",
        "keep-alive",
        "location",
        "max-forwards",
        "pragma",
        "range",
        "retry-after",
        "set-cookie",
        "te",
        "trailer",
        "transfer-encoding",
        "upgrade",
        "vary",
        "via",
        "warning",
        "www-authenticate",
        "x-real-ip",
    ];
    let refused_prefixes = [
        "access-control-",
        "authentication-",
        "content-",
        "forwarded",
        "if-",
        "proxy",
        "sec-",
        "x-accel-",
        "x-forwarded-",
    ];
    !refused.contains(&name)
        && !refused_prefixes.iter().any(|prefix| name.starts_with(prefix))
        && !name.contains('_')
}

#[cfg(test)]
mod tests;
