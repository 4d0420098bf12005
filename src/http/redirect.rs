//! Targets for `Location`.

use ::http::HeaderValue;
use bytes::Bytes;

use super::escape::{encode_argument, encode_foreign, encode_path};
use super::template::{Piece, Template, into_header_value};
use super::variable::{Known, Variable};
use super::{Request, Scope};

impl Template {
    /// The text as the target of a redirect.
    ///
    /// Decoded values (`$uri` and captures) are encoded again, others keep their escapes. A path
    /// never begins with two slashes, which would make its first segment another host.
    pub fn render_location(&self, request: &Request) -> HeaderValue {
        let mut out = Vec::new();
        self.write_encoded(request.into(), &mut out);
        if !self.names_host() {
            let slashes = out.iter().take_while(|b| **b == b'/').count();
            out.drain(..slashes.saturating_sub(1));
        }
        into_header_value(&Bytes::from(out))
    }

    fn write_encoded(&self, scope: Scope<'_>, out: &mut Vec<u8>) {
        let mut in_query = false;
        for piece in self.pieces() {
            match piece {
                Piece::Literal(text) => {
                    encode_foreign(text, out);
                    in_query |= text.contains(&b'?');
                }
                Piece::Variable(variable) => write_variable(scope, variable, in_query, out),
            }
        }
    }

    /// Whether the template itself says `//host`, or `scheme://host`.
    fn names_host(&self) -> bool {
        matches!(self.pieces().first(), Some(Piece::Literal(text)) if text.starts_with(b"//"))
    }
}

fn write_variable(scope: Scope<'_>, variable: &Variable, in_query: bool, out: &mut Vec<u8>) {
    let mut value = Vec::new();
    scope.write(variable, &mut value);
    if !variable.is_decoded() {
        encode_foreign(&value, out);
    } else if in_query {
        encode_argument(&value, out);
    } else {
        encode_path(&value, out);
    }
}

impl Variable {
    /// Whether percent-encoding has been undone in its value.
    pub(super) fn is_decoded(&self) -> bool {
        matches!(self, Self::Known(Known::Path) | Self::Group(_) | Self::Named(_))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::testing::request;
    use super::super::{Captures, Target};
    use super::*;

    fn location(template: &str, target: &str, capture: &str) -> String {
        let mut request = request(target);
        request.captures = Captures {
            groups: vec![None, Some(Bytes::copy_from_slice(capture.as_bytes()))],
            ..Captures::default()
        };
        let value = Template::parse(template).unwrap().render_location(&request);
        String::from_utf8(value.as_bytes().to_vec()).unwrap()
    }

    #[test]
    fn decoded_values_are_encoded_again() {
        assert_eq!(location("/new$uri", "/a%20b%3fc%25", ""), "/new/a%20b%3Fc%25");
        assert_eq!(location("/new/$1", "/", "a b?é\r\n"), "/new/a%20b%3F%C3%A9%0D%0A");
        assert_eq!(location("/s?q=$1", "/", "a&b=c+d"), "/s?q=a%26b=c%2Bd");
        assert_eq!(location("/n$is_args$args", "/x?a=%20&b", ""), "/n?a=%20&b");
        assert_eq!(location("https://$host$request_uri", "/a%2Fb?c", ""), "https://example.com/a%2Fb?c");
    }

    #[test]
    fn a_path_cannot_become_a_host() {
        assert_eq!(location("$request_uri", "//evil.example/x", ""), "/evil.example/x");
        assert_eq!(location("/$1", "/", "//evil.example"), "/evil.example");
        assert_eq!(location("$1", "/", "///evil.example"), "/evil.example");
        assert_eq!(location("/$1", "/", "\\evil.example"), "/%5Cevil.example");
        assert_eq!(location("//cdn.example$uri", "/a", ""), "//cdn.example/a");
        assert_eq!(location("https://$host$uri", "/a", ""), "https://example.com/a");
    }

    proptest! {
        #[test]
        fn nothing_sent_splits_the_answer_or_leaves_the_site(raw in "/[ -~]{0,20}", capture: Vec<u8>) {
            let Ok(target) = Target::parse(Bytes::from(raw)) else { return Ok(()) };
            let mut request = request("/");
            request.target = target;
            request.captures.groups = vec![None, Some(Bytes::from(capture))];
            for template in ["$uri", "$request_uri", "/$1", "/a/$1$is_args$args", "$uri$1"] {
                let value = Template::parse(template).unwrap().render_location(&request);
                prop_assert!(value.as_bytes().iter().all(|b| matches!(b, b'!'..=b'~')));
                prop_assert!(!value.as_bytes().starts_with(b"//") && !value.as_bytes().starts_with(b"/\\"));
            }
        }
    }
}
