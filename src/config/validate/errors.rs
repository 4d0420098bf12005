//! `[site.errors]`: pages for error statuses.

use super::scalar;
use crate::config::cursor::Map;
use crate::config::model::ErrorPages;
use crate::config::report::{Problem, Report};

pub fn pages(written: &Map<String>, report: &mut Report) -> ErrorPages {
    let mut pages = ErrorPages::default();
    for (status, at) in written {
        let Some(path) = scalar::path(status, at, report) else { continue };
        if path.is_dir() {
            report.push(Problem::error(at.spot, format!("`{}` is a directory, not a page", at.value)));
        } else if !path.exists() {
            report.push(Problem::warning(at.spot, format!("there is no page `{}` yet", path.display())));
        }
        match (status.as_str(), status.parse::<u16>()) {
            ("4xx", _) => drop(pages.class.insert(4, path)),
            ("5xx", _) => drop(pages.class.insert(5, path)),
            (_, Ok(code @ 400..=599)) => drop(pages.exact.insert(code, path)),
            _ => report.push(
                Problem::error(at.key, format!("`{status}` is not a status of errors"))
                    .help("write one from \"400\" to \"599\", or \"4xx\" or \"5xx\" for all of a class"),
            ),
        }
    }
    pages
}
