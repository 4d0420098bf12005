//! `health`: how the servers of an upstream are checked.

use std::ops::RangeInclusive;
use std::time::Duration;

use bytes::Bytes;

use super::scalar::{self, SHORTEST};
use crate::config::model::{Health, HealthRequest};
use crate::config::node::{At, Either};
use crate::config::raw;
use crate::config::report::{Problem, Report, Spot};
use crate::config::value::show_duration;
use crate::http::{Authority, StatusSet};

const INTERVAL: Duration = Duration::from_secs(5);
const TIMEOUT: Duration = Duration::from_secs(2);
const RISE: u32 = 2;
const FALL: u32 = 3;

/// Oftener would be load, and rarer would be no check.
const INTERVALS: RangeInclusive<Duration> = Duration::from_millis(100)..=Duration::from_hours(1);

/// A server would never change its state within a working day.
const MOST_IN_A_ROW: u32 = 100;

/// A word or two is meant: whole pages change too often.
const LONGEST_BODY: usize = 1024;

/// Checks cost nearly nothing and help where another server can answer, so that two servers are checked
/// unasked.
pub fn health(
    written: Option<&At<Either<bool, raw::Health>>>,
    servers: usize,
    report: &mut Report,
) -> Option<Health> {
    let connects = Health { interval: INTERVAL, timeout: TIMEOUT, rise: RISE, fall: FALL, request: None };
    match written.map(|at| (at, &at.value)) {
        Some((_, Either::A(false))) => None,
        None if servers < 2 => None,
        None | Some((_, Either::A(true))) => Some(connects),
        Some((at, Either::B(table))) => Some(checks(at.spot, table, report)),
    }
}

fn checks(owner: Spot, raw: &raw::Health, report: &mut Report) -> Health {
    let interval = scalar::duration("interval", raw.interval.as_ref(), INTERVALS, INTERVAL, report);
    Health {
        interval,
        timeout: timeout(raw, interval, report),
        rise: scalar::integer("rise", raw.rise.as_ref(), 1..=MOST_IN_A_ROW, RISE, report),
        fall: scalar::integer("fall", raw.fall.as_ref(), 1..=MOST_IN_A_ROW, FALL, report),
        request: request(owner, raw, report),
    }
}

/// Checks of one server follow each other and never overlap.
fn timeout(raw: &raw::Health, interval: Duration, report: &mut Report) -> Duration {
    let default = TIMEOUT.min(interval);
    let range = SHORTEST..=*INTERVALS.end();
    let timeout = scalar::duration("timeout", raw.timeout.as_ref(), range, default, report);
    match &raw.timeout {
        Some(at) if timeout > interval => {
            let (timeout, interval) = (show_duration(timeout), show_duration(interval));
            let message = format!("`timeout` is longer than `interval`, which is {interval}");
            let help = format!("write `interval = \"{timeout}\"` or more, or a shorter `timeout`");
            report.push(Problem::error(at.spot, message).help(help));
            default
        }
        _ => timeout,
    }
}

fn request(owner: Spot, raw: &raw::Health, report: &mut Report) -> Option<HealthRequest> {
    let status = raw.status.as_ref().map(|at| status(at, report));
    let body = raw.body.as_ref().map(|at| body(at, report));
    let host = raw.host.as_ref().map(|at| host(at, report));
    let Some(path) = &raw.path else {
        refuse_without_path(owner, raw, report);
        return None;
    };
    Some(HealthRequest {
        path: self::path(path, report),
        host: host.flatten(),
        status: status.unwrap_or_else(|| "200-399".parse().ok())?,
        body: body.flatten(),
    })
}

/// Without a path there is no answer that could be looked at.
fn refuse_without_path(owner: Spot, raw: &raw::Health, report: &mut Report) {
    if report.is_unread(owner, "path") {
        return;
    }
    let keys = [
        ("status", raw.status.as_ref().map(|at| at.key)),
        ("body", raw.body.as_ref().map(|at| at.key)),
        ("host", raw.host.as_ref().map(|at| at.key)),
    ];
    for (name, key) in keys {
        if let Some(key) = key {
            report.push(
                Problem::error(key, format!("`{name}` has no effect without `path`"))
                    .help("checks without a path only connect: write `path = \"/healthz\"`, or what the app has")
                    .absent(),
            );
        }
    }
}

fn path(at: &At<String>, report: &mut Report) -> String {
    let path = at.value.as_str();
    let problem = if !path.starts_with('/') {
        let problem = Problem::error(at.spot, "`path` does not begin with a slash");
        let whole = path.contains("://");
        if whole { problem.help("write the path alone") } else { problem.help(format!("write \"/{path}\"")) }
    } else if !path.bytes().all(|byte| byte.is_ascii_graphic()) || path.contains('#') {
        Problem::error(at.spot, "`path` holds what cannot stand in a request")
            .help("it is sent as it is written: blanks are \"%20\", and other characters escaped as well")
    } else {
        return at.value.clone();
    };
    report.push(problem);
    "/".into()
}

fn status(at: &At<Either<i64, String>>, report: &mut Report) -> Option<StatusSet> {
    let text = match &at.value {
        Either::A(code) => code.to_string(),
        Either::B(text) => text.clone(),
    };
    let refused = |message| {
        Problem::error(at.spot, message)
            .help("write statuses from 200 to 599: \"200-399\", \"200,204\" or \"2xx\"")
    };
    text.parse().map_err(|message: String| report.push(refused(message))).ok()
}

fn body(at: &At<String>, report: &mut Report) -> Option<String> {
    let problem = match at.value.len() {
        0 => "`body` is empty, which every answer contains".to_owned(),
        1..=LONGEST_BODY => return Some(at.value.clone()),
        _ => format!("`body` is longer than {LONGEST_BODY} bytes"),
    };
    report.push(Problem::error(at.spot, problem));
    None
}

fn host(at: &At<String>, report: &mut Report) -> Option<String> {
    if Authority::parse(&Bytes::copy_from_slice(at.value.as_bytes())).is_err() {
        let message = format!("`{}` is not a host", at.value);
        report
            .push(Problem::error(at.spot, message).help("write a name, with a port where it belongs to it"));
        return None;
    }
    Some(at.value.clone())
}
