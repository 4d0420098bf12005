//! The written configuration to the validated one: values parsed, defaults filled in, names resolved.
//!
//! Every function here reports what is wrong and goes on with something harmless in its place, which
//! nobody sees: a report with an error in it keeps the whole configuration from being used.

mod account;
mod action;
mod attempts;
mod balance;
mod compress;
mod delivery;
mod errors;
mod files;
mod headers;
mod health;
mod idle;
mod listeners;
mod location;
mod log;
mod process;
mod protocol;
mod proxy;
mod scalar;
mod server;
mod servers;
mod site;
mod socket;
mod test;
mod timeouts;
mod tls;
mod trouble;
mod types;
mod upstream;

use super::files::Written;
use super::model::{Config, Origin, Site, Test};
use super::node::At;
use super::report::{ANY, Problem, Report, Spot};
use listeners::Claim;
use site::Base;
use types::Types;
use upstream::Upstreams;

/// `None` if there is no file to begin with.
pub fn validate(written: &[Written], report: &mut Report) -> Option<(Config, Vec<Test>)> {
    let (main, included) = written.split_first()?;
    for file in included {
        refuse_process_wide(file, report);
    }
    let admin = server::admin(main.file.server.as_ref(), report);
    let server = server::server(main.file.server.as_ref(), admin.as_ref(), report);
    let log = log::log(main.file.log.as_ref(), report);
    let timeouts = timeouts::overlay(timeouts::DEFAULT, main.file.timeouts.as_ref(), report);
    let mime_types = types::overlay(&Types::new(), main.file.mime_types.as_ref(), report);
    let base = Base { timeouts, mime_types };
    let mut upstreams = Upstreams::read(written, report);
    let raw_sites = || written.iter().filter_map(|file| file.file.site.as_ref()).flat_map(|list| &list.value);
    let (sites, claims): (Vec<Site>, Vec<Claim>) =
        raw_sites().map(|raw| site::site(raw, &base, &mut upstreams, report)).unzip();
    if sites.is_empty() {
        nothing_to_serve(main, report);
    }
    listeners::check(&claims, admin.as_ref(), report);
    tls::check(&claims, report);
    upstreams.check(&claims, report);
    let sources = report.sources.iter().map(|source| source.path.clone()).collect();
    let config = Config { server, log, sites, upstreams: upstreams.into_models(), sources };
    let raw_tests = written.iter().filter_map(|file| file.file.test.as_ref()).flat_map(|list| &list.value);
    let tests = raw_tests.filter_map(|raw| test::test(raw, &config, report)).collect();
    Some((config, tests))
}

/// What is said once for the whole process stands in the main file.
fn refuse_process_wide(file: &Written, report: &mut Report) {
    let keys = [
        ("[server]", file.file.server.as_ref().map(|table| table.key)),
        ("[log]", file.file.log.as_ref().map(|table| table.key)),
        ("[timeouts]", file.file.timeouts.as_ref().map(|table| table.key)),
        ("[mime_types]", file.file.mime_types.as_ref().map(|table| table.key)),
    ];
    for (name, key) in keys {
        if let Some(key) = key {
            report.push(
                Problem::error(key, format!("`{name}` is for the main file only"))
                    .help("an included file holds `[[site]]`, `[upstream.NAME]` and further includes"),
            );
        }
    }
}

fn nothing_to_serve(main: &Written, report: &mut Report) {
    let spot = Spot { file: main.id, start: 0, end: 0 };
    let partly = main.file.site.as_ref().is_some_and(|list| report.is_unread(list.spot, ANY));
    if partly || report.is_unread(spot, "site") {
        return;
    }
    report.push(
        Problem::error(spot, "there is no `[[site]]`, so there is nothing to serve")
            .help("begin with `[[site]]` and `listen = [\"127.0.0.1:8080\"]`")
            .absent(),
    );
}

/// Where something is, for messages.
pub fn origin(spot: Spot, report: &Report) -> Origin {
    match report.source(spot.file) {
        Some(source) => Origin { file: source.shown.clone(), line: source.line(spot.start) },
        None => Origin { file: std::path::PathBuf::new(), line: 0 },
    }
}

/// A key that has to be there.
fn required<'a, T>(
    key: &str,
    value: Option<&'a At<T>>,
    owner: Spot,
    what: &str,
    help: &str,
    report: &mut Report,
) -> Option<&'a At<T>> {
    if value.is_none() && !report.is_unread(owner, key) {
        report.push(Problem::error(owner, format!("{what} lacks `{key}`")).help(help).absent());
    }
    value
}

/// A list that has to have something in it.
fn not_empty<T>(key: &str, list: &At<Vec<T>>, help: &str, report: &mut Report) {
    if list.value.is_empty() && !report.is_unread(list.spot, ANY) {
        report.push(Problem::error(list.spot, format!("`{key}` is an empty list")).help(help).absent());
    }
}

/// Reports every element that is the same as one before it.
fn no_twins<T, K: PartialEq>(
    list: &[At<T>],
    key: impl Fn(&T) -> K,
    what: impl Fn(&T) -> String,
    report: &mut Report,
) {
    for (index, at) in list.iter().enumerate() {
        let same = |other: &&At<T>| key(&other.value) == key(&at.value);
        if let Some(first) = list.iter().take(index).find(same) {
            report.push(Problem::error(at.spot, what(&at.value)).also(first.spot, "first written here"));
        }
    }
}
