//! Scalars with their ranges and choices.

use std::fmt::Display;
use std::io::ErrorKind;
use std::ops::RangeInclusive;
use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::time::Duration;

use regex::bytes::Regex;

use crate::config::names;
use crate::config::node::{At, Either};
use crate::config::raw;
use crate::config::report::{Problem, Report, Spot};
use crate::config::value::{parse_duration, parse_size, show_duration, show_size};
use crate::http::{Stage, Template};

pub const YEAR: Duration = Duration::from_hours(365 * 24);
pub const DAY: Duration = Duration::from_hours(24);
pub const SHORTEST: Duration = Duration::from_millis(1);

/// More than any disk; room below 2^63 for sums.
const LARGEST: u64 = 1 << 50;

pub fn duration(
    key: &str,
    written: Option<&At<raw::Duration>>,
    range: RangeInclusive<Duration>,
    default: Duration,
    report: &mut Report,
) -> Duration {
    let Some(at) = written else { return default };
    let problem = match parse_duration(&at.value.0) {
        Ok(duration) if range.contains(&duration) => return duration,
        Ok(_) => {
            let (least, most) = (show_duration(*range.start()), show_duration(*range.end()));
            Problem::error(at.spot, format!("`{key}` is out of range: it goes from {least} to {most}"))
        }
        Err(message) => Problem::error(at.spot, message),
    };
    report.push(problem);
    default
}

/// Of something there has to be.
pub fn size(
    key: &str,
    written: Option<&At<raw::Size>>,
    least: u64,
    default: u64,
    report: &mut Report,
) -> u64 {
    let Some(at) = written else { return default };
    let problem = match bytes(key, at) {
        Ok(bytes) if (least..=LARGEST).contains(&bytes) => return bytes,
        Ok(_) => {
            let message = format!(
                "`{key}` is out of range: it goes from {} to {}",
                show_size(least),
                show_size(LARGEST)
            );
            Problem::error(at.spot, message)
        }
        Err(message) => Problem::error(at.spot, message),
    };
    report.push(problem);
    default
}

fn bytes(key: &str, at: &At<raw::Size>) -> Result<u64, String> {
    match &at.value.0 {
        Either::A(number) => u64::try_from(*number).map_err(|_| format!("`{key}` cannot be negative")),
        Either::B(text) => parse_size(text),
    }
}

/// A limit, for which 0 is none.
pub fn limit(key: &str, at: &At<raw::Size>, report: &mut Report) -> Option<u64> {
    match bytes(key, at) {
        Ok(0) => None,
        Ok(bytes) if bytes <= LARGEST => Some(bytes),
        Ok(_) => {
            let message = format!("`{key}` is out of range: it goes up to 1024TiB; 0 is unlimited");
            report.push(Problem::error(at.spot, message));
            None
        }
        Err(message) => {
            report.push(Problem::error(at.spot, message));
            None
        }
    }
}

pub fn integer<T: TryFrom<i64> + PartialOrd + Display>(
    key: &str,
    written: Option<&At<i64>>,
    range: RangeInclusive<T>,
    default: T,
    report: &mut Report,
) -> T {
    let Some(at) = written else { return default };
    match T::try_from(at.value) {
        Ok(number) if range.contains(&number) => number,
        _ => {
            let (least, most) = (range.start(), range.end());
            let message = format!("`{key}` is out of range: it goes from {least} to {most}");
            report.push(Problem::error(at.spot, message));
            default
        }
    }
}

/// One of a few words.
pub fn choice<T: Copy>(
    key: &str,
    written: Option<&At<String>>,
    words: &[(&str, T)],
    default: T,
    report: &mut Report,
) -> T {
    let Some(at) = written else { return default };
    if let Some((_, meaning)) = words.iter().find(|(word, _)| *word == at.value) {
        return *meaning;
    }
    let known: Vec<&str> = words.iter().map(|(word, _)| *word).collect();
    report.push(
        Problem::error(at.spot, format!("`{key}` cannot be \"{}\"", at.value))
            .maybe_help(names::did_you_mean_or_all(&at.value, &known)),
    );
    default
}

/// Whatever knows how to read itself and what to say when it cannot.
pub fn parse<T: FromStr<Err = String>>(at: &At<String>, report: &mut Report) -> Option<At<T>> {
    at.value
        .parse()
        .map(|value| at.with(value))
        .map_err(|message| report.push(Problem::error(at.spot, message)))
        .ok()
}

/// The port of an address, if there is none so high.
pub fn refuse_high_port(at: &At<String>, report: &mut Report) -> bool {
    let port = at.value.rsplit_once(':').map(|(_, port)| port).unwrap_or_default();
    let high = !port.is_empty() && port.bytes().all(|b| b.is_ascii_digit()) && port.parse::<u16>().is_err();
    if high {
        let message = format!("port {port} is out of range: ports go up to 65535");
        report.push(Problem::error(at.spot, message));
    }
    high
}

/// Text with variables; `regex` is whose groups it may use.
pub fn template(at: &At<String>, regex: Option<&Regex>, report: &mut Report) -> Option<Template> {
    let parsed = Template::parse(&at.value);
    let checked = parsed.and_then(|template| template.check_captures(regex).map(|()| template));
    checked.map_err(|message| report.push(Problem::error(at.spot, message))).ok()
}

/// Refuses variables whose value is not there yet when the template is rendered.
pub fn refuse_late(template: &Template, stage: Stage, spot: Spot, report: &mut Report) {
    let (message, help) = match template.later_than(stage) {
        None => return,
        Some((name, Stage::End)) => {
            (format!("`${name}` is not known before the answer is over"), "it can stand in `access_format`")
        }
        Some((name, Stage::Answer | Stage::Request)) => (
            format!("`${name}` is not known before a server has answered"),
            "it can stand in `headers.response` and `access_format`",
        ),
    };
    report.push(Problem::error(spot, message).help(help));
}

/// A path, made absolute from the file that names it.
/// What is not there may come up later, and what this user may not look at may be open to the one that
/// rproxy will run as: neither is an error.
pub fn warn_unless_reachable(what: &str, path: &Path, spot: Spot, report: &mut Report) {
    let Err(error) = path.metadata() else { return };
    let shown = path.display();
    report.push(match error.kind() {
        ErrorKind::NotFound | ErrorKind::NotADirectory => {
            Problem::warning(spot, format!("there is no {what} `{shown}` yet"))
        }
        _ => Problem::warning(spot, format!("the {what} `{shown}` cannot be reached: {error}"))
            .help("give the user that rproxy runs as access to it and to the directories above"),
    });
}

pub fn path(key: &str, at: &At<String>, report: &mut Report) -> Option<PathBuf> {
    if at.value.is_empty() {
        report.push(Problem::error(at.spot, format!("`{key}` is an empty path")));
        return None;
    }
    Some(report.resolve(at.spot, &at.value))
}
