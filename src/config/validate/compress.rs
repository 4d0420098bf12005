//! `compress` and `precompressed`.

use super::{no_twins, not_empty, scalar};
use crate::coding::{MediaPattern, UnknownCoding};
use crate::config::model::{Coding, Compress, Levels};
use crate::config::node::{At, Either, List};
use crate::config::raw;
use crate::config::report::{Problem, Report};

/// What is shorter fits into one packet anyway.
const MIN_SIZE: u64 = 1024;

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
        levels: raw.levels.as_ref().map(|at| levels(&at.value, report)).unwrap_or_default(),
        cookies: raw.cookies.as_ref().is_some_and(|at| at.value),
    })
}

fn default() -> Compress {
    let codings = Coding::ALL.to_vec();
    Compress { codings, types: None, min_size: MIN_SIZE, levels: Levels::default(), cookies: false }
}

pub fn precompressed(written: Option<&At<List<String>>>, report: &mut Report) -> Vec<Coding> {
    written.map(|list| codings("precompressed", list, report)).unwrap_or_default()
}

fn codings(key: &str, list: &At<List<String>>, report: &mut Report) -> Vec<Coding> {
    no_twins(&list.value, Clone::clone, |word| format!("`{word}` stands twice in `{key}`"), report);
    list.value.iter().filter_map(|at| coding(key, at, report)).collect()
}

fn coding(key: &str, at: &At<String>, report: &mut Report) -> Option<Coding> {
    let help = match at.value.as_str() {
        "brotli" => "it is called `br`",
        "zst" | "zstandard" => "it is called `zstd`",
        "gz" => "it is called `gzip`",
        _ => HELP,
    };
    let refused = |_| Problem::error(at.spot, format!("`{key}` does not know `{}`", at.value)).help(help);
    at.value.parse().map_err(|error: UnknownCoding| report.push(refused(error))).ok()
}

fn levels(raw: &raw::Levels, report: &mut Report) -> Levels {
    let Levels { zstd, brotli, gzip } = Levels::default();
    Levels {
        zstd: scalar::integer("zstd", raw.zstd.as_ref(), 1..=19, zstd, report),
        brotli: scalar::integer("br", raw.brotli.as_ref(), 0..=11, brotli, report),
        gzip: scalar::integer("gzip", raw.gzip.as_ref(), 1..=9, gzip, report),
    }
}

/// `text/html`, `text/*` or `*+json`.
fn patterns(list: &At<List<String>>, report: &mut Report) -> Vec<String> {
    not_empty("types", list, "leave `types` out for the built-in list", report);
    for at in list.value.iter().filter(|at| at.value.parse::<MediaPattern>().is_err()) {
        report.push(
            Problem::error(at.spot, format!("`{}` is not a media type", at.value))
                .help("write one like \"text/html\", \"text/*\" or \"*+json\""),
        );
    }
    list.value.iter().map(|at| at.value.to_ascii_lowercase()).collect()
}
