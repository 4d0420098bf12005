//! The import table: who may name whom, read from the sources themselves.
//!
//! Each module may use only what stands above it in [`TABLE`], so the modules form no cycle and can be
//! read from the top. A folder's `mod.rs` is its only door: what is not re-exported there, or declared
//! `pub mod`, cannot be named from outside.

#![expect(clippy::unwrap_used, reason = "a test that cannot read its sources has to fail")]

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

/// Every module of the crate and what it may import, lowest first.
const TABLE: &[(&str, &[&str])] = &[
    ("net", &[]),
    ("tls", &["net"]),
    ("http", &["net"]),
    ("coding", &["http"]),
    ("observe", &["http"]),
    ("spool", &[]),
    ("signals", &[]),
    ("privileges", &[]),
    ("control", &[]),
    ("handover", &["net"]),
    ("systemd", &[]),
    ("router", &["net", "http"]),
    ("upstream", &["net", "tls", "http", "observe"]),
    ("process", &["net", "http", "signals", "handover", "upstream"]),
    ("config", &["net", "tls", "http", "coding", "router", "privileges"]),
    ("middleware", &["net", "http", "coding", "observe", "spool"]),
    ("handler", &["net", "http", "coding", "observe", "upstream"]),
    ("server", &["net", "tls", "http", "observe"]),
    (
        "runtime",
        &[
            "net",
            "tls",
            "http",
            "coding",
            "spool",
            "observe",
            "router",
            "upstream",
            "process",
            "privileges",
            "config",
            "middleware",
            "handler",
            "server",
        ],
    ),
    ("explain", &["net", "http", "router", "config", "runtime"]),
    ("admin", &["net", "http", "observe"]),
    ("acme", &["net", "tls", "http", "observe"]),
    (
        "reload",
        &[
            "net",
            "tls",
            "http",
            "handover",
            "observe",
            "privileges",
            "config",
            "runtime",
            "explain",
            "upstream",
            "admin",
        ],
    ),
    (
        "app",
        &[
            "net",
            "tls",
            "observe",
            "acme",
            "signals",
            "systemd",
            "privileges",
            "control",
            "handover",
            "process",
            "config",
            "runtime",
            "explain",
            "reload",
        ],
    ),
    ("cli", &[]),
    ("main", &["app", "cli", "control"]),
];

/// Crates that only some modules may name: the rest must not depend on their types.
const CONFINED: &[(&str, &[&str])] = &[
    ("hyper", &["server", "admin"]),
    ("brotli", &["coding"]),
    ("flate2", &["coding"]),
    ("zstd", &["coding"]),
    ("toml", &["config"]),
    ("clap", &["cli", "main"]),
    ("notify", &["reload", "process"]),
    ("rustls", &["net", "tls", "http", "tls"]),
    ("rustls_native_certs", &["tls"]),
    ("x509_parser", &["tls"]),
    ("h2", &["server", "upstream"]),
    ("instant_acme", &["acme"]),
    ("rcgen", &["acme"]),
    ("hyper_rustls", &["acme"]),
];

/// Crates that a module must do without.
const BARRED: &[(&str, &[&str])] = &[("config", &["tokio"]), ("router", &["tokio"])];

/// Where a file stops being one concern, tests not counted.
const MAX_LINES: usize = 400;

#[test]
fn the_table_has_no_cycle() {
    for (row, (module, uses)) in TABLE.iter().enumerate() {
        for used in *uses {
            let above = TABLE[..row].iter().any(|(name, _)| name == used);
            assert!(above, "`{module}` may not use `{used}`, which does not stand above it");
        }
    }
}

#[test]
fn modules_import_only_what_the_table_allows() {
    let mut problems = Vec::new();
    for source in sources() {
        for path in source.crate_paths() {
            let target = path[0].as_str();
            if target == source.module || !is_module(target) {
                continue;
            }
            if !allowed(&source.module).contains(&target) {
                problems.push(format!("{} uses crate::{}", source.name, path.join("::")));
            }
        }
    }
    assert!(problems.is_empty(), "imports against the table:\n{}", problems.join("\n"));
}

#[test]
fn folders_are_entered_by_their_door() {
    let doors = doors();
    let mut problems = Vec::new();
    for source in sources() {
        for path in source.crate_paths() {
            let [target, inner, deeper @ ..] = path.as_slice() else { continue };
            let Some(door) = doors.get(target).filter(|_| *target != source.module) else { continue };
            // A function may have its file's name, and then the door may show it.
            let shown = deeper.is_empty() && door.shown.contains(inner);
            if door.private.contains(inner) && !shown {
                problems.push(format!("{} enters crate::{target}::{inner}, which is private", source.name));
            }
        }
    }
    assert!(problems.is_empty(), "folders entered past their mod.rs:\n{}", problems.join("\n"));
}

