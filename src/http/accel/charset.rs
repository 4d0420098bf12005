//! `X-Accel-Charset`: the character set of text whose type does not say one.

use ::http::HeaderValue;
use ::http::header::CONTENT_TYPE;

use crate::http::Fields;

/// Adds the parameter; `off`, and what is no token (RFC 9110 5.6.2), adds none.
pub(super) fn apply(charset: Option<&HeaderValue>, headers: &mut Fields) {
    let Some(charset) = charset.map(|value| value.as_bytes().trim_ascii()) else { return };
    if charset.eq_ignore_ascii_case(b"off") || charset.is_empty() || !charset.iter().copied().all(is_token) {
        return;
    }
    let Some(content_type) = headers.get(CONTENT_TYPE).map(HeaderValue::as_bytes) else { return };
    if !is_text(content_type) || has_charset(content_type) {
        return;
    }
    let with = [content_type, b"; charset=", charset].concat();
    if let Ok(value) = HeaderValue::from_bytes(&with) {
        headers.insert(CONTENT_TYPE, value);
    }
}

fn is_text(content_type: &[u8]) -> bool {
    content_type.get(..5).is_some_and(|start| start.eq_ignore_ascii_case(b"text/"))
}

fn has_charset(content_type: &[u8]) -> bool {
    let parameters = content_type.split(|byte| *byte == b';').skip(1).map(<[u8]>::trim_ascii);
    let mut names = parameters.map(|one| one.split(|byte| *byte == b'=').next().unwrap_or_default());
    names.any(|name| name.trim_ascii().eq_ignore_ascii_case(b"charset"))
}

fn is_token(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn applied(charset: &'static str, content_type: &'static str) -> String {
        let mut headers = Fields::new();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
        apply(Some(&HeaderValue::from_static(charset)), &mut headers);
        headers["content-type"].to_str().unwrap().to_owned()
    }

    #[test]
    fn text_gets_the_charset_it_does_not_have() {
        for (charset, content_type, expected) in [
            ("koi8-r", "text/plain", "text/plain; charset=koi8-r"),
            (" utf-8 ", "TEXT/html; level=1", "TEXT/html; level=1; charset=utf-8"),
            ("koi8-r", "text/plain; Charset=utf-8", "text/plain; Charset=utf-8"),
            ("koi8-r", "text/plain;charset = utf-8", "text/plain;charset = utf-8"),
            ("koi8-r", "image/png", "image/png"),
            ("off", "text/plain", "text/plain"),
            ("", "text/plain", "text/plain"),
            ("utf-8; x=y", "text/plain", "text/plain"),
        ] {
            assert_eq!(applied(charset, content_type), expected, "{charset:?}");
        }
    }

    #[test]
    fn what_has_no_type_gets_none() {
        let mut headers = Fields::new();
        apply(Some(&HeaderValue::from_static("utf-8")), &mut headers);
        assert!(headers.is_empty());
    }
}
