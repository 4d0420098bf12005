//! How the answers of a location are sent: `cache`, `cache_control`, `limit_rate`.

use std::num::NonZeroU64;

use ::http::HeaderValue;
use regex::bytes::Regex;

use super::location::before_the_answer;
use super::{required, scalar};
use crate::config::model::{CachePolicy, LimitRate};
use crate::config::node::{At, Either};
use crate::config::raw;
use crate::config::report::{Problem, Report};
use crate::http::{Template, Try};

/// A single-page application is not to be kept by caches in the version that a release has replaced, so
/// `auto` is what it gets unasked.
pub fn cache(raw: &raw::Location, attempts: Option<&Try>, report: &mut Report) -> CachePolicy {
    let Some(at) = &raw.cache else {
        let is_page = raw.cache_control.is_none() && attempts.is_some_and(Try::ends_in_page);
        return if is_page { CachePolicy::Auto } else { CachePolicy::Off };
    };
    let word = match &at.value {
        Either::A(false) => return CachePolicy::Off,
        Either::A(true) => "true",
        Either::B(word) => word,
    };
    if word != "auto" {
        let help = "write `cache = \"auto\"`, or say what is to be sent: `cache_control = \"max-age=3600\"`";
        report.push(Problem::error(at.spot, format!("`cache` cannot be `{word}`")).help(help));
    }
    if let Some(other) = &raw.cache_control {
        let message = "a location has either `cache` or `cache_control`, not both";
        report.push(Problem::error(at.key, message).also(other.key, "it has this"));
    }
    CachePolicy::Auto
}

pub fn cache_control(
    written: Option<&At<String>>,
    regex: Option<&Regex>,
    report: &mut Report,
) -> Option<Template> {
    let at = written?;
    if at.value.trim().is_empty() || HeaderValue::from_str(&at.value).is_err() {
        report.push(
            Problem::error(at.spot, "this is not the value of a header field")
                .help("write `cache_control = \"public, max-age=3600\"`"),
        );
        return None;
    }
    before_the_answer(at, regex, report)
}

/// Bytes a second; 0 is any rate, as nginx has it.
pub fn limit_rate(
    written: Option<&At<Either<raw::Size, raw::LimitRate>>>,
    report: &mut Report,
) -> Option<LimitRate> {
    let at = written?;
    let (rate, after) = match &at.value {
        Either::A(size) => (at.with(size.clone()), 0),
        Either::B(table) => {
            let help = "write `limit_rate = { rate = \"1MiB\", after = \"10MiB\" }`";
            let rate = required("rate", table.rate.as_ref(), at.spot, "`limit_rate`", help, report)?;
            (rate.clone(), scalar::size("after", table.after.as_ref(), 0, 0, report))
        }
    };
    let rate = scalar::limit("limit_rate", &rate, report).and_then(NonZeroU64::new)?;
    Some(LimitRate { rate, after })
}
