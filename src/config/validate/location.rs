//! `[[site.location]]`: its pattern, its one action, and the keys that go with that action.

use regex::bytes::Regex;

use super::types::Types;
use super::upstream::Upstreams;
use super::{action, compress, delivery, files, headers, idle, origin, proxy, required, scalar, timeouts};
use crate::config::model::{Action, Charset, HeaderRules, Location, Proxy, Rewrite, Timeouts};
use crate::config::node::At;
use crate::config::raw;
use crate::config::report::{ANY, Problem, Report, Spot};
use crate::http::Stage;
use crate::router::{LocationPattern, compile_regex};

/// What a location has from its site.
pub struct Around<'a> {
    pub timeouts: Timeouts,
    pub max_body: Option<u64>,
    pub mime_types: Types,
    pub charset: Charset,
    /// The names of the site's locations, in their order.
    pub named: Vec<Option<String>>,
    /// Which of them are led to.
    pub used: Vec<usize>,
    pub upstreams: &'a mut Upstreams,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Files,
    Proxy,
    Redirect,
    Respond,
}

const KINDS: [Kind; 4] = [Kind::Files, Kind::Proxy, Kind::Redirect, Kind::Respond];

impl Kind {
    pub const fn key(self) -> &'static str {
        match self {
            Self::Files => "files",
            Self::Proxy => "proxy",
            Self::Redirect => "redirect",
            Self::Respond => "respond",
        }
    }
}

pub fn pattern(at: &At<raw::Location>, report: &mut Report) -> Option<At<LocationPattern>> {
    let what = "this `[[site.location]]`";
    let written =
        required("match", at.value.pattern.as_ref(), at.spot, what, "write `match = \"/\"`", report)?;
    scalar::parse(written, report)
}

/// A location whose pattern could not be read is checked all the same.
pub fn location(
    at: &At<raw::Location>,
    pattern: Option<&At<LocationPattern>>,
    around: &mut Around<'_>,
    report: &mut Report,
) -> Option<Location> {
    let raw = &at.value;
    // Without the expression nobody knows its groups.
    if pattern.is_none() && raw.pattern.as_ref().is_some_and(|at| at.value.trim().starts_with('~')) {
        return None;
    }
    let pattern = pattern.map_or_else(|| LocationPattern::Prefix("/".into()), |at| at.value.clone());
    let kind = kind(at, report);
    if let Some(kind) = kind {
        idle::refuse(raw, kind, report);
    }
    let action = kind.and_then(|kind| action(raw, kind, &pattern, around, report));
    let internal = raw.internal.as_ref().is_some_and(|at| at.value);
    if let Some(Action::Files(files)) = action.as_ref().filter(|_| internal) {
        // `X-Sendfile` may name its files by where its links lead.
        report.watch(&files.directory.base);
    }
    let max_body = match &raw.max_body {
        Some(at) => scalar::limit("max_body", at, report),
        None => around.max_body,
    };
    let timeouts = timeouts::of_location(around.timeouts, raw.timeouts.as_ref(), report);
    let rewrite = raw.rewrite.as_ref().and_then(|at| rewrite(at, report));
    let (request_headers, response_headers) = both_headers(raw, pattern.regex(), report);
    let origin = origin(at.spot, report);
    let is_files = kind == Some(Kind::Files);
    Some(Location {
        internal,
        cache_control: delivery::cache_control(raw.cache_control.as_ref(), pattern.regex(), report),
        // What users upload is served from directories, and must be nothing but what its name says.
        nosniff: raw.nosniff.as_ref().map_or(is_files, |at| at.value),
        compress: compress::compress(raw.compress.as_ref(), report),
        limit_rate: delivery::limit_rate(raw.limit_rate.as_ref(), report),
        pattern,
        action: action?,
        max_body,
        timeouts,
        rewrite,
        request_headers,
        response_headers,
        origin,
    })
}

