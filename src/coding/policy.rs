//! Which responses are compressed.

use ::http::StatusCode;
use ::http::header::{
    CACHE_CONTROL, CONTENT_ENCODING, CONTENT_RANGE, CONTENT_TYPE, HeaderName, HeaderValue, SET_COOKIE,
};

use super::{Coding, Levels, MediaPatterns};
use crate::http::Fields;

/// Below that, what is saved fits into the packet that is sent anyway, and the encoder costs more than the rest.
const MIN_SIZE: u64 = 1024;

/// What is compressed, and how.
#[derive(Clone, Debug)]
pub struct Policy {
    /// The codings offered; of those a client likes equally the first is taken.
    pub codings: Vec<Coding>,
    pub levels: Levels,
    pub types: MediaPatterns,
    /// Shorter bodies stay as they are.
    pub min_size: u64,
    /// Whether responses that set cookies are compressed. Such a page often shows a secret beside something of
    /// the request, and then its compressed length tells the secret letter by letter (BREACH).
    pub cookies: bool,
}

impl Default for Policy {
    fn default() -> Self {
        Self {
            codings: Coding::ALL.to_vec(),
            levels: Levels::default(),
            types: MediaPatterns::default(),
            min_size: MIN_SIZE,
            cookies: false,
        }
    }
}

impl Policy {
    /// Whether a response is compressed for those who can decode it, so that it varies by that. `length` is
    /// that of its body, where it is known.
    pub fn concerns(&self, status: StatusCode, headers: &Fields, length: Option<u64>) -> bool {
        has_whole_body(status)
            && headers.get(CONTENT_TYPE).is_some_and(|content_type| self.covers(content_type, length))
            && self.allows(headers)
    }

    /// Whether content of that type and length is worth compressing.
    pub fn covers(&self, content_type: &HeaderValue, length: Option<u64>) -> bool {
        let content_type = content_type.as_bytes();
        length.is_none_or(|length| length >= self.min_size.max(1))
            && self.types.matches(content_type)
            && !is_grpc(content_type)
    }

    /// Whether the fields of a response leave its body to us.
    pub fn allows(&self, headers: &Fields) -> bool {
        let is_identity =
            |value: &HeaderValue| value.as_bytes().trim_ascii().eq_ignore_ascii_case(b"identity");
        headers.get_all(CONTENT_ENCODING).all(is_identity)
            && !headers.contains_key(CONTENT_RANGE)
            && !lists(headers, &CACHE_CONTROL, b"no-transform")
            && (self.cookies || !headers.contains_key(SET_COOKIE))
    }
}

/// A part of a representation is a part of its bytes (206), and so is a difference (226). Redirects have
/// nothing to read; an error's page may be as long as any.
fn has_whole_body(status: StatusCode) -> bool {
    let is_other = matches!(
        status,
        StatusCode::NO_CONTENT
            | StatusCode::RESET_CONTENT
            | StatusCode::PARTIAL_CONTENT
            | StatusCode::IM_USED
    );
    (status.is_success() && !is_other) || status.is_client_error() || status.is_server_error()
}

/// Messages with lengths of their own, each compressed by itself or not.
fn is_grpc(content_type: &[u8]) -> bool {
    const GRPC: &[u8] = b"application/grpc";
    content_type.trim_ascii_start().get(..GRPC.len()).is_some_and(|start| start.eq_ignore_ascii_case(GRPC))
}

/// Whether a list, over all lines, has that member.
fn lists(headers: &Fields, name: &HeaderName, word: &[u8]) -> bool {
    let mut members = headers.get_all(name).flat_map(|line| line.as_bytes().split(|byte| *byte == b','));
    members.any(|member| member.trim_ascii().eq_ignore_ascii_case(word))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn concerns(
        policy: &Policy,
        status: u16,
        lines: &[(&'static str, &'static str)],
        length: Option<u64>,
    ) -> bool {
        let line = |(name, value): &(&'static str, &'static str)| {
            (HeaderName::from_static(name), HeaderValue::from_static(value))
        };
        policy.concerns(StatusCode::from_u16(status).unwrap(), &lines.iter().map(line).collect(), length)
    }

    const HTML: (&str, &str) = ("content-type", "text/html; charset=utf-8");

    #[test]
    fn whole_pages_and_error_pages_are_compressed() {
        let policy = Policy::default();
        for status in [200, 201, 207, 403, 404, 500, 503] {
            assert!(concerns(&policy, status, &[HTML], None), "{status}");
        }
        for status in [101, 204, 205, 206, 226, 301, 304] {
            assert!(!concerns(&policy, status, &[HTML], None), "{status}");
        }
    }

    #[test]
    fn short_bodies_are_not_worth_it() {
        let policy = Policy::default();
        assert!(concerns(&policy, 200, &[HTML], Some(1024)));
        assert!(!concerns(&policy, 200, &[HTML], Some(1023)));
        let eager = Policy { min_size: 0, ..policy };
        assert!(concerns(&eager, 200, &[HTML], Some(1)));
        assert!(!concerns(&eager, 200, &[HTML], Some(0)));
    }

    #[test]
    fn types_that_are_not_listed_are_left_alone() {
        let policy = Policy::default();
        assert!(!concerns(&policy, 200, &[("content-type", "image/png")], None));
        assert!(!concerns(&policy, 200, &[], None));
    }

    #[test]
    fn grpc_is_left_alone_even_if_listed() {
        let types = ["application/*".parse().unwrap()].into_iter().collect();
        let policy = Policy { types, ..Policy::default() };
        assert!(concerns(&policy, 200, &[("content-type", "application/pdf")], None));
        for content_type in ["application/grpc", "application/grpc+proto", "Application/gRPC-web"] {
            assert!(!concerns(&policy, 200, &[("content-type", content_type)], None), "{content_type}");
        }
    }

    #[test]
    fn what_is_coded_already_is_left_alone() {
        let policy = Policy::default();
        assert!(concerns(&policy, 200, &[HTML, ("content-encoding", "Identity")], None));
        for coding in ["gzip", "br", "x", ""] {
            assert!(!concerns(&policy, 200, &[HTML, ("content-encoding", coding)], None), "{coding}");
        }
    }

    #[test]
    fn parts_are_left_alone_whatever_their_status() {
        let part = ("content-range", "bytes */2000");
        assert!(!concerns(&Policy::default(), 416, &[HTML, part], None));
    }

    #[test]
    fn no_transform_is_obeyed() {
        let policy = Policy::default();
        assert!(concerns(&policy, 200, &[HTML, ("cache-control", "public, max-age=60")], None));
        for value in ["no-transform", "public , No-Transform", "no-transform,max-age=1"] {
            assert!(!concerns(&policy, 200, &[HTML, ("cache-control", value)], None), "{value}");
        }
    }

    #[test]
    fn responses_that_set_cookies_are_compressed_only_if_asked_for() {
        let cookie = ("set-cookie", "a=b");
        let policy = Policy::default();
        assert!(!concerns(&policy, 200, &[HTML, cookie], None));
        assert!(concerns(&Policy { cookies: true, ..policy }, 200, &[HTML, cookie], None));
    }
}
