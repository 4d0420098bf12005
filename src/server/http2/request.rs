//! A request as h2 found it, read as strictly as one of HTTP/1.1 (RFC 9113 8.2, 8.3).
//!
//! Names in upper case, fields of one connection, pseudo-header fields that are missing, doubled or out of
//! place, and a length that its content does not have, h2 refuses by itself: it resets the stream.

use ::http::header::{CONTENT_LENGTH, COOKIE, HOST};
use ::http::{HeaderMap, HeaderName, HeaderValue, Method, Uri, Version};
use bytes::{Bytes, BytesMut};
use h2::ext::Protocol;

use super::websocket;
use crate::http::wire::{BodyLength, framing};
use crate::http::{Authority, Cause, Fault, Fields, Target};
use crate::server::head::{self, Head, MAX_FIELDS, MAX_HEAD, MAX_LINE};

/// What a field counts for besides its name and value (RFC 9113 6.5.2): a name and a value of one byte take
/// memory as well.
const OVERHEAD: usize = 32;

/// What the client tells ahead of its fields.
pub(super) struct Asked {
    pub method: Method,
    pub uri: Uri,
    /// Of an extended CONNECT (RFC 8441).
    pub protocol: Option<Protocol>,
    /// Nothing follows the head.
    pub ends: bool,
}

/// The authority of the last request, since most of a connection have the same.
#[derive(Default)]
pub(super) struct LastAuthority(Option<(Authority, HeaderValue)>);

impl Asked {
    pub fn read(&self, fields: HeaderMap, last: &mut LastAuthority) -> Result<Head, Fault> {
        if self.protocol.is_none() {
            head::refuse_method(&self.method)?;
        }
        let mut headers = read_fields(fields)?;
        let authority = self.authority(&mut headers, last)?;
        let target = self.target()?;
        if self.uri.scheme_str().is_some_and(|scheme| !matches!(scheme, "http" | "https")) {
            return Err(malformed(":scheme is neither http nor https"));
        }
        let body = self.body(&headers)?;
        let mut head = Head {
            target,
            authority,
            body,
            keep_alive: true,
            expects_continue: head::expects_continue(Version::HTTP_2, &headers)?,
            method: self.method.clone(),
            version: Version::HTTP_2,
            headers,
        };
        if let Some(protocol) = &self.protocol {
            websocket::downgrade(&mut head, protocol.as_str())?;
        }
        Ok(head)
    }

    /// What the log has of a request that was refused.
    pub fn line(&self) -> Bytes {
        let path = self.uri.path_and_query().map_or("", |path| path.as_str());
        format!("{} {path} HTTP/2.0", self.method).into()
    }

    /// From `:authority`, or from Host (RFC 9113 8.3.1). Both have to say the same. Host is there afterwards.
    fn authority(&self, headers: &mut Fields, last: &mut LastAuthority) -> Result<Authority, Fault> {
        let host = host(headers)?;
        let Some(given) = self.uri.authority() else {
            return host.ok_or_else(|| Fault::new(Cause::BadHost, "neither :authority nor Host"));
        };
        let (authority, value) = last.parse(given.as_str().as_bytes())?;
        match host {
            Some(host) if host.host != authority.host || host.port != authority.port => {
                return Err(Fault::new(Cause::BadHost, ":authority and Host disagree"));
            }
            Some(_) => {}
            None => headers.append(HOST, value),
        }
        Ok(authority)
    }

    fn target(&self) -> Result<Target, Fault> {
        let path = self.uri.path_and_query().map_or(&b""[..], |path| path.as_str().as_bytes());
        if path.len() > MAX_LINE {
            return Err(Fault::new(Cause::TargetTooLong, format!("a path of more than {MAX_LINE} bytes")));
        }
        let raw = Bytes::copy_from_slice(path);
        if path == b"*" && self.method == Method::OPTIONS {
            return Ok(Target { raw, path: Bytes::from_static(b"/"), query: None, rewritten: None });
        }
        Target::parse(raw)
    }

