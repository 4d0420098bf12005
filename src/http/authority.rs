//! The host and port of a request (RFC 9110 7.2, RFC 3986 3.2.2), strictly.

use std::net::Ipv6Addr;

use bytes::Bytes;

use super::{Authority, Cause, Fault};

impl Authority {
    /// Reads the value of Host, or the authority of an absolute target.
    ///
    /// User information, blanks and empty labels are refused: none is needed to reach a site, and
    /// every one has been read differently by two parties.
    pub fn parse(raw: &Bytes) -> Result<Self, Fault> {
        let (host, port) = split(raw)?;
        let port = port.map(parse_port).transpose()?.flatten();
        if !is_host(host) {
            return Err(bad_host(raw));
        }
        let host = host.strip_suffix(b".").unwrap_or(host);
        let host = if host.iter().any(u8::is_ascii_uppercase) {
            host.to_ascii_lowercase().into()
        } else {
            raw.slice(..host.len())
        };
        Ok(Self { raw: raw.clone(), host, port })
    }
}

/// The host, and the port behind a colon.
fn split(raw: &[u8]) -> Result<(&[u8], Option<&[u8]>), Fault> {
    // The colons of an IPv6 address stand between brackets.
    let name = if raw.starts_with(b"[") { raw.iter().position(|b| *b == b']') } else { Some(0) };
    let name = name.ok_or_else(|| bad_host(raw))?;
    let colon = memchr::memchr(b':', raw.get(name..).unwrap_or_default()).map(|at| at + name);
    Ok(match colon.and_then(|colon| raw.split_at_checked(colon)) {
        Some((host, port)) => (host, port.get(1..)),
        None => (raw, None),
    })
}

/// `1*5DIGIT`, and nothing is the default port (RFC 3986 3.2.3).
fn parse_port(digits: &[u8]) -> Result<Option<u16>, Fault> {
    if digits.is_empty() {
        return Ok(None);
    }
    let port = digits.iter().try_fold(0_u16, |port, digit| {
        let digit = digit.is_ascii_digit().then(|| u16::from(digit - b'0'))?;
        port.checked_mul(10)?.checked_add(digit)
    });
    match port {
        Some(port) => Ok(Some(port)),
        None => Err(Fault::new(Cause::BadHost, "the port of the Host header is not a number up to 65535")),
    }
}

fn is_host(host: &[u8]) -> bool {
    if let Some(inner) = host.strip_prefix(b"[") {
        let address = inner.strip_suffix(b"]").and_then(|inner| str::from_utf8(inner).ok());
        return address.is_some_and(|address| address.parse::<Ipv6Addr>().is_ok());
    }
    let name = host.strip_suffix(b".").unwrap_or(host);
    name.len() <= LONGEST_NAME && has_plain_labels(name)
}

/// RFC 1035 2.3.4
const LONGEST_NAME: usize = 253;

/// What names are made of in practice. RFC 3986's reg-name would also allow percent-encoding, by which one
/// name could be written in many ways, and commas or quotes, which mean something in lists of hosts.
fn has_plain_labels(name: &[u8]) -> bool {
    let mut label = 0;
    for byte in name {
        match byte {
            b'.' if label > 0 => label = 0,
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' | b'~' => label += 1,
            _ => return false,
        }
    }
    label > 0
}

fn bad_host(raw: &[u8]) -> Fault {
    Fault::new(Cause::BadHost, format!("{:?} is not a host", raw.escape_ascii().to_string()))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn parse(raw: &'static str) -> Option<(String, Option<u16>)> {
        let authority = Authority::parse(&Bytes::from(raw)).ok()?;
        assert_eq!(authority.raw, raw);
        Some((String::from_utf8(authority.host.to_vec()).unwrap(), authority.port))
    }

    #[test]
    fn valid_hosts_are_read() {
        for (raw, host, port) in [
            ("example.com", "example.com", None),
            ("Example.COM:8080", "example.com", Some(8080)),
            ("example.com.", "example.com", None),
            ("example.com.:80", "example.com", Some(80)),
            ("example.com:", "example.com", None),
            ("a_b-c", "a_b-c", None),
            ("127.0.0.1:1", "127.0.0.1", Some(1)),
            ("[::1]", "[::1]", None),
            ("[2001:DB8::1]:443", "[2001:db8::1]", Some(443)),
            ("a:00080", "a", Some(80)),
            ("a:65535", "a", Some(65535)),
            ("xn--caf-dma.fr", "xn--caf-dma.fr", None),
        ] {
            assert_eq!(parse(raw), Some((host.to_owned(), port)), "{raw}");
        }
    }

    #[test]
    fn invalid_hosts_are_refused() {
        for raw in [
            "",
            ":80",
            ".",
            "..",
            "a..b",
            ".a",
            "a..",
            "a@b",
            "user:pw@a",
            "x:abc",
            "a:-1",
            "a:+1",
            "a:65536",
            "a:99999999999999999999",
            "a:80:80",
            "a b",
            " a",
            "a ",
            "a\tb",
            "a/b",
            "a?b",
            "a#b",
            "a\\b",
            "a%2eb",
            "caf\u{e9}",
            "[::1",
            "::1",
            "[::g]",
            "[]",
            "[::1]x",
            "[::1]:x",
            "[::1%eth0]",
            "[v1.x]",
            "a]",
            "a\0b",
            "a<b",
            "a,b",
            "a;b",
            "'a'",
            "http://a",
        ] {
            assert_eq!(parse(raw), None, "{raw:?}");
        }
    }

    proptest! {
        #[test]
        fn no_bytes_upset_it(raw in prop::collection::vec(any::<u8>(), 0..30)) {
            if let Ok(authority) = Authority::parse(&Bytes::from(raw)) {
                prop_assert!(!authority.host.is_empty());
                prop_assert!(!authority.host.iter().any(|b| b" \t\r\n@/\\".contains(b) || b.is_ascii_uppercase()));
            }
        }
    }
}
