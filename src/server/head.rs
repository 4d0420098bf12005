//! A request's head: found, bounded and read so strictly that no two parsers could differ on it.

use std::mem::MaybeUninit;

use ::http::header::{EXPECT, HOST};
use ::http::{HeaderValue, Method, Version};
use bytes::{Buf, Bytes, BytesMut};

use crate::http::wire::{BodyLength, WireError, fields, framing};
use crate::http::{Authority, Cause, Fault, Fields, Target};

/// All of a head, request line included.
pub(super) const MAX_HEAD: usize = 32 * 1024;
/// The request line, and so the target in it.
pub(super) const MAX_LINE: usize = 8 * 1024;
pub(super) const MAX_FIELDS: usize = 100;
/// Empty lines ahead of a request (RFC 9112 2.2): some old clients send one behind a body.
const MAX_EMPTY_LINES: usize = 4;

/// A request as its head tells it.
#[derive(Debug)]
pub(super) struct Head {
    pub method: Method,
    pub version: Version,
    pub target: Target,
    pub authority: Authority,
    pub headers: Fields,
    pub body: BodyLength,
    pub keep_alive: bool,
    pub expects_continue: bool,
}

/// How far the search for a head's end has come, so that no byte is looked at twice.
#[derive(Debug, Default)]
pub(super) struct Search {
    line_start: usize,
    lines: usize,
    skipped: usize,
}

impl Search {
    /// Takes a whole head off `input`; `None` while it is incomplete.
    ///
    /// # Errors
    /// A line that ends in LF alone, or a head beyond its limits: reported as soon as it is seen.
    pub fn next(&mut self, input: &mut BytesMut) -> Result<Option<Bytes>, Fault> {
        self.skip_empty_lines(input)?;
        while let Some(offset) = memchr::memchr(b'\n', input.get(self.line_start..).unwrap_or_default()) {
            let end = self.line_start + offset;
            if end.checked_sub(1).and_then(|before| input.get(before)) != Some(&b'\r') {
                return Err(malformed(WireError::BareLf));
            }
            if offset == 1 {
                return self.whole(input, end + 1).map(Some);
            }
            self.lines += 1;
            self.line_start = end + 1;
            self.within_limits(end)?;
        }
        self.within_limits(input.len()).map(|()| None)
    }

    fn skip_empty_lines(&mut self, input: &mut BytesMut) -> Result<(), Fault> {
        while self.lines == 0 && self.line_start == 0 && input.starts_with(b"\r\n") {
            self.skipped += 1;
            if self.skipped > MAX_EMPTY_LINES {
                return Err(Fault::new(Cause::MalformedRequest, "empty lines instead of a request"));
            }
            input.advance(2);
        }
        Ok(())
    }

    fn whole(&mut self, input: &mut BytesMut, length: usize) -> Result<Bytes, Fault> {
        self.within_limits(length)?;
        *self = Self::default();
        Ok(input.split_to(length).freeze())
    }

    fn within_limits(&self, seen: usize) -> Result<(), Fault> {
        let in_first_line = self.lines == 0 || (self.lines == 1 && seen < self.line_start);
        if (in_first_line && seen > MAX_LINE) || (self.lines == 1 && self.line_start > MAX_LINE) {
            return Err(Fault::new(
                Cause::TargetTooLong,
                format!("a request line of more than {MAX_LINE} bytes"),
            ));
        }
        if seen > MAX_HEAD {
            return Err(Fault::new(Cause::HeaderTooLarge, format!("a head of more than {MAX_HEAD} bytes")));
        }
        if self.lines > MAX_FIELDS + 1 {
            return Err(Fault::new(Cause::HeaderTooLarge, format!("more than {MAX_FIELDS} fields")));
        }
        Ok(())
    }
}

