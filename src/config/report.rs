//! What is wrong with a configuration: every problem with its place, gathered before any is shown.

use std::fmt;
use std::path::{Path, PathBuf};

use super::source::{self, Source};
use super::watched::Watched;

/// A file of the report, by the order in which they were read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct FileId(usize);

/// A stretch of a file, in bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Spot {
    pub file: FileId,
    pub start: usize,
    pub end: usize,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Severity {
    Error,
    Warning,
}

/// How far a problem can be trusted when parts of the configuration could not be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Basis {
    /// The text is not TOML.
    Syntax,
    /// Something that was written.
    Written,
    /// Something that was found nowhere, so that it may stand in the part that could not be read.
    Absent,
}

/// One mistake.
#[derive(Clone, Debug)]
pub struct Problem {
    pub(super) severity: Severity,
    pub(super) message: String,
    /// None for a file that has no text to point into.
    pub(super) spot: Option<Spot>,
    /// Other places that belong to it, and what each is.
    pub(super) others: Vec<(Spot, String)>,
    pub(super) help: Option<String>,
    basis: Basis,
}

impl Problem {
    pub fn error(spot: Spot, message: impl Into<String>) -> Self {
        Self::new(Severity::Error, Some(spot), &message.into())
    }

    pub fn warning(spot: Spot, message: impl Into<String>) -> Self {
        Self::new(Severity::Warning, Some(spot), &message.into())
    }

    /// One whose message and help are told as they are.
    pub fn plain_error(spot: Spot, message: &str, help: &str) -> Self {
        let mut problem = Self::new(Severity::Error, Some(spot), "");
        problem.message = printable(message);
        problem.help(help)
    }

    /// A file that cannot be read at all.
    pub fn unreadable(message: impl Into<String>) -> Self {
        Self::new(Severity::Error, None, &message.into())
    }

    fn new(severity: Severity, spot: Option<Spot>, message: &str) -> Self {
        let mut problem = Self {
            severity,
            // Parsers of values quote what was written, even if that is nothing.
            message: printable(&message.replace("``", "an empty string")),
            spot,
            others: Vec::new(),
            help: None,
            basis: Basis::Written,
        };
        problem.split_help();
        problem
    }

    /// Parsers of values tell what to write instead behind a semicolon; here that is the help line.
    fn split_help(&mut self) {
        let Some((message, help)) = self.message.rsplit_once("; ") else { return };
        let quoted = help.matches('`').count() % 2 == 1;
        if !quoted {
            (self.message, self.help) = (message.to_owned(), Some(help.to_owned()));
        }
    }

    pub fn help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(printable(&help.into()));
        self
    }

    pub fn maybe_help(self, help: Option<String>) -> Self {
        match help {
            Some(help) => self.help(help),
            None => self,
        }
    }

    /// Shows another place, such as where something was defined first.
    pub fn also(mut self, spot: Spot, what: impl Into<String>) -> Self {
        self.others.push((spot, printable(&what.into())));
        self
    }

    pub fn syntax(mut self) -> Self {
        self.basis = Basis::Syntax;
        self
    }

    /// Marks what may be wrong only because another part could not be read.
    pub fn absent(mut self) -> Self {
        self.basis = Basis::Absent;
        self
    }
}

/// Stands for the unknown keys of a table, and the bad elements of a list.
pub const ANY: &str = "";

/// Every problem of a configuration, with the files they are in.
#[derive(Clone, Debug, Default)]
pub struct Report {
    pub(super) sources: Vec<Source>,
    pub(super) problems: Vec<Problem>,
    /// Whether something could not be read, so that what is absent proves nothing.
    incomplete: bool,
    guessed: Vec<Spot>,
    /// Tables and lists with a key or element that is there but was no good.
    unread: Vec<(Spot, &'static str)>,
    watched: Box<Watched>,
}

impl Report {
    pub fn is_empty(&self) -> bool {
        self.problems.is_empty()
    }

