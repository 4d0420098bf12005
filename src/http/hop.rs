//! What belongs to one connection, or to nobody who sent it, and is not passed on.

use ::http::{HeaderName, HeaderValue, Version, header};

use super::vetting::{Fate, fate, is_hop_by_hop};
use super::{Fields, Request};

/// Takes out what an upstream must not see: hop-by-hop fields (RFC 9110 7.6.1), names that a CGI
/// environment confuses with others, and forged accounts of where the request came from.
pub(super) fn strip_request(headers: &mut Fields, peer_trusted: bool) {
    let nominated = Nominated::by(headers);
    headers.retain(|name| {
        let passes = match fate(name.as_str()) {
            Fate::Keep => true,
            Fate::DropUntrusted => peer_trusted,
            Fate::Drop => false,
        };
        passes && !nominated.has(name)
    });
}

/// Takes out what an upstream said to us alone. Whoever passes a 101 on takes its Upgrade first.
pub fn strip_response_hop_by_hop(headers: &mut Fields) {
    let nominated = Nominated::by(headers);
    headers.retain(|name| !is_hop_by_hop(name.as_str()) && !nominated.has(name));
}

/// The protocol a client wants to change to, where that may be passed on (RFC 9110 7.8). To be asked
/// before the headers are made ready for the upstream.
///
/// What asks for it in HTTP/2 (RFC 8441) has become the same by then.
///
/// Never `h2c`, which would open a way around everything checked here, and never with a body, of
/// which nobody could say where it ends.
pub fn upgrade_asked(request: &Request) -> Option<HeaderValue> {
    let value = request.headers.get_single(header::UPGRADE)?;
    let is_h2c = |token: &[u8]| {
        let protocol = token.split(|b| *b == b'/').next().unwrap_or_default();
        protocol.eq_ignore_ascii_case(b"h2c") || protocol.eq_ignore_ascii_case(b"h2")
    };
    let possible = request.version >= Version::HTTP_11 && request.body.is_empty() && !value.is_empty();
    let asked = connection_tokens(&request.headers).any(|token| token.eq_ignore_ascii_case(b"upgrade"));
    (possible && asked && !tokens(value).any(is_h2c)).then(|| value.clone())
}

/// What the Connection fields name, but for what no sender may take away from the next one. Sorted, since
/// a head has room for thousands of names.
struct Nominated(Vec<HeaderName>);

impl Nominated {
    fn by(headers: &Fields) -> Self {
        let mut names: Vec<_> = connection_tokens(headers)
            .filter(|token| {
                !token.eq_ignore_ascii_case(b"keep-alive") && !token.eq_ignore_ascii_case(b"close")
            })
            .filter_map(|token| HeaderName::from_bytes(token).ok())
            .filter(|name| !is_protected(name))
            .collect();
        names.sort_unstable_by(|a, b| a.as_str().cmp(b.as_str()));
        Self(names)
    }

    fn has(&self, name: &HeaderName) -> bool {
        self.0.binary_search_by(|named| named.as_str().cmp(name.as_str())).is_ok()
    }
}

fn connection_tokens(headers: &Fields) -> impl Iterator<Item = &[u8]> {
    headers.get_all(header::CONNECTION).flat_map(tokens)
}

fn tokens(value: &HeaderValue) -> impl Iterator<Item = &[u8]> {
    value.as_bytes().split(|b| *b == b',').map(<[u8]>::trim_ascii)
}

fn is_protected(name: &HeaderName) -> bool {
    [
        header::HOST,
        header::CONTENT_LENGTH,
        header::CONTENT_TYPE,
        header::AUTHORIZATION,
        header::COOKIE,
        header::SET_COOKIE,
    ]
    .contains(name)
        || name.as_str().starts_with("x-forwarded-")
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::super::Body;
    use super::super::testing::request_with;
    use super::*;

    fn left(fields: &[(&str, &str)], peer_trusted: bool) -> Vec<String> {
        let mut headers = request_with("/", fields).headers;
        strip_request(&mut headers, peer_trusted);
        let mut names: Vec<_> = headers.keys().map(ToString::to_string).collect();
        names.sort();
        names
    }

    #[test]
    fn what_connection_names_is_dropped() {
        let fields = [
            ("connection", "keep-alive, X-Mine"),
            ("connection", "x-other , , Cookie,host,content-length, Authorization"),
            ("x-mine", "1"),
            ("x-other", "1"),
            ("cookie", "1"),
            ("content-length", "0"),
            ("authorization", "1"),
            ("accept", "*/*"),
        ];
        assert_eq!(left(&fields, true), ["accept", "authorization", "content-length", "cookie"]);
    }

    #[test]
    fn an_answer_loses_its_hop_by_hop_fields() {
        let fields = [
            ("connection", "x-a"),
            ("x-a", "1"),
            ("keep-alive", "1"),
            ("upgrade", "x"),
            ("x-b", "1"),
            ("set-cookie", "1"),
        ];
        let mut headers = request_with("/", &fields).headers;
        strip_response_hop_by_hop(&mut headers);
        assert_eq!(headers.keys().map(HeaderName::as_str).collect::<Vec<_>>(), ["x-b", "set-cookie"]);
    }

    #[test]
    fn upgrades_are_passed_on_but_never_h2c() {
        let asked = |fields: &[(&str, &str)]| upgrade_asked(&request_with("/", fields)).is_some();
        let connection = ("connection", "keep-alive, Upgrade");
        assert!(asked(&[connection, ("upgrade", "websocket")]));
        assert!(!asked(&[("upgrade", "websocket")]));
        assert!(!asked(&[connection]));
        assert!(!asked(&[connection, ("upgrade", "")]));
        assert!(!asked(&[connection, ("upgrade", "websocket"), ("upgrade", "h2c")]));
        for protocol in ["h2c", "H2C", "websocket, h2c", "h2c/1", "h2"] {
            assert!(!asked(&[connection, ("upgrade", protocol)]), "{protocol}");
        }
    }

    #[test]
    fn an_upgrade_needs_http_1_1_and_no_body() {
        let mut request = request_with("/", &[("connection", "upgrade"), ("upgrade", "websocket")]);
        request.version = Version::HTTP_10;
        assert!(upgrade_asked(&request).is_none());
        request.version = Version::HTTP_11;
        request.body = Body::Bytes(Bytes::from_static(b"x"));
        assert!(upgrade_asked(&request).is_none());
    }
}