impl Head {
    /// Reads a head that [`Search`] found.
    pub fn parse(head: &Bytes) -> Result<Self, Fault> {
        let mut slots = [const { MaybeUninit::uninit() }; MAX_FIELDS];
        let mut parsed = httparse::Request::new(&mut []);
        let status = httparse::ParserConfig::default()
            .parse_request_with_uninit_headers(&mut parsed, head, &mut slots)
            .map_err(|error| {
                fields::check_lines(head).err().map_or_else(|| refused_line(error, head), malformed)
            })?;
        let (httparse::Status::Complete(_), Some(method), Some(path), Some(minor)) =
            (status, parsed.method, parsed.path, parsed.version)
        else {
            return Err(Fault::new(Cause::MalformedRequest, "the request line is incomplete"));
        };
        let method = Method::from_bytes(method.as_bytes())
            .map_err(|_| Fault::new(Cause::MalformedRequest, "the method is not a token"))?;
        let version = if minor == 0 { Version::HTTP_10 } else { Version::HTTP_11 };
        let headers = fields::parse(parsed.headers, head).map_err(malformed)?;
        Self::assemble(head, method, version, head.slice_ref(path.as_bytes()), headers)
    }

    fn assemble(
        head: &Bytes,
        method: Method,
        version: Version,
        target: Bytes,
        headers: Fields,
    ) -> Result<Self, Fault> {
        refuse_method(&method)?;
        let named = host_field(head, version, &headers)?;
        let (target, authority) = read_target(&method, target)?;
        let body = framing::of_request(version, &headers).map_err(refused_framing)?;
        Ok(Self {
            target,
            // RFC 9112 3.2.2: the authority of an absolute target replaces Host.
            authority: authority.unwrap_or(named),
            body,
            keep_alive: framing::persists(version, &headers),
            expects_continue: expects_continue(version, &headers)?,
            method,
            version,
            headers,
        })
    }
}

fn malformed(error: WireError) -> Fault {
    let cause = match error {
        WireError::TooManyFields => Cause::HeaderTooLarge,
        _ => Cause::MalformedRequest,
    };
    Fault::new(cause, error.to_string())
}

fn refused_line(error: httparse::Error, head: &[u8]) -> Fault {
    match error {
        httparse::Error::Version if names_a_version(head) => {
            Fault::new(Cause::VersionNotSupported, "an HTTP version other than 1.0 and 1.1")
        }
        httparse::Error::Version => {
            Fault::new(Cause::MalformedRequest, "the request line names no HTTP version")
        }
        httparse::Error::Token => Fault::new(Cause::MalformedRequest, "the request line is not valid"),
        httparse::Error::TooManyHeaders => malformed(WireError::TooManyFields),
        other => Fault::new(Cause::MalformedRequest, other.to_string()),
    }
}

/// RFC 9112 2.3: `HTTP/` digit `.` digit; anything else in that place is garbage, not a version.
fn names_a_version(head: &[u8]) -> bool {
    let line = head.split(|byte| *byte == b'\r').next().unwrap_or_default();
    let mut parts = line.split(|byte| *byte == b' ').skip(2);
    let (third, none) = (parts.next(), parts.next());
    none.is_none()
        && matches!(third, Some([b'H', b'T', b'T', b'P', b'/', major, b'.', minor])
            if major.is_ascii_digit() && minor.is_ascii_digit())
}

fn refused_framing(error: WireError) -> Fault {
    let cause = match error {
        WireError::UnknownCoding => Cause::NotImplemented,
        _ => Cause::MalformedRequest,
    };
    Fault::new(cause, error.to_string())
}

/// Neither is of use to an application behind us, and both have been of use to attackers (RFC 9110 9.3.6, 9.3.8).
pub(super) fn refuse_method(method: &Method) -> Result<(), Fault> {
    if *method != Method::CONNECT && *method != Method::TRACE {
        return Ok(());
    }
    let allow = HeaderValue::from_static("GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS");
    Err(Fault::new(Cause::MethodNotAllowed, format!("{method} is never answered"))
        .with_header(::http::header::ALLOW, allow))
}

