//! What a person writes to say what is asked for: a URL, or a path alone.

use std::str::FromStr;

use ::http::Method;
use bytes::Bytes;

use super::{Authority, Scheme};

/// A URL as a client takes it apart. What stands in its parts is for the server to judge.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Url {
    /// Where the request goes; `None` for a path alone.
    pub place: Option<Place>,
    /// Path and query, as they are sent.
    pub target: Bytes,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    pub scheme: Scheme,
    /// Host and port as they are written: what the Host field says.
    pub authority: Bytes,
}

impl Place {
    /// The port that a client connects to.
    pub fn port(&self) -> u16 {
        let written = Authority::parse(&self.authority).ok().and_then(|authority| authority.port);
        written.unwrap_or_else(|| self.scheme.default_port())
    }
}

impl FromStr for Url {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if let Some(bad) = text.chars().find(|c| c.is_ascii_control() || *c == ' ') {
            let escaped = u32::from(bad);
            return Err(format!(
                "`{}` cannot be sent: {bad:?} is written %{escaped:02X}",
                text.escape_debug()
            ));
        }
        // Clients keep the fragment to themselves.
        let sent = text.split('#').next().unwrap_or_default();
        if sent.starts_with('/') {
            return Ok(Self { place: None, target: Bytes::copy_from_slice(sent.as_bytes()) });
        }
        let Some((scheme, rest)) = sent.split_once("://") else {
            return Err(format!(
                "`{text}` is neither a URL nor a path; write \"http://{}\" or \"/{}\"",
                text.trim_start_matches('/'),
                text.trim_start_matches('/')
            ));
        };
        let scheme = scheme_of(scheme)?;
        let (authority, target) = rest.split_at(rest.find(['/', '?']).unwrap_or(rest.len()));
        if authority.is_empty() {
            return Err(format!("`{text}` names no host"));
        }
        if let Some((_, host)) = authority.rsplit_once('@') {
            return Err(format!(
                "clients send no user in a URL; write \"{}://{host}{target}\"",
                scheme.as_str()
            ));
        }
        let slash = if target.starts_with('/') { "" } else { "/" };
        let place = Place { scheme, authority: Bytes::copy_from_slice(authority.as_bytes()) };
        Ok(Self { place: Some(place), target: format!("{slash}{target}").into() })
    }
}

/// A method as a person writes it. Methods are told apart by case (RFC 9110 9.1), and all that are in use are
/// in capitals.
///
/// # Errors
/// What is wrong with it.
pub fn parse_method(text: &str) -> Result<Method, String> {
    if text.bytes().any(|byte| byte.is_ascii_lowercase()) {
        return Err(format!("methods are written in capitals; write `{}`", text.to_uppercase()));
    }
    Method::from_bytes(text.as_bytes()).map_err(|_| format!("`{text}` is not a method"))
}

fn scheme_of(scheme: &str) -> Result<Scheme, String> {
    [Scheme::Http, Scheme::Https]
        .into_iter()
        .find(|known| known.as_str().eq_ignore_ascii_case(scheme))
        .ok_or_else(|| format!("`{scheme}` is not served here; a URL begins with http:// or https://"))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn parts(text: &str) -> (Option<(&'static str, String, u16)>, String) {
        let url: Url = text.parse().unwrap();
        let shown = |bytes: &Bytes| String::from_utf8_lossy(bytes).into_owned();
        let place = url.place.map(|place| (place.scheme.as_str(), shown(&place.authority), place.port()));
        (place, shown(&url.target))
    }

    #[test]
    fn urls_are_taken_apart_as_clients_do() {
        let at = |scheme, authority: &str, port| Some((scheme, authority.to_owned(), port));
        for (text, place, target) in [
            ("http://example.com", at("http", "example.com", 80), "/"),
            ("HTTPS://Example.com:8443/a%2Fb?c=/d#e", at("https", "Example.com:8443", 8443), "/a%2Fb?c=/d"),
            ("https://[::1]?q", at("https", "[::1]", 443), "/?q"),
            ("http://a..b:x/", at("http", "a..b:x", 80), "/"),
            ("/a/../b?c", None, "/a/../b?c"),
            ("//a", None, "//a"),
            ("/é", None, "/é"),
        ] {
            assert_eq!(parts(text), (place, target.to_owned()), "{text}");
        }
    }

    #[test]
    fn what_cannot_be_sent_is_refused_with_what_to_write() {
        for (text, expected) in [
            ("", "neither a URL nor a path"),
            ("example.com/a", "\"http://example.com/a\" or \"/example.com/a\""),
            ("ftp://a/", "`ftp` is not served"),
            ("http:///a", "names no host"),
            ("http://me:secret@a/b", "\"http://a/b\""),
            ("/a b", "%20"),
            ("/a\0", "%00"),
        ] {
            let message = text.parse::<Url>().unwrap_err();
            assert!(message.contains(expected), "{text}: {message}");
        }
    }

    proptest! {
        #[test]
        fn a_target_begins_with_a_slash_and_has_no_blank(text in "[ -~é\u{0}]{0,30}") {
            if let Ok(url) = text.parse::<Url>() {
                prop_assert!(url.target.starts_with(b"/"));
                prop_assert!(!url.target.iter().any(|byte| *byte <= b' ' || *byte == b'#'));
            }
        }
    }
}
