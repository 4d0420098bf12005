//! `mime_types` and `charset`: of the file, a site and a location, each over the one around it.

use std::collections::BTreeMap;

use crate::config::model::{Charset, Extension, MediaType};
use crate::config::node::{At, Map};
use crate::config::report::{Problem, Report};

pub type Types = BTreeMap<Extension, MediaType>;

/// Media types by extension, those written here over those of `base`.
pub fn overlay(base: &Types, written: Option<&At<Map<String>>>, report: &mut Report) -> Types {
    let mut types = base.clone();
    for (name, at) in written.iter().flat_map(|at| &at.value) {
        if let (Some(extension), Some(media_type)) = (extension(name, at, report), media_type(at, report)) {
            types.insert(extension, media_type);
        }
    }
    types
}

fn extension(name: &str, at: &At<String>, report: &mut Report) -> Option<Extension> {
    let refused = |_| {
        Problem::error(at.key, format!("`{name}` is not the extension of a file"))
            .help("write `md = \"text/markdown\"`; `\"*\"` is for names that tell no type")
    };
    name.parse().map_err(|error: String| report.push(refused(error))).ok()
}

fn media_type(at: &At<String>, report: &mut Report) -> Option<MediaType> {
    let refused = |_| {
        Problem::error(at.spot, format!("`{}` is not a media type", at.value))
            .help("one is written like \"text/plain\" or \"text/plain; charset=utf-8\"")
    };
    at.value.parse().map_err(|error: String| report.push(refused(error))).ok()
}

pub fn charset(base: &Charset, written: Option<&At<String>>, report: &mut Report) -> Charset {
    let Some(at) = written else { return base.clone() };
    let refused = |_| {
        Problem::error(at.spot, format!("`{}` is not the name of a charset", at.value))
            .help("write \"utf-8\", or \"off\" for none")
    };
    at.value.parse().map_err(|error: String| report.push(refused(error))).unwrap_or_default()
}