    fn body(&self, headers: &Fields) -> Result<BodyLength, Fault> {
        if headers.get_all(CONTENT_LENGTH).nth(1).is_some() {
            return Err(malformed("Content-Length is there twice"));
        }
        let length = framing::content_length(headers).map_err(|error| malformed(&error.to_string()))?;
        Ok(match length {
            _ if self.ends || self.protocol.is_some() => BodyLength::None,
            Some(length) => BodyLength::Exact(length),
            None => BodyLength::Chunked,
        })
    }
}

fn host(headers: &Fields) -> Result<Option<Authority>, Fault> {
    let mut hosts = headers.get_all(HOST);
    match (hosts.next(), hosts.next()) {
        (None, _) => Ok(None),
        (Some(host), None) => Authority::parse(&Bytes::copy_from_slice(host.as_bytes())).map(Some),
        (Some(_), Some(_)) => Err(Fault::new(Cause::BadHost, "Host is there twice")),
    }
}

impl LastAuthority {
    fn parse(&mut self, raw: &[u8]) -> Result<(Authority, HeaderValue), Fault> {
        if let Some((authority, value)) = self.0.as_ref().filter(|(authority, _)| authority.raw == raw) {
            return Ok((authority.clone(), value.clone()));
        }
        let authority = Authority::parse(&Bytes::copy_from_slice(raw))?;
        let value = HeaderValue::from_maybe_shared(authority.raw.clone())
            .map_err(|_| Fault::new(Cause::BadHost, ":authority is not valid"))?;
        Ok(self.0.insert((authority, value)).clone())
    }
}

/// The fields in the order they came, but with all of a Cookie, which comes in crumbs for the sake of
/// compression, in one line (RFC 9113 8.2.3).
fn read_fields(map: HeaderMap) -> Result<Fields, Fault> {
    let mut fields = Fields::with_capacity(map.keys_len() + 1);
    let (mut size, mut cookie) = (0, Vec::new());
    let mut latest: Option<HeaderName> = None;
    for (name, value) in map {
        let name = name.or_else(|| latest.clone()).unwrap_or(COOKIE);
        size += name.as_str().len() + value.len() + OVERHEAD;
        if size > MAX_HEAD {
            return Err(Fault::new(Cause::HeaderTooLarge, format!("a head of more than {MAX_HEAD} bytes")));
        }
        vet(&value)?;
        if name == COOKIE {
            cookie.push(value);
        } else if fields.len() < MAX_FIELDS {
            fields.append(name.clone(), value);
        } else {
            return Err(Fault::new(Cause::HeaderTooLarge, format!("more than {MAX_FIELDS} fields")));
        }
        latest = Some(name);
    }
    if let Some(cookie) = join(cookie)? {
        fields.append(COOKIE, cookie);
    }
    Ok(fields)
}

/// HTTP/1.1 takes blanks around a value away, and so a value would not be the same for all.
fn vet(value: &HeaderValue) -> Result<(), Fault> {
    match value.as_bytes() {
        [b' ' | b'\t', ..] | [.., b' ' | b'\t'] => {
            Err(malformed("a field's value begins or ends with a blank"))
        }
        _ => Ok(()),
    }
}

fn join(mut crumbs: Vec<HeaderValue>) -> Result<Option<HeaderValue>, Fault> {
    if crumbs.len() < 2 {
        return Ok(crumbs.pop());
    }
    let mut whole = BytesMut::new();
    for crumb in &crumbs {
        if !whole.is_empty() {
            whole.extend_from_slice(b"; ");
        }
        whole.extend_from_slice(crumb.as_bytes());
    }
    HeaderValue::from_maybe_shared(whole.freeze()).map(Some).map_err(|_| malformed("Cookie is not valid"))
}

fn malformed(what: &str) -> Fault {
    Fault::new(Cause::MalformedRequest, what)
}
