//! Keys that would change nothing are a misunderstanding.

use super::location::Kind;
use crate::config::names;
use crate::config::raw;
use crate::config::report::{Problem, Report, Spot};

/// Refuses the keys of a location that have no meaning with what it does.
pub fn refuse(raw: &raw::Location, kind: Kind, report: &mut Report) {
    for (name, key, kinds) in keys(raw) {
        let Some(key) = key.filter(|_| !kinds.contains(&kind)) else { continue };
        let allowed: Vec<String> = kinds.iter().map(|kind| format!("`{}`", kind.key())).collect();
        report.push(
            Problem::error(key, format!("`{name}` has no meaning with `{}`", kind.key()))
                .help(format!("it goes with {}", names::or(&allowed))),
        );
    }
}

type Key = (&'static str, Option<Spot>, &'static [Kind]);

/// Where each key stands, and what it goes with.
fn keys(raw: &raw::Location) -> [Key; 16] {
    use Kind::{Files, Proxy, Respond};
    let request = raw.headers.as_ref().and_then(|at| at.value.request.as_ref());
    [
        ("index", raw.index.as_ref().map(|at| at.key), &[Files]),
        ("listing", raw.listing.as_ref().map(|at| at.key), &[Files]),
        ("try", raw.attempts.as_ref().map(|at| at.key), &[Files]),
        ("symlinks", raw.symlinks.as_ref().map(|at| at.key), &[Files]),
        ("mime_types", raw.mime_types.as_ref().map(|at| at.key), &[Files]),
        ("charset", raw.charset.as_ref().map(|at| at.key), &[Files]),
        ("cache", raw.cache.as_ref().map(|at| at.key), &[Files]),
        ("precompressed", raw.precompressed.as_ref().map(|at| at.key), &[Files]),
        ("compress", raw.compress.as_ref().map(|at| at.key), &[Files, Proxy]),
        ("cache_control", raw.cache_control.as_ref().map(|at| at.key), &[Files, Proxy, Respond]),
        ("limit_rate", raw.limit_rate.as_ref().map(|at| at.key), &[Files, Proxy]),
        ("buffer_request", raw.buffer_request.as_ref().map(|at| at.key), &[Proxy]),
        ("accel", raw.accel.as_ref().map(|at| at.key), &[Proxy]),
        ("buffer_response", raw.buffer_response.as_ref().map(|at| at.key), &[Proxy]),
        ("rewrite", raw.rewrite.as_ref().map(|at| at.key), &[Files, Proxy]),
        ("headers.request", request.map(|at| at.key), &[Proxy]),
    ]
}