/// The Host field: exactly one in HTTP/1.1, at most one in HTTP/1.0 (RFC 9112 3.2). It must be valid even
/// where an absolute target overrules it.
fn host_field(head: &Bytes, version: Version, headers: &Fields) -> Result<Authority, Fault> {
    let mut hosts = headers.get_all(HOST);
    match (hosts.next(), hosts.next()) {
        // The value shares the head's memory, and so does the authority.
        (Some(host), None) => Authority::parse(&head.slice_ref(host.as_bytes())),
        (None, _) if version == Version::HTTP_10 => Ok(Authority::default()),
        (None, _) => Err(Fault::new(Cause::BadHost, "HTTP/1.1 without Host")),
        (Some(_), Some(_)) => Err(Fault::new(Cause::BadHost, "Host is there twice")),
    }
}

/// The target (RFC 9112 3.2) from its origin form, and the authority of an absolute one.
fn read_target(method: &Method, target: Bytes) -> Result<(Target, Option<Authority>), Fault> {
    if target.starts_with(b"/") {
        return Ok((Target::parse(target)?, None));
    }
    if &target[..] == b"*" && *method == Method::OPTIONS {
        let root = Bytes::from_static(b"/");
        return Ok((Target { raw: target, path: root, query: None, rewritten: None }, None));
    }
    let rest = after_scheme(&target)
        .ok_or_else(|| Fault::new(Cause::MalformedRequest, "the target is neither a path nor a URL"))?;
    let end = memchr::memchr2(b'/', b'?', &rest).unwrap_or(rest.len());
    let authority = Authority::parse(&rest.slice(..end))?;
    if authority.host.is_empty() {
        return Err(Fault::new(Cause::BadHost, "a URL without a host"));
    }
    let origin_form = match rest.get(end..) {
        Some([b'/', ..]) => rest.slice(end..),
        Some(query @ [_, ..]) => [b"/", query].concat().into(),
        Some([]) | None => Bytes::from_static(b"/"),
    };
    Ok((Target::parse(origin_form)?, Some(authority)))
}

fn after_scheme(target: &Bytes) -> Option<Bytes> {
    [&b"http://"[..], b"https://"].iter().find_map(|scheme| {
        let start = target.get(..scheme.len())?;
        start.eq_ignore_ascii_case(scheme).then(|| target.slice(scheme.len()..))
    })
}

/// RFC 9110 10.1.1: only 100-continue is known; from HTTP/1.0 it is ignored.
pub(super) fn expects_continue(version: Version, headers: &Fields) -> Result<bool, Fault> {
    if version == Version::HTTP_10 {
        return Ok(false);
    }
    let known = |value: &HeaderValue| value.as_bytes().trim_ascii().eq_ignore_ascii_case(b"100-continue");
    let mut expectations = headers.get_all(EXPECT).peekable();
    let any = expectations.peek().is_some();
    if expectations.all(known) {
        Ok(any)
    } else {
        Err(Fault::new(Cause::ExpectationFailed, "an expectation other than 100-continue"))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const PIECES: &[&[u8]] =
        &[b"A: b\r\n", b"Host: a\r\n", b"A: b", b"\r\n", b"\n", b"\r", b"\0", b" ", b"\t", b":", b"c"];

    proptest! {
        #[test]
        fn what_is_taken_has_no_line_that_others_read_differently(
            pieces in proptest::collection::vec(proptest::sample::select(PIECES), 0..12),
        ) {
            let mut input = BytesMut::from(&[b"GET / HTTP/1.1\r\nHost: a\r\n", &pieces.concat()[..]].concat()[..]);
            if let Ok(Some(head)) = Search::default().next(&mut input)
                && Head::parse(&head).is_ok()
            {
                prop_assert_eq!(fields::check_lines(&head), Ok(()));
            }
        }
    }
}
