//! A location's `files`, and what goes with them.

use super::location::Around;
use super::{attempts, compress, delivery, required, scalar, types};
use crate::config::model::{Directory, Files, Symlinks};
use crate::config::node::{At, Either, List};
use crate::config::raw;
use crate::config::report::{Problem, Report};
use crate::http::{Stage, Template};
use crate::router::LocationPattern;

const SYMLINKS: &[(&str, Symlinks)] =
    &[("inside", Symlinks::Inside), ("follow", Symlinks::Follow), ("deny", Symlinks::Deny)];

pub fn files(
    raw: &raw::Location,
    pattern: &LocationPattern,
    around: &mut Around<'_>,
    report: &mut Report,
) -> Option<Files> {
    let written = raw.files.as_ref()?;
    let (text, keep_prefix) = match &written.value {
        // Where no prefix matches there is none to strip.
        Either::A(text) => (written.with(text.clone()), pattern.path().is_none()),
        Either::B(table) => {
            let help = "write `files = { root = \"directory\" }`";
            let root = required("root", table.root.as_ref(), written.spot, "`files`", help, report)?;
            (root.clone(), true)
        }
    };
    let directory = directory(&text, pattern, report);
    let index = raw.index.as_ref().map_or_else(|| vec!["index.html".into()], |list| index(list, report));
    let attempts = raw.attempts.as_ref();
    let r#try = attempts.and_then(|list| attempts::attempts(list, pattern.regex(), around, report));
    Some(Files {
        index,
        listing: raw.listing.as_ref().is_some_and(|at| at.value),
        symlinks: scalar::choice("symlinks", raw.symlinks.as_ref(), SYMLINKS, Symlinks::Inside, report),
        cache: delivery::cache(raw, r#try.as_ref(), report),
        r#try,
        precompressed: compress::precompressed(raw.precompressed.as_ref(), report),
        mime_types: types::overlay(&around.mime_types, raw.mime_types.as_ref(), report),
        charset: types::charset(&around.charset, raw.charset.as_ref(), report),
        directory: directory?,
        keep_prefix,
    })
}

fn directory(at: &At<String>, pattern: &LocationPattern, report: &mut Report) -> Option<Directory> {
    let (fixed, below) = match split(&at.value) {
        Some((fixed, below)) => (at.with(fixed), Some(at.with(below.to_owned()))),
        None => (at.with(at.value.replace("$$", "$")), None),
    };
    let base = base(&fixed, below.is_some(), report);
    let below = match below {
        Some(below) => Some(rest(&below, pattern, report)?),
        None => None,
    };
    Some(Directory { base: base?, below })
}

/// What stands in front of the first segment with a variable, and what from there on.
fn split(text: &str) -> Option<(String, &str)> {
    let mut from = 0;
    let variable = loop {
        let dollar = from + text.get(from..)?.find('$')?;
        match text.get(dollar + 1..) {
            Some(rest) if rest.starts_with('$') => from = dollar + 2,
            _ => break dollar,
        }
    };
    let start = text.get(..variable)?.rfind('/').map_or(0, |slash| slash + 1);
    let (fixed, below) = text.split_at_checked(start)?;
    Some((fixed.replace("$$", "$"), below))
}

fn base(at: &At<String>, with_variables: bool, report: &mut Report) -> Option<std::path::PathBuf> {
    if with_variables && at.value.trim_matches('/').is_empty() {
        let message = "`files` needs a directory in front of its variables, which nothing leaves";
        report.push(Problem::error(at.spot, message).help("write `files = \"sites/$host\"`"));
        return None;
    }
    let path = scalar::path("files", at, report)?;
    if path.is_file() {
        let help = "`files` is a directory; the file is found in it by the path of the request";
        report.push(Problem::error(at.spot, format!("`{}` is a file", at.value)).help(help));
    } else {
        scalar::warn_unless_reachable("directory", &path, at.spot, report);
    }
    Some(path)
}

fn rest(at: &At<String>, pattern: &LocationPattern, report: &mut Report) -> Option<Template> {
    let template = scalar::template(at, pattern.regex(), report)?;
    scalar::refuse_late(&template, Stage::Request, at.spot, report);
    Some(template)
}

fn index(list: &At<List<String>>, report: &mut Report) -> Vec<String> {
    for at in &list.value {
        if at.value.is_empty() || at.value.contains('/') || matches!(at.value.as_str(), "." | "..") {
            report
                .push(Problem::error(at.spot, format!("`{}` is not the name of a file", at.value)).help(
                    "`index` looks for names in the directory that was asked for, like \"index.html\"",
                ));
        }
    }
    list.value.iter().map(|at| at.value.clone()).collect()
}
