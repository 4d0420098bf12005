//! The main file and everything it includes, read and taken apart.

use std::path::{Path, PathBuf};

use super::glob;
use super::node::{At, Node};
use super::raw;
use super::read::Read;
use super::report::{FileId, Problem, Report, Spot};
use super::source::{self, Source, Unreadable};
use super::syntax;

/// More files than this are a pattern that matches the wrong folder.
const MAX_FILES: usize = 10_000;

/// A file as written.
#[derive(Debug)]
pub struct Written {
    pub file: raw::File,
    pub id: FileId,
}

/// Reads all files, the main one first. They are read as if the main file were the one at `place`: what
/// they name by relative paths is looked for there.
pub fn read_all(path: &Path, place: &Path, report: &mut Report) -> Vec<Written> {
    let directory = |path| source::absolute(path).parent().unwrap_or(Path::new("/")).to_owned();
    let (from, to) = (directory(path), directory(place));
    let mut reader = Reader { report, from, to, done: Vec::new(), written: Vec::new() };
    reader.file(path, None, &mut Vec::new());
    reader.written
}

/// A file that is being read, and the include that led to it.
struct Link {
    real: PathBuf,
    shown: PathBuf,
    from: Option<Spot>,
}

struct Reader<'a> {
    report: &'a mut Report,
    /// The main file's directory, and the one that it is taken to be.
    from: PathBuf,
    to: PathBuf,
    /// Files that were read, by their real paths.
    done: Vec<PathBuf>,
    written: Vec<Written>,
}

impl Reader<'_> {
    fn file(&mut self, path: &Path, from: Option<Spot>, chain: &mut Vec<Link>) {
        self.report.watch(path);
        let real = path.canonicalize().unwrap_or_else(|_| path.to_owned());
        if let Some(start) = chain.iter().position(|link| link.real == real) {
            return self.loop_found(&chain[start..], from);
        }
        // Two patterns may match the same file; it says nothing new the second time.
        if self.done.contains(&real) {
            return;
        }
        if self.done.len() == MAX_FILES {
            return self.too_many(from);
        }
        self.done.push(real.clone());
        let Some(text) = self.text(path, from) else { return };
        let id = self.report.add(Source::new(path.to_owned(), &text).moved(&self.from, &self.to));
        let Some(file) = self.parse(&text, id) else { return };
        let includes = file.include.as_ref().map(|include| include.value.clone()).unwrap_or_default();
        self.written.push(Written { file, id });
        chain.push(Link { real, shown: path.to_owned(), from });
        for include in includes {
            for path in self.named(path, &include) {
                self.file(&path, Some(include.spot), chain);
            }
        }
        chain.pop();
    }

    fn text(&mut self, path: &Path, from: Option<Spot>) -> Option<String> {
        let reason = match source::read(path) {
            Ok(text) => return Some(text),
            Err(Unreadable::Missing(reason)) => reason,
            Err(Unreadable::NotUtf8 { text, at }) => {
                let file = self.report.add(Source::new(path.to_owned(), &text));
                let spot = Spot { file, start: at, end: at + '\u{fffd}'.len_utf8() };
                self.report
                    .push(Problem::error(spot, "the file is not UTF-8 here; save it as UTF-8").syntax());
                self.report.lose();
                return None;
            }
        };
        let message = format!("cannot read `{}`: {reason}", path.display());
        self.report.push(match from {
            Some(spot) => Problem::error(spot, message),
            None => Problem::unreadable(message),
        });
        self.report.lose();
        None
    }

    fn parse(&mut self, text: &str, id: FileId) -> Option<raw::File> {
        let tree = syntax::parse(text, id, self.report);
        let spot = Spot { file: id, start: 0, end: 0 };
        let value = toml::de::DeValue::Table(tree.into_inner());
        raw::File::read(Node { name: "", key: spot, spot, value: &value }, self.report)
    }

    /// The files of one include. They are shown the way the file that names them was.
    fn named(&mut self, path: &Path, include: &At<String>) -> Vec<PathBuf> {
        let directory = path.parent().unwrap_or(Path::new(""));
        let pattern = include.value.as_str();
        if pattern.is_empty() {
            self.report.push(Problem::error(include.spot, "`include` names a file, but this is empty"));
            return Vec::new();
        }
        if !glob::is_glob(pattern) {
            return vec![directory.join(pattern)];
        }
        self.report.watch_pattern(directory, pattern);
        glob::expand(directory, pattern).unwrap_or_else(|reason| {
            let message = format!("`{pattern}` is not a pattern for files: {reason}");
            self.report.push(Problem::error(include.spot, message));
            self.report.lose();
            Vec::new()
        })
    }

    fn too_many(&mut self, from: Option<Spot>) {
        if let Some(spot) = from {
            self.report.push(Problem::error(spot, format!("this includes more than {MAX_FILES} files")));
            self.report.lose();
        }
    }

    fn loop_found(&mut self, chain: &[Link], from: Option<Spot>) {
        // Only an include leads to a file that is being read.
        let (Some(spot), Some(first)) = (from, chain.first()) else { return };
        let names = chain.iter().map(|link| format!("`{}`", link.shown.display()));
        let names: Vec<String> = names.chain([format!("`{}`", first.shown.display())]).collect();
        let message = match chain {
            [one] => format!("`{}` includes itself", one.shown.display()),
            _ => format!("these files include each other: {}", names.join(" -> ")),
        };
        let problem = Problem::error(spot, message);
        let links = chain.iter().skip(1).filter_map(|link| link.from);
        self.report.push(links.fold(problem, |problem, spot| problem.also(spot, "by this include")));
    }
}
