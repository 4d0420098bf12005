//! Header and trailer sections: where they end, whether their lines are unambiguous, and their fields.

use ::http::header::{self, HeaderName};
use ::http::{HeaderMap, HeaderValue};
use bytes::{BufMut, Bytes, BytesMut};

use super::WireError;

/// The index behind the empty line that ends a head; `from` is how much was searched before.
///
/// An empty line made of LF alone counts too: [`check_lines`] refuses such a head at once, which is
/// better than waiting for an end that a lenient peer has already seen.
pub fn find_head_end(bytes: &[u8], from: usize) -> Option<usize> {
    let start = from.saturating_sub(2).min(bytes.len());
    memchr::memchr_iter(b'\n', &bytes[start..]).find_map(|offset| {
        let next = start + offset + 1;
        match bytes.get(next..)? {
            [b'\n', ..] => Some(next + 1),
            [b'\r', b'\n', ..] => Some(next + 2),
            _ => None,
        }
    })
}

/// Refuses what parsers disagree on (RFC 9112 2.2, 5.2): LF or CR alone, NUL, folded lines.
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
pub fn parse(found: &[httparse::Header<'_>], head: &Bytes) -> Result<HeaderMap, WireError> {
    let mut fields = HeaderMap::with_capacity(found.len());
    for field in found {
        let name = HeaderName::from_bytes(field.name.as_bytes()).map_err(|_| WireError::BadField)?;
        let value = if field.value.is_empty() {
            HeaderValue::from_static("")
        } else {
            HeaderValue::from_maybe_shared(head.slice_ref(field.value)).map_err(|_| WireError::BadField)?
        };
        // More distinct names than the map can index; the caps on fields keep that from arising.
        fields.try_append(name, value).map_err(|_| WireError::TooManyFields)?;
    }
    Ok(fields)
}

/// The fields of a whole section that ends in an empty line, such as trailers.
pub fn parse_section<const MAX: usize>(section: &Bytes) -> Result<HeaderMap, WireError> {
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
    out.reserve(name.len() + value.len() + 4);
    if name == b"etag" {
        out.put_slice(b"ETag")
    } else {
        write_name(out, name)
    }
    out.put_slice(b": ");
    out.put_slice(value);
    out.put_slice(b"\r\n");
}

fn write_name(out: &mut BytesMut, name: &[u8]) {
    let start = out.len();
    out.put_slice(name);
    let mut capital = true;
    for byte in out.iter_mut().skip(start) {
        if capital {
            byte.make_ascii_uppercase();
        }
        capital = *byte == b'-';
    }
}

/// Writes the field lines of `fields`, except those to `skip`.
pub fn write(out: &mut BytesMut, fields: &HeaderMap, skip: impl Fn(&HeaderName) -> bool) {
    for (name, value) in fields {
        if !skip(name) {
            write_field(out, name.as_str().as_bytes(), value.as_bytes());
        }
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
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn section(text: &[u8]) -> Result<HeaderMap, WireError> {
        parse_section::<8>(&Bytes::copy_from_slice(text))
    }

    #[test]
    fn an_end_is_found_wherever_the_reads_were_split() {
        let head = b"HTTP/1.1 200 OK\r\nA: b\r\n\r\nbody\r\n\r\n";
        for searched in 0..25 {
            assert_eq!(find_head_end(&head[..searched], 0), None);
            assert_eq!(find_head_end(head, searched), Some(25), "searched {searched} before");
        }
    }

    #[test]
    fn ends_made_of_lf_are_found_to_be_refused() {
        for head in [&b"A: b\n\n"[..], b"A: b\r\n\n", b"A: b\n\r\n"] {
            let end = find_head_end(head, 0).unwrap();
            assert_eq!(end, head.len());
            assert_eq!(check_lines(&head[..end]), Err(WireError::BareLf), "{head:?}");
        }
    }

    #[test]
    fn ambiguous_lines_are_refused() {
        for (text, error) in [
            (&b"A: b\nHidden: c\r\n\r\n"[..], WireError::BareLf),
            (b"A: b\rHidden: c\r\n\r\n", WireError::BareCr),
            (b"A: b\r\r\n\r\n", WireError::BareCr),
            (b"A: b\0c\r\n\r\n", WireError::Nul),
            (b"A: b\r\n folded\r\n\r\n", WireError::ObsFold),
            (b"A: b\r\n\tfolded\r\n\r\n", WireError::ObsFold),
            (b" A: b\r\n\r\n", WireError::ObsFold),
            (b"A : b\r\n\r\n", WireError::BadField),
            (b"A\t: b\r\n\r\n", WireError::BadField),
            (b"A\r\n\r\n", WireError::BadField),
            (b": b\r\n\r\n", WireError::BadField),
            (b"A(): b\r\n\r\n", WireError::BadField),
            (b"A: b\x07\r\n\r\n", WireError::BadField),
        ] {
            assert_eq!(section(text), Err(error), "{}", text.escape_ascii());
        }
    }

    #[test]
    fn values_are_trimmed_and_share_the_head() {
        let head = Bytes::from_static(b"A: \t b c \t\r\nEmpty:\r\n\r\n");
        let fields = parse_section::<8>(&head).unwrap();
        assert_eq!(fields["a"], "b c");
        assert_eq!(fields["empty"], "");
    }

    #[test]
    fn more_fields_than_allowed_are_refused() {
        assert_eq!(
            section(&[b"a: b\r\n".repeat(9), b"\r\n".to_vec()].concat()),
            Err(WireError::TooManyFields)
        );
    }

    #[test]
    fn trailers_never_frame_route_or_authenticate() {
        for name in
            ["content-length", "transfer-encoding", "host", "authorization", "set-cookie", "x-forwarded-for"]
        {
            assert!(!may_trail(&HeaderName::from_static(name)), "{name}");
        }
        assert!(may_trail(&HeaderName::from_static("grpc-status")));
        assert!(may_trail(&HeaderName::from_static("server-timing")));
    }

    proptest! {
        #[test]
        fn any_bytes_are_parsed_or_refused(bytes in proptest::collection::vec(any::<u8>(), 0..200), from in 0usize..300) {
            let _ = find_head_end(&bytes, from);
            let _ = section(&bytes);
        }

        #[test]
        fn what_is_written_is_read_back(
            pairs in proptest::collection::vec(("[a-z][a-z0-9-]{0,12}", "[!-~]([ -~]{0,20}[!-~])?"), 0..8)
        ) {
            let mut fields = HeaderMap::new();
            for (name, value) in &pairs {
                fields.append(HeaderName::from_bytes(name.as_bytes()).unwrap(), value.parse().unwrap());
            }
            let mut out = BytesMut::new();
            write(&mut out, &fields, |_| false);
            out.extend_from_slice(b"\r\n");
            prop_assert_eq!(section(&out).unwrap(), fields);
        }
    }
}