    /// How many problems there are.
    pub fn len(&self) -> usize {
        self.problems.len()
    }

    pub fn has_errors(&self) -> bool {
        self.count(Severity::Error) > 0
    }

    /// As text for a terminal, in the manner of rustc.
    pub fn render(&self, color: bool) -> String {
        super::render::render(self, color)
    }

    /// All that was read, be it good or bad, and where more may come to be.
    pub fn watched(&self) -> &Watched {
        &self.watched
    }

    /// Notes a file, or a directory, on whose state the configuration depends.
    pub(super) fn watch(&mut self, path: &Path) {
        self.watched.file(&source::absolute(path));
    }

    pub(super) fn watch_pattern(&mut self, directory: &Path, pattern: &str) {
        let directory = if directory.as_os_str().is_empty() { Path::new(".") } else { directory };
        self.watched.pattern(&source::absolute(directory), pattern);
    }

    pub(super) fn count(&self, severity: Severity) -> usize {
        self.problems.iter().filter(|problem| problem.severity == severity).count()
    }

    pub(super) fn add(&mut self, source: Source) -> FileId {
        self.sources.push(source);
        FileId(self.sources.len() - 1)
    }

    pub(super) fn push(&mut self, problem: Problem) {
        self.problems.push(problem);
    }

    /// Notes that a part could not be read.
    pub(super) fn lose(&mut self) {
        self.incomplete = true;
    }

    /// Notes that the parser had to guess what a stretch of text means.
    pub(super) fn distrust(&mut self, spot: Spot) {
        self.lose();
        self.guessed.push(spot);
    }

    /// Notes that a key of the table at `owner` is there, but not as it should be.
    pub(super) fn mark_unread(&mut self, owner: Spot, key: &'static str) {
        self.unread.push((owner, key));
    }

    /// Whether `key` only seems to be missing.
    pub(super) fn is_unread(&self, owner: Spot, key: &str) -> bool {
        self.unread.iter().any(|(spot, name)| *spot == owner && *name == key)
    }

    /// A spot's file. Spots are made for files of this report only.
    pub(super) fn source(&self, file: FileId) -> Option<&Source> {
        self.sources.get(file.0)
    }

    /// A path as written at `spot`, made absolute.
    pub(super) fn resolve(&self, spot: Spot, path: impl AsRef<Path>) -> PathBuf {
        let directory = self.source(spot.file).map_or(Path::new("/"), Source::directory);
        let joined = directory.join(path);
        std::path::absolute(&joined).unwrap_or(joined)
    }

    /// Puts problems in the order of the text and drops those that only follow from others.
    pub(super) fn finish(mut self) -> Self {
        let Self { guessed, incomplete, .. } = &self;
        let (guessed, incomplete, errors) = (guessed.clone(), *incomplete, self.has_errors());
        let is_guess = |spot: Spot| {
            guessed
                .iter()
                .any(|guess| guess.file == spot.file && (guess.start..guess.end).contains(&spot.start))
        };
        self.problems.retain(|problem| match problem.basis {
            Basis::Syntax => true,
            // What an error hid from view may look unused.
            Basis::Absent => !incomplete && (problem.severity == Severity::Error || !errors),
            Basis::Written => !problem.spot.is_some_and(is_guess),
        });
        self.problems.sort_by_key(|problem| problem.spot.map(|spot| (spot.file, spot.start, spot.end)));
        self.problems.dedup_by(|a, b| a.spot == b.spot && a.message == b.message);
        self
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.render(false))
    }
}

impl std::error::Error for Report {}

/// Text from a file must not move the terminal's cursor.
pub fn printable(text: &str) -> String {
    text.chars()
        .flat_map(|c| {
            let escape = c.is_control();
            let plain = (!escape).then_some(c);
            let escaped = escape.then(|| c.escape_default());
            plain.into_iter().chain(escaped.into_iter().flatten())
        })
        .collect()
}
