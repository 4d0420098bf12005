//! `[site.errors]`: pages for error statuses.

use super::location::Around;
use super::{attempts, scalar};
use crate::config::model::{ErrorPage, ErrorPages};
use crate::config::names;
use crate::config::node::{At, Map};
use crate::config::report::{Problem, Report};

pub fn pages(written: &Map<String>, around: &mut Around<'_>, report: &mut Report) -> ErrorPages {
    let mut pages = ErrorPages::default();
    for (status, at) in written {
        let (table, code) = match (status.as_str(), status.parse::<u16>()) {
            ("4xx", _) => (&mut pages.class, 4),
            ("5xx", _) => (&mut pages.class, 5),
            (_, Ok(code @ 400..=599)) => (&mut pages.exact, code),
            _ => {
                report.push(not_a_status(status, at));
                continue;
            }
        };
        if let Some(page) = page(status, at, around, report) {
            table.insert(code, page);
        }
    }
    pages
}

fn not_a_status(status: &str, at: &At<String>) -> Problem {
    let problem = Problem::error(at.key, format!("`{status}` is not a status of errors"));
    match names::home(status, "") {
        // Behind the header of a sub-table no key reaches the site any more.
        Some(home) => problem.help(format!("{home}: write it before `[site.errors]`")),
        None => problem.help("write one from \"400\" to \"599\", or \"4xx\" or \"5xx\" for all of a class"),
    }
}

fn page(status: &str, at: &At<String>, around: &mut Around<'_>, report: &mut Report) -> Option<ErrorPage> {
    if let Some(name) = at.value.strip_prefix('@') {
        return attempts::named(at, name, around, report).map(ErrorPage::Location);
    }
    let path = scalar::path(status, at, report)?;
    report.watch(&path);
    if path.is_dir() {
        report.push(Problem::error(at.spot, format!("`{}` is a directory, not a page", at.value)));
    } else {
        scalar::warn_unless_reachable("page", &path, at.spot, report);
    }
    Some(ErrorPage::File(path))
}
