//! Patterns of media types, such as `text/*` and `*+json`.

use std::str::FromStr;

/// A media type, or several by what they begin or end with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum MediaPattern {
    /// `application/json`.
    Exact(Box<str>),
    /// `text/*`, kept with its slash.
    Begins(Box<str>),
    /// `*+json`, kept with its plus (RFC 6839).
    Ends(Box<str>),
}

/// The text is not such a pattern.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a media type, nor a pattern like \"text/*\" or \"*+json\"")]
pub struct MediaPatternError;

impl FromStr for MediaPattern {
    type Err = MediaPatternError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let pattern = match text.strip_prefix('*') {
            Some(end) => end.strip_prefix('+').filter(|name| is_token(name)).map(|_| Self::Ends(end.into())),
            None => text.split_once('/').and_then(|(kind, name)| match name {
                _ if !is_token(kind) => None,
                "*" => Some(Self::Begins(text.trim_end_matches('*').into())),
                name => is_token(name).then(|| Self::Exact(text.into())),
            }),
        };
        pattern.ok_or(MediaPatternError)
    }
}

impl MediaPattern {
    /// Whether `media_type`, without parameters, is one of these. Case does not count (RFC 9110 8.3.1).
    fn matches(&self, media_type: &[u8]) -> bool {
        let same = |part: Option<&[u8]>, text: &str| {
            part.is_some_and(|part| part.eq_ignore_ascii_case(text.as_bytes()))
        };
        match self {
            Self::Exact(text) => same(Some(media_type), text),
            Self::Begins(text) => same(media_type.get(..text.len()), text),
            Self::Ends(text) => {
                same(media_type.len().checked_sub(text.len()).and_then(|at| media_type.get(at..)), text)
            }
        }
    }
}

/// A list of them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MediaPatterns(Vec<MediaPattern>);

impl MediaPatterns {
    /// What is worth compressing: text in all its guises, and binary formats that do not compress themselves.
    pub const DEFAULT: &[&str] = &[
        "text/*",
        "*+json",
        "*+xml",
        "*+text",
        "application/json",
        "application/javascript",
        "application/x-javascript",
        "application/ecmascript",
        "application/json5",
        "application/x-ndjson",
        "application/json-seq",
        "application/xml",
        "application/xml-dtd",
        "application/yaml",
        "application/toml",
        "application/graphql",
        "application/sql",
        "application/rtf",
        "application/wasm",
        "application/vnd.apple.mpegurl",
        "application/x-mpegurl",
        "application/vnd.ms-fontobject",
        "application/x-font-ttf",
        "application/x-font-otf",
        "font/ttf",
        "font/otf",
        "font/collection",
        "image/bmp",
        "image/x-ms-bmp",
        "image/x-icon",
        "image/vnd.microsoft.icon",
        "model/obj",
    ];

    /// Whether one of them matches a Content-Type, whatever its parameters are.
    pub fn matches(&self, content_type: &[u8]) -> bool {
        let media_type = content_type.split(|byte| *byte == b';').next().unwrap_or_default().trim_ascii();
        self.0.iter().any(|pattern| pattern.matches(media_type))
    }
}

impl FromIterator<MediaPattern> for MediaPatterns {
    fn from_iter<I: IntoIterator<Item = MediaPattern>>(patterns: I) -> Self {
        Self(patterns.into_iter().collect())
    }
}

impl Default for MediaPatterns {
    fn default() -> Self {
        Self::DEFAULT.iter().filter_map(|text| text.parse().ok()).collect()
    }
}

/// RFC 9110 5.6.2.
fn is_token(text: &str) -> bool {
    let is_token_byte = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte);
    !text.is_empty() && !text.contains('*') && text.bytes().all(is_token_byte)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::http::media_type;

    fn is_worth(content_type: &str) -> bool {
        MediaPatterns::default().matches(content_type.as_bytes())
    }

    #[test]
    fn every_default_is_a_pattern() {
        assert_eq!(MediaPatterns::default().0.len(), MediaPatterns::DEFAULT.len());
    }

    #[test]
    fn text_is_compressed_whatever_its_parameters_and_case() {
        for content_type in [
            "text/html",
            "text/html; charset=utf-8",
            " TEXT/CSS ;charset=x",
            "text/event-stream",
            "Application/JSON",
            "application/problem+json",
            "application/atom+xml; type=feed",
            "image/svg+xml",
        ] {
            assert!(is_worth(content_type), "{content_type}");
        }
    }

    #[test]
    fn what_compresses_itself_is_not() {
        for name in
            ["a.png", "a.jpg", "a.webp", "a.woff", "a.woff2", "a.mp4", "a.mp3", "a.zip", "a.gz", "a.pdf", "a"]
        {
            assert!(!MediaPatterns::default().matches(media_type(name.as_bytes()).as_bytes()), "{name}");
        }
    }

    #[test]
    fn files_of_the_usual_text_formats_are() {
        for name in [
            "a.html",
            "a.js",
            "a.mjs",
            "a.css",
            "a.json",
            "a.map",
            "a.xml",
            "a.svg",
            "a.wasm",
            "a.ttf",
            "a.otf",
            "a.eot",
            "a.ico",
            "a.bmp",
            "a.webmanifest",
            "a.jsonl",
            "a.csv",
            "a.md",
            "a.yaml",
            "a.m3u8",
            "a.rss",
        ] {
            assert!(MediaPatterns::default().matches(media_type(name.as_bytes()).as_bytes()), "{name}");
        }
    }

    #[test]
    fn a_type_that_only_looks_like_one_is_not() {
        for content_type in
            ["", ";", "text", "textual/html", "application/jsonp", "json", "application/x+jsons"]
        {
            assert!(!is_worth(content_type), "{content_type:?}");
        }
    }

    #[test]
    fn what_is_no_pattern_is_refused() {
        for text in [
            "",
            "*",
            "*/*",
            "text",
            "text/",
            "/html",
            "*json",
            "*+",
            "te xt/html",
            "text/*x",
            "*/json",
            "text/html;a",
        ] {
            assert_eq!(text.parse::<MediaPattern>(), Err(MediaPatternError), "{text}");
        }
    }

    proptest! {
        #[test]
        fn a_type_matches_its_own_pattern_in_either_case(kind in "[a-z]{1,9}", name in "[a-z][a-z.+-]{0,9}") {
            let exact = format!("{kind}/{name}");
            for pattern in [exact.clone(), format!("{kind}/*")] {
                let pattern: MediaPattern = pattern.parse().unwrap();
                prop_assert!(pattern.matches(exact.to_ascii_uppercase().as_bytes()));
            }
        }

        #[test]
        fn any_type_is_judged(content_type: Vec<u8>) {
            let types: MediaPatterns = [MediaPattern::Exact("a/b".into())].into_iter().collect();
            let holds_it = content_type.windows(3).any(|part| part.eq_ignore_ascii_case(b"a/b"));
            prop_assert!(holds_it || !types.matches(&content_type));
        }
    }
}
