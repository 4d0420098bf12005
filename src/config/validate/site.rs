//! `[[site]]`

use super::listeners::{self, Claim, Hosts};
use super::location::{self, Around};
use super::upstream::Upstreams;
use super::{errors, not_empty, origin, required, scalar, timeouts};
use crate::config::model::{Location, Site, Timeouts};
use crate::config::node::At;
use crate::config::raw;
use crate::config::report::{Problem, Report};
use crate::router::LocationPattern;

const MAX_BODY: u64 = 256 << 20;

pub fn site(
    raw: &At<raw::Site>,
    base: Timeouts,
    upstreams: &mut Upstreams,
    report: &mut Report,
) -> (Site, Claim) {
    let claim = listeners::claim(raw, report);
    let hosts = match &claim.hosts {
        Hosts::Default => Vec::new(),
        Hosts::Named(hosts) => hosts.iter().map(|at| at.value.clone()).collect(),
    };
    let timeouts = timeouts::overlay(base, raw.value.timeouts.as_ref(), report);
    let max_body = match &raw.value.max_body {
        Some(at) => scalar::limit("max_body", at, report),
        None => Some(MAX_BODY),
    };
    let site = Site {
        listen: claim.listen.iter().map(|at| at.value.clone()).collect(),
        hosts,
        timeouts,
        max_body,
        errors: raw.value.errors.as_ref().map(|at| errors::pages(&at.value, report)).unwrap_or_default(),
        locations: locations(raw, timeouts, max_body, upstreams, report),
        origin: origin(raw.spot, report),
    };
    (site, claim)
}

fn locations(
    raw: &At<raw::Site>,
    timeouts: Timeouts,
    max_body: Option<u64>,
    upstreams: &mut Upstreams,
    report: &mut Report,
) -> Vec<Location> {
    let help = "write `[[site.location]]` with `match = \"/\"` and what it does";
    let Some(list) =
        required("location", raw.value.location.as_ref(), raw.spot, "this `[[site]]`", help, report)
    else {
        return Vec::new();
    };
    not_empty("location", list, help, report);
    let patterns: Vec<_> = list.value.iter().map(|at| location::pattern(at, report)).collect();
    refuse_twins(&patterns, report);
    let named = patterns.iter().map(|at| at.as_ref()?.value.named().map(str::to_owned)).collect();
    let mut around = Around { timeouts, max_body, named, used: Vec::new(), upstreams };
    let written = list.value.iter().zip(&patterns);
    let locations = written
        .filter_map(|(at, pattern)| location::location(at, pattern.as_ref(), &mut around, report))
        .collect();
    let used = around.used;
    for (index, at) in patterns.iter().enumerate() {
        if let Some(at) = at.as_ref().filter(|at| at.value.named().is_some() && !used.contains(&index)) {
            let message = format!("no `try` leads to `{}`", at.value);
            report.push(Problem::warning(at.spot, message).absent());
        }
    }
    locations
}

/// nginx's rule: two locations of the same path or expression could never both answer.
fn refuse_twins(patterns: &[Option<At<LocationPattern>>], report: &mut Report) {
    for (index, at) in patterns.iter().enumerate() {
        let Some(at) = at else { continue };
        let identity = at.value.identity();
        let mut earlier = patterns.iter().take(index).flatten();
        if let Some(first) = earlier.find(|first| first.value.identity() == identity) {
            let message = if first.value.to_string() == at.value.to_string() {
                format!("the site has two locations `{}`", at.value)
            } else {
                format!("`{}` and `{}` are the same location", first.value, at.value)
            };
            report.push(Problem::error(at.spot, message).also(first.spot, "first written here"));
        }
    }
}