fn action(
    raw: &raw::Location,
    kind: Kind,
    pattern: &LocationPattern,
    around: &mut Around<'_>,
    report: &mut Report,
) -> Option<Action> {
    let regex = pattern.regex();
    match kind {
        Kind::Files => files::files(raw, pattern, around, report).map(Action::Files),
        Kind::Proxy => {
            let upstream = proxy::proxy(raw.proxy.as_ref()?, around.upstreams, report)?;
            let buffer_request = proxy::buffering(raw.buffer_request.as_ref(), report);
            let buffer_response = raw.buffer_response.as_ref().is_none_or(|at| at.value);
            let accel = raw.accel.as_ref().is_none_or(|at| at.value);
            Some(Action::Proxy(Proxy { upstream, buffer_request, buffer_response, accel }))
        }
        Kind::Redirect => action::redirect(raw.redirect.as_ref()?, regex, report),
        Kind::Respond => action::respond(raw.respond.as_ref()?, regex, report),
    }
}

/// The one thing a location does. Of several the first is taken, to check the other keys against.
fn kind(at: &At<raw::Location>, report: &mut Report) -> Option<Kind> {
    let raw = &at.value;
    let mut found: Vec<(Kind, Spot)> = [
        (Kind::Files, raw.files.as_ref().map(|at| at.key)),
        (Kind::Proxy, raw.proxy.as_ref().map(|at| at.key)),
        (Kind::Redirect, raw.redirect.as_ref().map(|at| at.key)),
        (Kind::Respond, raw.respond.as_ref().map(|at| at.key)),
    ]
    .into_iter()
    .filter_map(|(kind, key)| Some((kind, key?)))
    .collect();
    found.sort_by_key(|(_, key)| *key);
    let Some((first, key)) = found.first().copied() else {
        // It may be one of the keys that could not be read.
        if KINDS.iter().map(|kind| kind.key()).chain([ANY]).any(|key| report.is_unread(at.spot, key)) {
            return None;
        }
        let message = "this location does nothing";
        let help = "give it one of `files`, `proxy`, `redirect` and `respond`";
        report.push(Problem::error(at.spot, message).help(help).absent());
        return None;
    };
    for (kind, again) in found.iter().skip(1) {
        let message = format!("a location has either `{}` or `{}`, not both", first.key(), kind.key());
        report.push(Problem::error(*again, message).also(key, "it has this"));
    }
    // With several actions nobody knows which keys are right.
    (found.len() == 1).then_some(first)
}

/// The new path's groups are those of `from`, not of the location.
fn rewrite(at: &At<raw::Rewrite>, report: &mut Report) -> Option<Rewrite> {
    let help = "write `rewrite = { from = \"^/old/(.*)$\", to = \"/new/$1\" }`";
    let from = required("from", at.value.from.as_ref(), at.spot, "`rewrite`", help, report);
    let to = required("to", at.value.to.as_ref(), at.spot, "`rewrite`", help, report);
    let (from, to) = (from?, to?);
    let compiled = compile_regex(&from.value, false);
    let regex = compiled.map_err(|message| report.push(Problem::error(from.spot, message))).ok()?;
    if !to.value.starts_with(['/', '$']) {
        let message = format!("a new path begins with a slash: \"/{}\"", to.value);
        report.push(Problem::error(to.spot, message));
    }
    let to = before_the_answer(to, Some(&regex), report)?;
    Some(Rewrite { from: regex, to })
}

/// A template for what is needed before any server was asked.
pub fn before_the_answer(
    at: &At<String>,
    regex: Option<&Regex>,
    report: &mut Report,
) -> Option<crate::http::Template> {
    let template = scalar::template(at, regex, report)?;
    scalar::refuse_late(&template, Stage::Request, at.spot, report);
    Some(template)
}

fn both_headers(
    raw: &raw::Location,
    regex: Option<&Regex>,
    report: &mut Report,
) -> (HeaderRules, HeaderRules) {
    let Some(At { value: written, .. }) = &raw.headers else { return Default::default() };
    let mut rules = |fields: &Option<At<raw::Fields>>, side| {
        fields.as_ref().map(|at| headers::rules(&at.value, side, regex, report)).unwrap_or_default()
    };
    (rules(&written.request, headers::Side::Request), rules(&written.response, headers::Side::Response))
}
