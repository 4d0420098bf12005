//! `[log]`.

use std::path::PathBuf;

use super::scalar;
use crate::config::model::{AccessFormat, AccessLog, ErrorLog, Level, Log, LogFormat};
use crate::config::names;
use crate::config::node::At;
use crate::config::raw;
use crate::config::report::{Problem, Report};

const LEVELS: &[(&str, Level)] = &[
    ("error", Level::Error),
    ("warn", Level::Warn),
    ("info", Level::Info),
    ("debug", Level::Debug),
    ("trace", Level::Trace),
];

const FORMATS: &[(&str, LogFormat)] = &[("text", LogFormat::Text), ("json", LogFormat::Json)];

pub fn log(written: Option<&At<raw::Log>>, report: &mut Report) -> Log {
    let raw = written.map(|at| &at.value);
    Log {
        level: scalar::choice("level", raw.and_then(|raw| raw.level.as_ref()), LEVELS, Level::Info, report),
        format: scalar::choice(
            "format",
            raw.and_then(|raw| raw.format.as_ref()),
            FORMATS,
            LogFormat::Text,
            report,
        ),
        error: raw.and_then(|raw| raw.error.as_ref()).map_or(ErrorLog::Stderr, |at| error(at, report)),
        access: raw.and_then(|raw| raw.access.as_ref()).map_or(AccessLog::Stdout, |at| access(at, report)),
        access_format: raw
            .and_then(|raw| raw.access_format.as_ref())
            .and_then(|at| access_format(at, report))
            .unwrap_or(AccessFormat::Combined),
    }
}

fn access_format(at: &At<String>, report: &mut Report) -> Option<AccessFormat> {
    match at.value.as_str() {
        "combined" => return Some(AccessFormat::Combined),
        "json" => return Some(AccessFormat::Json),
        text if text.chars().any(|c| c.is_control() && c != '\t') => {
            let message = "a line of the access log cannot have control characters";
            let help = "each line is ended by itself";
            report.push(Problem::error(at.spot, message).help(help));
        }
        word if !word.contains('$') => {
            let help = match names::nearest(word, ["combined", "json"]) {
                Some(near) => format!("did you mean \"{near}\"?"),
                None => "write \"combined\", \"json\", or a template like \"$remote_addr $request $status\""
                    .into(),
            };
            let message = format!("`access_format` cannot be \"{word}\"");
            report.push(Problem::error(at.spot, message).help(help));
        }
        _ => return scalar::template(at, None, report).map(AccessFormat::Template),
    }
    None
}

fn access(at: &At<String>, report: &mut Report) -> AccessLog {
    match at.value.as_str() {
        "off" => AccessLog::Off,
        "stdout" => AccessLog::Stdout,
        _ => file("access", at, &["stdout", "off"], report).map_or(AccessLog::Off, AccessLog::File),
    }
}

fn error(at: &At<String>, report: &mut Report) -> ErrorLog {
    match at.value.as_str() {
        "stderr" => ErrorLog::Stderr,
        _ => file("error", at, &["stderr"], report).map_or(ErrorLog::Stderr, ErrorLog::File),
    }
}

/// A file to write to, where there could have been a word as well.
fn file(key: &str, at: &At<String>, words: &[&str], report: &mut Report) -> Option<PathBuf> {
    let word = at.value.as_str();
    // A single word would be a file of that name, which is hardly meant by "syslog" or "on".
    if !word.contains(['/', '.']) {
        let quoted: Vec<String> = words.iter().map(|word| format!("\"{word}\"")).collect();
        let help = match names::nearest(word, words.iter().copied()) {
            Some(near) => format!("did you mean \"{near}\"? a file of that name is \"./{word}\""),
            None => format!("write {} or a path, like \"./{word}\"", quoted.join(", ")),
        };
        report.push(Problem::error(at.spot, format!("`{key}` cannot be \"{word}\"")).help(help));
        return None;
    }
    let path = scalar::path(key, at, report)?;
    if path.is_dir() {
        report.push(Problem::error(at.spot, format!("`{word}` is a directory")));
    } else if path.parent().is_some_and(|parent| !parent.is_dir()) {
        report.push(Problem::warning(at.spot, format!("the directory of the {key} log does not exist")));
    }
    Some(path)
}
