//! `X-Accel-Expires`: how long nginx's cache keeps an answer. There is none here, but of a file that an
//! application has sent, it says how long the client may.

use std::time::{SystemTime, UNIX_EPOCH};

use ::http::HeaderValue;
use ::http::header::{CACHE_CONTROL, EXPIRES};

use crate::http::Fields;

/// Becomes Cache-Control where the application has said nothing of the kind itself. The file is one
/// client's: no shared cache may have it.
pub(super) fn apply(said: Option<&HeaderValue>, headers: &mut Fields) {
    if headers.contains_key(CACHE_CONTROL) || headers.contains_key(EXPIRES) {
        return;
    }
    let now = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs());
    if let Some(seconds) = said.and_then(|value| lifetime(value, now)) {
        headers.insert(CACHE_CONTROL, cache_control(seconds));
    }
}

/// Seconds from now: `3600`, `off`, or an absolute time in seconds since 1970 behind an at sign.
fn lifetime(value: &HeaderValue, now: u64) -> Option<u64> {
    let text = value.to_str().ok()?.trim();
    if text.eq_ignore_ascii_case("off") {
        return Some(0);
    }
    match text.strip_prefix('@') {
        Some(epoch) => number(epoch).map(|epoch| epoch.saturating_sub(now)),
        None => number(text),
    }
}

/// More than fits is for ever.
fn number(text: &str) -> Option<u64> {
    let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    digits.then(|| text.parse().unwrap_or(u64::MAX))
}

/// RFC 9111 1.2.2: more than 2^31 seconds is as good as that.
const LONGEST: u64 = 1 << 31;

fn cache_control(seconds: u64) -> HeaderValue {
    if seconds == 0 {
        return HeaderValue::from_static("no-cache");
    }
    let text = format!("private, max-age={}", seconds.min(LONGEST));
    HeaderValue::try_from(text).unwrap_or(HeaderValue::from_static("no-cache"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn applied(said: &'static str, headers: &mut Fields) -> Option<String> {
        apply(Some(&HeaderValue::from_static(said)), headers);
        headers.get(CACHE_CONTROL).map(|value| value.to_str().unwrap().to_owned())
    }

    #[test]
    fn a_lifetime_becomes_cache_control() {
        for (said, expected) in [
            ("3600", Some("private, max-age=3600")),
            ("0", Some("no-cache")),
            ("off", Some("no-cache")),
            ("@1", Some("no-cache")),
            ("@99999999999999999999", Some("private, max-age=2147483648")),
            ("99999999999999999999999", Some("private, max-age=2147483648")),
            ("", None),
            ("@", None),
            ("-1", None),
            ("+5", None),
            ("soon", None),
        ] {
            assert_eq!(applied(said, &mut Fields::new()).as_deref(), expected, "{said}");
        }
    }

    #[test]
    fn an_absolute_time_is_counted_from_now() {
        assert_eq!(lifetime(&HeaderValue::from_static("@1060"), 1000), Some(60));
        assert_eq!(lifetime(&HeaderValue::from_static("@1000"), 1000), Some(0));
        assert_eq!(lifetime(&HeaderValue::from_static("@999"), 1000), Some(0));
    }

    #[test]
    fn what_the_application_says_itself_stays() {
        for name in [CACHE_CONTROL, EXPIRES] {
            let mut headers = Fields::new();
            headers.insert(name.clone(), HeaderValue::from_static("x"));
            applied("60", &mut headers);
            assert_eq!((headers.len(), headers.get(name).unwrap()), (1, &HeaderValue::from_static("x")));
        }
    }
}
