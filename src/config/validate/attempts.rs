//! `try`: files to look for, and what happens when there is none.

use ::http::StatusCode;
use regex::bytes::Regex;

use super::location::{Around, before_the_answer};
use crate::config::model::{Candidate, Fallback, Try};
use crate::config::names;
use crate::config::node::{At, List};
use crate::config::report::{ANY, Problem, Report};

pub fn attempts(
    list: &At<List<String>>,
    regex: Option<&Regex>,
    around: &mut Around<'_>,
    report: &mut Report,
) -> Option<Try> {
    let Some((end, candidates)) = list.value.split_last().filter(|(_, candidates)| !candidates.is_empty())
    else {
        if report.is_unread(list.spot, ANY) {
            return None;
        }
        report.push(
            Problem::error(list.spot, "`try` needs a file to look for, and what happens when there is none")
                .help("write `try = [\"$uri\", \"$uri/\", \"=404\"]`")
                .absent(),
        );
        return None;
    };
    let candidates: Vec<_> = candidates.iter().map(|at| candidate(at, regex, report)).collect();
    let end = fallback(end, regex, around, report);
    Some(Try { candidates: candidates.into_iter().collect::<Option<_>>()?, last: end? })
}

fn candidate(at: &At<String>, regex: Option<&Regex>, report: &mut Report) -> Option<Candidate> {
    if at.value.starts_with(['@', '=']) {
        let message = format!("`{}` can only be the last of `try`", at.value);
        report
            .push(Problem::error(at.spot, message).help("what stands before the last is a path to look for"));
        return None;
    }
    let path = path(at, regex, report)?;
    Some(Candidate { directory: at.value.ends_with('/'), path })
}

fn path(at: &At<String>, regex: Option<&Regex>, report: &mut Report) -> Option<crate::http::Template> {
    if !at.value.starts_with(['/', '$']) {
        let message = format!("`{}` is not a path", at.value);
        report.push(
            Problem::error(at.spot, message).help(format!("a path begins with a slash: \"/{}\"", at.value)),
        );
        return None;
    }
    before_the_answer(at, regex, report)
}

fn fallback(
    at: &At<String>,
    regex: Option<&Regex>,
    around: &mut Around<'_>,
    report: &mut Report,
) -> Option<Fallback> {
    if let Some(name) = at.value.strip_prefix('@') {
        return named(at, name, around, report).map(Fallback::Location);
    }
    if let Some(code) = at.value.strip_prefix('=') {
        let status = code.parse::<u16>().ok().filter(|code| (200..=599).contains(code));
        let status = status.and_then(|code| StatusCode::from_u16(code).ok());
        if status.is_none() {
            let message = format!("`{}` is not a status to end with", at.value);
            report.push(
                Problem::error(at.spot, message).help("it goes from \"=200\" to \"=599\", like \"=404\""),
            );
        }
        return status.map(Fallback::Status);
    }
    path(at, regex, report).map(Fallback::Path)
}

/// The index of the site's location of that name.
pub fn named(at: &At<String>, name: &str, around: &mut Around<'_>, report: &mut Report) -> Option<usize> {
    let found = around.named.iter().position(|known| known.as_deref() == Some(name));
    if let Some(index) = found {
        around.used.push(index);
        return Some(index);
    }
    let known: Vec<&str> = around.named.iter().flatten().map(String::as_str).collect();
    let help = match names::nearest(name, known) {
        Some(near) => format!("did you mean `@{near}`?"),
        None => format!("write a `[[site.location]]` with `match = \"@{name}\"`"),
    };
    let message = format!("the site has no location `@{name}`");
    report.push(Problem::error(at.spot, message).help(help).absent());
    None
}
