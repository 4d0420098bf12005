//! `mime_types` and `charset`: of the file, a site and a location, each over the one around it.

use std::collections::BTreeMap;

use ::http::HeaderValue;

use crate::config::node::{At, Map};
use crate::config::report::{Problem, Report};

/// Text is taken to be that unless something else is said.
pub const CHARSET: &str = "utf-8";

/// The key for names that tell no type.
const UNKNOWN: &str = "*";

/// Media types by extension, those written here over those of `base`.
pub fn overlay(
    base: &BTreeMap<String, String>,
    written: Option<&At<Map<String>>>,
    report: &mut Report,
) -> BTreeMap<String, String> {
    let mut types = base.clone();
    for (name, at) in written.iter().flat_map(|at| &at.value) {
        let extension = extension(name, at, report);
        let media_type = media_type(at, report);
        if let (Some(extension), Some(media_type)) = (extension, media_type) {
            types.insert(extension, media_type);
        }
    }
    types
}

/// In lower case and without the dot that some write in front of it.
fn extension(name: &str, at: &At<String>, report: &mut Report) -> Option<String> {
    let bare = name.strip_prefix('.').unwrap_or(name);
    let is_plain = !bare.is_empty() && bare.bytes().all(|b| b.is_ascii_graphic() && b != b'.' && b != b'/');
    if bare == UNKNOWN || (is_plain && !bare.contains('*')) {
        return Some(bare.to_ascii_lowercase());
    }
    report.push(
        Problem::error(at.key, format!("`{name}` is not the extension of a file"))
            .help("write `md = \"text/markdown\"`; `\"*\"` is for names that tell no type"),
    );
    None
}

fn media_type(at: &At<String>, report: &mut Report) -> Option<String> {
    let essence = at.value.split(';').next().unwrap_or_default().trim();
    let is_type = essence.split_once('/').is_some_and(|(kind, name)| is_token(kind) && is_token(name));
    if is_type && HeaderValue::from_str(&at.value).is_ok() {
        return Some(at.value.clone());
    }
    report.push(
        Problem::error(at.spot, format!("`{}` is not a media type", at.value))
            .help("one is written like \"text/plain\" or \"text/plain; charset=utf-8\""),
    );
    None
}

/// RFC 9110 5.6.2.
pub fn is_token(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|b| b.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&b))
}

/// `None` is "off".
pub fn charset(base: Option<&str>, written: Option<&At<String>>, report: &mut Report) -> Option<String> {
    let Some(at) = written else { return base.map(str::to_owned) };
    if at.value == "off" {
        return None;
    }
    if !is_token(&at.value) {
        report.push(
            Problem::error(at.spot, format!("`{}` is not the name of a charset", at.value))
                .help("write \"utf-8\", or \"off\" for none"),
        );
    }
    Some(at.value.clone())
}
