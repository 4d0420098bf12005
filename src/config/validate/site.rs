//! `[[site]]`

use super::listeners::{self, Claim, Hosts};
use super::location::{self, Around};
use super::tls::{self, Security};
use super::types::Types;
use super::upstream::Upstreams;
use super::{errors, not_empty, origin, required, scalar, timeouts, types};
use crate::config::model::{Charset, ErrorPages, Location, Site, Timeouts};
use crate::config::node::At;
use crate::config::raw;
use crate::config::report::{Problem, Report};
use crate::router::LocationPattern;

const MAX_BODY: u64 = 256 << 20;

/// What a site has from the file around it.
pub struct Base {
    pub timeouts: Timeouts,
    pub mime_types: Types,
}

pub fn site(
    raw: &At<raw::Site>,
    base: &Base,
    upstreams: &mut Upstreams,
    report: &mut Report,
) -> (Site, Claim) {
    let mut claim = listeners::claim(raw, report);
    let Security { tls, https_only, hsts, http2, h2c } = tls::security(raw, &mut claim, report);
    let hosts = match &claim.hosts {
        Hosts::Default => Vec::new(),
        Hosts::Named(hosts) => hosts.iter().map(|at| at.value.clone()).collect(),
    };
    let mut around = around(raw, base, upstreams, report);
    let (timeouts, max_body) = (around.timeouts, around.max_body);
    let (locations, errors) = locations(raw, &mut around, report);
    let site = Site {
        sockets: claim.sockets.iter().map(|(at, socket)| (at.value.clone(), socket.clone())).collect(),
        listen: claim.listen.iter().map(|at| at.value.clone()).collect(),
        listen_tls: claim.listen_tls.iter().map(|at| at.value.clone()).collect(),
        tls,
        https_only,
        hsts,
        http2,
        h2c,
        hosts,
        timeouts,
        max_body,
        errors,
        locations,
        origin: origin(raw.spot, report),
    };
    (site, claim)
}

fn around<'a>(
    raw: &At<raw::Site>,
    base: &Base,
    upstreams: &'a mut Upstreams,
    report: &mut Report,
) -> Around<'a> {
    let raw = &raw.value;
    Around {
        timeouts: timeouts::overlay(base.timeouts, raw.timeouts.as_ref(), report),
        max_body: match &raw.max_body {
            Some(at) => scalar::limit("max_body", at, report),
            None => Some(MAX_BODY),
        },
        mime_types: types::overlay(&base.mime_types, raw.mime_types.as_ref(), report),
        charset: types::charset(&Charset::default(), raw.charset.as_ref(), report),
        named: Vec::new(),
        used: Vec::new(),
        upstreams,
    }
}

/// The locations, and the error pages, which may be some of them.
fn locations(
    raw: &At<raw::Site>,
    around: &mut Around<'_>,
    report: &mut Report,
) -> (Vec<Location>, ErrorPages) {
    let help = "write `[[site.location]]` with `match = \"/\"` and what it does";
    let list = required("location", raw.value.location.as_ref(), raw.spot, "this `[[site]]`", help, report);
    if let Some(list) = list {
        not_empty("location", list, help, report);
    }
    let list = list.map(|list| list.value.as_slice()).unwrap_or_default();
    let patterns: Vec<_> = list.iter().map(|at| location::pattern(at, report)).collect();
    refuse_twins(&patterns, report);
    around.named = patterns.iter().map(|at| at.as_ref()?.value.named().map(str::to_owned)).collect();
    let errors = raw.value.errors.as_ref().map(|at| errors::pages(&at.value, around, report));
    let written = list.iter().zip(&patterns);
    let locations = written
        .filter_map(|(at, pattern)| location::location(at, pattern.as_ref(), around, report))
        .collect();
    if !is_proxied(list, &patterns, &around.used) {
        warn_of_unused(&patterns, &around.used, report);
    }
    (locations, errors.unwrap_or_default())
}

/// Whether requests reach an application, which may lead them on to any location (`X-Accel-Redirect`).
fn is_proxied(list: &[At<raw::Location>], patterns: &[Option<At<LocationPattern>>], used: &[usize]) -> bool {
    list.iter().zip(patterns).enumerate().any(|(index, (at, pattern))| {
        let is_named = pattern.as_ref().is_some_and(|at| at.value.named().is_some());
        at.value.proxy.is_some() && (!is_named || used.contains(&index))
    })
}

fn warn_of_unused(patterns: &[Option<At<LocationPattern>>], used: &[usize], report: &mut Report) {
    for (index, at) in patterns.iter().enumerate() {
        if let Some(at) = at.as_ref().filter(|at| at.value.named().is_some() && !used.contains(&index)) {
            let message = format!("no `try` and no error page leads to `{}`", at.value);
            report.push(Problem::warning(at.spot, message).absent());
        }
    }
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