#[test]
fn confined_crates_stay_where_they_belong() {
    let mut problems = Vec::new();
    for source in sources() {
        for (name, homes) in CONFINED {
            if source.names_crate(name) && !homes.contains(&source.module.as_str()) {
                problems.push(format!("{} names `{name}`, which belongs to {homes:?}", source.name));
            }
        }
        for (module, crates) in BARRED {
            for name in crates.iter().filter(|name| source.module == *module && source.names_crate(name)) {
                problems.push(format!("{} names `{name}`, which `{module}` does without", source.name));
            }
        }
    }
    assert!(problems.is_empty(), "crates outside their home:\n{}", problems.join("\n"));
}

#[test]
fn every_module_stands_in_the_table() {
    for source in sources() {
        assert!(is_module(&source.module), "{}: `{}` has no row in TABLE", source.name, source.module);
    }
}

#[test]
fn files_hold_one_concern() {
    let long: Vec<String> = sources()
        .iter()
        .filter(|source| source.code.lines().count() > MAX_LINES)
        .map(|source| format!("{}: {} lines", source.name, source.code.lines().count()))
        .collect();
    assert!(long.is_empty(), "files over {MAX_LINES} lines without their tests:\n{}", long.join("\n"));
}

#[test]
fn the_reader_of_sources_sees_what_the_compiler_sees() {
    let code = strip(
        r##"
        // use crate::comment::No;
        /* crate::block::No /* nested */ */
        use crate::{net::{Stream, addr::Listen as L}, http::Body};
        const TEXT: &str = "crate::string::No";
        const RAW: &str = r#"crate::raw::No "quoted" "#;
        fn quote<'a>(_: &'a str) -> char { '"' }
        type Reply = crate::upstream::Reply;
        #[cfg(test)]
        mod tests { use crate::runtime::No; }
        fn after() { rproxy::app::run() }
        "##,
    );
    let source = Source { name: "x".into(), module: "x".into(), depth: 1, code };
    let found: Vec<String> = source.crate_paths().iter().map(|path| path.join("::")).collect();
    assert_eq!(found, ["net::Stream", "net::addr::Listen", "http::Body", "upstream::Reply", "app::run"]);
    let inner =
        Source { code: "use super::super::net::Stream; use super::http::No;".into(), depth: 2, ..source };
    assert_eq!(inner.crate_paths(), [["net", "Stream"]]);
    assert!(!inner.names_crate("hyper"));
    assert!(Source { code: "fn f(_: &::hyper::Request<()>) {}".into(), ..inner }.names_crate("hyper"));
}

/// One file of `src`, without comments, strings and tests.
struct Source {
    name: String,
    /// The top-level module it belongs to.
    module: String,
    /// How many `super` lead from it to the crate's root.
    depth: usize,
    code: String,
}

impl Source {
    /// Every path into this crate, as written from its root.
    fn crate_paths(&self) -> Vec<Vec<String>> {
        let mut paths = Vec::new();
        let up = "super::".repeat(self.depth);
        for root in ["crate::", "rproxy::", &up] {
            for (at, _) in self.code.match_indices(root) {
                if starts_a_path(&self.code[..at]) {
                    expand(&self.code[at + root.len()..], &mut Vec::new(), &mut paths);
                }
            }
        }
        paths
    }

    fn names_crate(&self, name: &str) -> bool {
        let path = format!("{name}::");
        self.code.match_indices(&path).any(|(at, _)| {
            let before = &self.code[..at];
            starts_a_path(before.strip_suffix("::").unwrap_or(before))
        })
    }
}

/// Whether what follows `before` is the first segment of a path.
fn starts_a_path(before: &str) -> bool {
    !before.ends_with(|c: char| c.is_alphanumeric() || c == '_' || c == ':')
}

/// Collects the paths of a use tree (or of a single path); returns what stands behind it.
fn expand<'a>(text: &'a str, prefix: &mut Vec<String>, paths: &mut Vec<Vec<String>>) -> &'a str {
    let text = text.trim_start();
    if let Some(mut rest) = text.strip_prefix('{') {
        loop {
            rest = rest.trim_start_matches([' ', '\n', ',']);
            if let Some(behind) = rest.strip_prefix('}') {
                return behind;
            }
            if rest.is_empty() {
                return rest;
            }
            rest = expand(rest, prefix, paths);
            rest = &rest[rest.find([',', '{', '}']).unwrap_or(rest.len())..];
        }
    }
    let end = text.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(text.len());
    prefix.push(text[..end].to_owned());
    let rest = if let Some(deeper) = text[end..].strip_prefix("::") {
        expand(deeper, prefix, paths)
    } else {
        paths.push(prefix.clone());
        &text[end..]
    };
    prefix.pop();
    rest
}

/// What a folder's `mod.rs` lets outsiders name.
struct Door {
    /// Child modules that are not `pub`.
    private: Vec<String>,
    /// The last names of its `pub use`.
    shown: Vec<String>,
}

