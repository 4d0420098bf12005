//! `headers.request` and `headers.response`.

use ::http::HeaderName;
use regex::bytes::Regex;

use super::location::before_the_answer;
use super::{no_twins, scalar};
use crate::config::node::At;
use crate::config::raw;
use crate::config::report::{Problem, Report, Spot};
use crate::http::{HeaderRules, Stage, Template};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    Request,
    Response,
}

/// Fields that frame a message or belong to one connection (RFC 9110 7.6.1). Whoever could change them
/// could make two servers disagree on where a message ends.
const FRAMING: &[&str] = &[
    "connection",
    "content-length",
    "keep-alive",
    "proxy-connection",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
];

pub fn rules(raw: &raw::Fields, side: Side, regex: Option<&Regex>, report: &mut Report) -> HeaderRules {
    let set: Vec<At<HeaderName>> = raw
        .set
        .iter()
        .flat_map(|set| &set.value)
        .filter_map(|(name, at)| {
            field(name, at.key, side, report).map(|name| At { value: name, spot: at.key, key: at.key })
        })
        .collect();
    let remove: Vec<At<HeaderName>> = raw
        .remove
        .iter()
        .flat_map(|remove| &remove.value)
        .filter_map(|at| field(&at.value, at.spot, side, report).map(|name| at.with(name)))
        .collect();
    no_twins(&set, Clone::clone, |name| format!("`{name}` is set twice"), report);
    no_twins(&remove, Clone::clone, |name| format!("`{name}` is removed twice"), report);
    refuse_both(&set, &remove, report);
    refuse_removed_host(&remove, side, report);
    let values = raw.set.iter().flat_map(|set| &set.value).map(|(_, at)| value(at, side, regex, report));
    let values: Vec<Option<Template>> = values.collect();
    HeaderRules {
        // Of different lengths only if a name has been reported.
        set: set.into_iter().zip(values).filter_map(|(name, value)| Some((name.value, value?))).collect(),
        remove: remove.into_iter().map(|at| at.value).collect(),
    }
}

fn field(name: &str, spot: Spot, side: Side, report: &mut Report) -> Option<HeaderName> {
    let Ok(parsed) = HeaderName::from_bytes(name.as_bytes()) else {
        let message = format!("`{name}` is not the name of a header field");
        report.push(Problem::error(spot, message).help("names are made of letters, digits and `-`"));
        return None;
    };
    let own = side == Side::Request && parsed == ::http::header::EXPECT;
    if own || FRAMING.contains(&parsed.as_str()) {
        let message = format!("`{name}` cannot be changed");
        report.push(
            Problem::error(spot, message)
                .help("it belongs to the connection, and rproxy writes it as needed"),
        );
        return None;
    }
    Some(parsed)
}

fn value(at: &At<String>, side: Side, regex: Option<&Regex>, report: &mut Report) -> Option<Template> {
    let template = match side {
        Side::Request => before_the_answer(at, regex, report),
        Side::Response => scalar::template(at, regex, report),
    }?;
    if side == Side::Response {
        scalar::refuse_late(&template, Stage::Answer, at.spot, report);
    }
    if at.value.chars().any(|c| c.is_control() && c != '\t') {
        let message = "a header field's value cannot have control characters";
        report.push(Problem::error(at.spot, message));
        return None;
    }
    Some(template)
}

fn refuse_both(set: &[At<HeaderName>], remove: &[At<HeaderName>], report: &mut Report) {
    for at in remove {
        if let Some(set) = set.iter().find(|set| set.value == at.value) {
            let message = format!("`{}` is both set and removed", at.value);
            report.push(
                Problem::error(at.spot, message)
                    .also(set.spot, "set here")
                    .help("setting replaces what was there before"),
            );
        }
    }
}

/// RFC 9112 3.2: a request without Host is answered by 400.
fn refuse_removed_host(remove: &[At<HeaderName>], side: Side, report: &mut Report) {
    for at in remove.iter().filter(|at| side == Side::Request && at.value == ::http::header::HOST) {
        let message = "`Host` cannot be removed: HTTP/1.1 needs it";
        report.push(Problem::error(at.spot, message).help("it can be set to another value"));
    }
}
