//! `compress` and `precompressed`.

use super::{no_twins, not_empty, scalar, types};
use crate::config::model::{Coding, Compress, Levels};
use crate::config::node::{At, Either, List};
use crate::config::raw;
use crate::config::report::{Problem, Report};

/// What is shorter fits into one packet anyway.
const MIN_SIZE: u64 = 1024;

const LEVELS: Levels = Levels { zstd: 3, brotli: 5, gzip: 5 };

const HELP: &str = "write `[\"br\", \"zstd\", \"gzip\"]`, the preferred one first";

pub fn compress(written: Option<&At<Either<bool, raw::Compress>>>, report: &mut Report) -> Option<Compress> {
    let raw = match &written?.value {
        Either::A(false) => return None,
        Either::A(true) => return Some(default()),
        Either::B(raw) => raw,
    };
    let default = default();
    Some(Compress {
        codings: raw.codings.as_ref().map_or(default.codings, |list| {
            not_empty("codings", list, "leave `compress` out to compress nothing", report);
            codings("codings", list, report)
        }),
        types: raw.types.as_ref().map(|list| patterns(list, report)),
        min_size: scalar::size("min_size", raw.min_size.as_ref(), 0, MIN_SIZE, report),
        levels: raw.levels.as_ref().map_or(LEVELS, |at| levels(&at.value, report)),
        cookies: raw.cookies.as_ref().is_some_and(|at| at.value),
    })
}

fn default() -> Compress {
    let codings = Coding::ALL.to_vec();
    Compress { codings, types: None, min_size: MIN_SIZE, levels: LEVELS, cookies: false }
}

pub fn precompressed(written: Option<&At<List<String>>>, report: &mut Report) -> Vec<Coding> {
    written.map(|list| codings("precompressed", list, report)).unwrap_or_default()
}

fn codings(key: &str, list: &At<List<String>>, report: &mut Report) -> Vec<Coding> {
    no_twins(&list.value, Clone::clone, |word| format!("`{word}` stands twice in `{key}`"), report);
    list.value.iter().filter_map(|at| coding(key, at, report)).collect()
}

fn coding(key: &str, at: &At<String>, report: &mut Report) -> Option<Coding> {
    let found = Coding::ALL.into_iter().find(|coding| coding.word() == at.value);
    if found.is_none() {
        let help = match at.value.as_str() {
            "brotli" => "it is called `br`",
            "zst" | "zstandard" => "it is called `zstd`",
            "gz" => "it is called `gzip`",
            _ => HELP,
        };
        report.push(Problem::error(at.spot, format!("`{key}` does not know `{}`", at.value)).help(help));
    }
    found
}

fn levels(raw: &raw::Levels, report: &mut Report) -> Levels {
    let Levels { zstd, brotli, gzip } = LEVELS;
    Levels {
        zstd: scalar::integer("zstd", raw.zstd.as_ref(), 1..=19, zstd, report),
        brotli: scalar::integer("br", raw.brotli.as_ref(), 0..=11, brotli, report),
        gzip: scalar::integer("gzip", raw.gzip.as_ref(), 1..=9, gzip, report),
    }
}

/// `text/html`, `text/*` or `*+json`.
fn patterns(list: &At<List<String>>, report: &mut Report) -> Vec<String> {
    not_empty("types", list, "leave `types` out for the built-in list", report);
    let known = |text: &str| match (text.strip_prefix("*+"), text.split_once('/')) {
        (Some(suffix), _) => types::is_token(suffix) && !suffix.contains('*'),
        (None, Some((kind, "*"))) => types::is_token(kind) && !kind.contains('*'),
        (None, Some((kind, name))) => {
            [kind, name].iter().all(|part| types::is_token(part) && !part.contains('*'))
        }
        (None, None) => false,
    };
    for at in list.value.iter().filter(|at| !known(&at.value)) {
        report.push(
            Problem::error(at.spot, format!("`{}` is not a media type", at.value))
                .help("write one like \"text/html\", \"text/*\" or \"*+json\""),
        );
    }
    list.value.iter().map(|at| at.value.to_ascii_lowercase()).collect()
}