fn doors() -> BTreeMap<String, Door> {
    let mut doors = BTreeMap::new();
    for source in sources().into_iter().filter(|source| source.name == format!("{}/mod.rs", source.module)) {
        let lines = source.code.lines();
        let private = lines
            .filter_map(|line| line.trim().strip_prefix("mod ")?.strip_suffix(';').map(str::to_owned))
            .collect();
        let mut paths = Vec::new();
        for (at, mark) in source.code.match_indices("pub use ") {
            expand(&source.code[at + mark.len()..], &mut Vec::new(), &mut paths);
        }
        let shown = paths.into_iter().filter_map(|mut path| path.pop()).collect();
        doors.insert(source.module, Door { private, shown });
    }
    doors
}

fn is_module(name: &str) -> bool {
    TABLE.iter().any(|(module, _)| *module == name)
}

fn allowed(module: &str) -> &'static [&'static str] {
    TABLE.iter().find(|(name, _)| *name == module).map_or(&[], |(_, uses)| uses)
}

/// All files of `src` but `lib.rs`, whose only business is to declare the modules, and test files.
fn sources() -> Vec<Source> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut files = Vec::new();
    walk(&root, &mut files);
    files.sort();
    assert!(files.len() > 10, "the sources were not found below {}", root.display());
    files
        .iter()
        .map(|file| {
            let inner = file.strip_prefix(&root).unwrap();
            let parts: Vec<&str> = inner.iter().map(|part| part.to_str().unwrap()).collect();
            let depth = parts.len() - usize::from(inner.ends_with("mod.rs"));
            let module = parts[0].trim_end_matches(".rs").to_owned();
            Source { name: parts.join("/"), module, depth, code: strip(&fs::read_to_string(file).unwrap()) }
        })
        .filter(|source| source.module != "lib" && !source.name.ends_with("tests.rs"))
        .collect()
}

fn walk(folder: &Path, files: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            walk(&path, files);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            files.push(path);
        }
    }
}

/// Blanks comments and literals, then cuts out items under `#[cfg(test)]`; line ends are kept.
fn strip(text: &str) -> String {
    without_tests(&without_literals(text))
}

fn without_literals(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        let skipped = literal_or_comment(rest, &out);
        if skipped == 0 {
            out.push(first);
            rest = &rest[first.len_utf8()..];
        } else {
            out.extend(rest[..skipped].chars().filter(|c| *c == '\n'));
            out.push(' ');
            rest = &rest[skipped..];
        }
    }
    out
}

/// The length of the comment, string or character literal that `rest` begins with, else 0.
fn literal_or_comment(rest: &str, before: &str) -> usize {
    let until =
        |close: &str, from: usize| rest[from..].find(close).map_or(rest.len(), |at| from + at + close.len());
    if rest.starts_with("//") {
        return rest.find('\n').unwrap_or(rest.len());
    }
    if rest.starts_with("/*") {
        return block_comment(rest);
    }
    let raw = rest.strip_prefix('r').filter(|_| starts_a_path(before) || before.ends_with('b'));
    if let Some(opened) = raw {
        let hashes = opened.len() - opened.trim_start_matches('#').len();
        if opened[hashes..].starts_with('"') {
            return until(&format!("\"{}", "#".repeat(hashes)), hashes + 2);
        }
    }
    if rest.starts_with('"') {
        return escaped(rest, '"');
    }
    // A lifetime has no closing quote right behind its first character.
    let mut after = rest.chars().skip(1);
    match (rest.starts_with('\''), after.next(), after.next()) {
        (true, Some('\\'), _) => escaped(rest, '\''),
        (true, Some(inner), Some('\'')) => 2 + inner.len_utf8(),
        _ => 0,
    }
}

fn block_comment(rest: &str) -> usize {
    let (mut depth, mut at) = (0_usize, 0);
    while at < rest.len() {
        if rest[at..].starts_with("/*") {
            depth += 1;
            at += 2;
        } else if rest[at..].starts_with("*/") {
            depth -= 1;
            at += 2;
            if depth == 0 {
                break;
            }
        } else {
            at += rest[at..].chars().next().map_or(1, char::len_utf8);
        }
    }
    at
}

/// The length of a literal in `quote`s with backslash escapes.
fn escaped(rest: &str, quote: char) -> usize {
    let mut skip = false;
    for (at, c) in rest.char_indices().skip(1) {
        match c {
            _ if skip => skip = false,
            '\\' => skip = true,
            c if c == quote => return at + 1,
            _ => {}
        }
    }
    rest.len()
}

fn without_tests(code: &str) -> String {
    const MARK: &str = "#[cfg(test)]";
    let mut out = String::with_capacity(code.len());
    let mut rest = code;
    while let Some(at) = rest.find(MARK) {
        out.push_str(&rest[..at]);
        rest = &rest[at + MARK.len()..];
        let mut depth = 0_usize;
        let end = rest.char_indices().find(|(_, c)| match c {
            '{' => {
                depth += 1;
                false
            }
            '}' => {
                depth = depth.saturating_sub(1);
                depth == 0
            }
            c => *c == ';' && depth == 0,
        });
        rest = &rest[end.map_or(rest.len(), |(at, _)| at + 1)..];
    }
    out + rest
}
