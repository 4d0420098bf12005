//! The addresses that proxies wrote down: X-Forwarded-For, and RFC 7239's Forwarded where that is absent.

use std::net::{IpAddr, SocketAddr};

use ::http::{HeaderName, header};
use smallvec::SmallVec;

use super::{Fields, Scheme};

pub const X_FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");

/// One sender that a proxy saw.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Hop {
    pub ip: IpAddr,
    pub port: Option<u16>,
    /// How it came, which only Forwarded tells of each.
    pub scheme: Option<Scheme>,
}

pub type Chain = SmallVec<[Hop; 4]>;

/// The nearest hop first. What stands beyond something that is no address is worth nothing, and left
/// out: nobody could have routed it.
pub fn read_chain(headers: &Fields) -> Chain {
    if headers.contains_key(X_FORWARDED_FOR) {
        let lines = headers.get_all(X_FORWARDED_FOR).rev();
        let entries = lines.flat_map(|line| line.as_bytes().rsplit(|b| *b == b','));
        return entries.map_while(|entry| parse_node(entry.trim_ascii())).collect();
    }
    let lines = headers.get_all(header::FORWARDED).rev();
    let elements = lines.flat_map(|line| split_unquoted(line.as_bytes(), b',').into_iter().rev());
    elements.map_while(parse_element).collect()
}

/// One element of Forwarded: `for=192.0.2.60;proto=http;by=203.0.113.43`.
fn parse_element(element: &[u8]) -> Option<Hop> {
    let mut hop = None;
    let mut scheme = None;
    for pair in split_unquoted(element, b';') {
        let (name, value) = pair.split_at_checked(memchr::memchr(b'=', pair)?)?;
        let value = unquote(value.get(1..)?);
        match () {
            () if name.eq_ignore_ascii_case(b"for") => hop = Some(parse_node(value)?),
            () if name.eq_ignore_ascii_case(b"proto") => scheme = Some(parse_scheme(value)?),
            () => {}
        }
    }
    hop.map(|hop| Hop { scheme, ..hop })
}

/// Parts between separators that do not stand within quotes, without the blanks around them.
fn split_unquoted(text: &[u8], separator: u8) -> SmallVec<[&[u8]; 4]> {
    let (mut quoted, mut escaped) = (false, false);
    let parts = text.split(|b| {
        quoted ^= !escaped && *b == b'"';
        escaped = quoted && !escaped && *b == b'\\';
        !quoted && *b == separator
    });
    parts.map(<[u8]>::trim_ascii).collect()
}

fn unquote(value: &[u8]) -> &[u8] {
    value.strip_prefix(b"\"").and_then(|inner| inner.strip_suffix(b"\"")).unwrap_or(value)
}

/// An address, with or without brackets and port; `unknown` and `_names` are none.
fn parse_node(text: &[u8]) -> Option<Hop> {
    let text = str::from_utf8(text).ok()?;
    let bare = text.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).unwrap_or(text);
    let (ip, port) = match bare.parse::<IpAddr>() {
        Ok(ip) => (ip, None),
        Err(_) => text.parse::<SocketAddr>().map(|addr| (addr.ip(), Some(addr.port()))).ok()?,
    };
    Some(Hop { ip: ip.to_canonical(), port, scheme: None })
}

pub fn parse_scheme(text: &[u8]) -> Option<Scheme> {
    match text {
        _ if text.eq_ignore_ascii_case(b"http") => Some(Scheme::Http),
        _ if text.eq_ignore_ascii_case(b"https") => Some(Scheme::Https),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use ::http::HeaderValue;
    use proptest::prelude::*;

    use super::*;

    fn chain(name: &HeaderName, lines: &[&str]) -> Vec<String> {
        let mut headers = Fields::new();
        for line in lines {
            headers.append(name, HeaderValue::from_str(line).unwrap());
        }
        let show = |hop: &Hop| match (hop.port, hop.scheme) {
            (Some(port), _) => format!("{} {port}", hop.ip),
            (None, Some(scheme)) => format!("{} {}", hop.ip, scheme.as_str()),
            (None, None) => hop.ip.to_string(),
        };
        read_chain(&headers).iter().map(show).collect()
    }

    #[test]
    fn x_forwarded_for_is_read_from_its_end() {
        let read = |lines: &[&str]| chain(&X_FORWARDED_FOR, lines);
        assert_eq!(read(&["1.1.1.1, 2.2.2.2", "3.3.3.3"]), ["3.3.3.3", "2.2.2.2", "1.1.1.1"]);
        assert_eq!(
            read(&["2001:db8::1,[::1],[::2]:80,1.2.3.4:5"]),
            ["1.2.3.4 5", "::2 80", "::1", "2001:db8::1"]
        );
        assert_eq!(read(&["::ffff:1.2.3.4"]), ["1.2.3.4"]);
        assert_eq!(read(&["1.1.1.1, unknown, 2.2.2.2"]), ["2.2.2.2"]);
        assert!(read(&["1.1.1.1,"]).is_empty());
        assert!(read(&["1.1.1.1 2.2.2.2"]).is_empty());
    }

    #[test]
    fn forwarded_is_read_by_rfc_7239() {
        let read = |lines: &[&str]| chain(&header::FORWARDED, lines);
        assert_eq!(
            read(&["for=192.0.2.43, For=\"[2001:db8:cafe::17]:4711\""]),
            ["2001:db8:cafe::17 4711", "192.0.2.43"]
        );
        assert_eq!(read(&["for=192.0.2.60;proto=https;by=203.0.113.43"]), ["192.0.2.60 https"]);
        assert_eq!(
            read(&["for=1.1.1.1;host=\"a,for=6.6.6.6\"", "by=_x; for=2.2.2.2"]),
            ["2.2.2.2", "1.1.1.1"]
        );
        assert_eq!(read(&["for=1.1.1.1;x=\"\\\",for=6.6.6.6\""]), ["1.1.1.1"]);
        assert!(read(&["for=unknown"]).is_empty() && read(&["for=_hidden"]).is_empty());
        assert!(read(&["proto=https"]).is_empty() && read(&["for"]).is_empty());
    }

    proptest! {
        #[test]
        fn no_text_upsets_it(line in "[ -~]{0,40}") {
            chain(&X_FORWARDED_FOR, &[&line]);
            chain(&header::FORWARDED, &[&line]);
        }
    }
}
