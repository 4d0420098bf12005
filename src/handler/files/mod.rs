//! Static files: resolve a path, open what lies there, answer.
//!
//! A path is judged three times: `resolve` refuses what no path of a file looks like, the kernel keeps
//! what is opened beneath the directory, and only regular files are read. What was found becomes a
//! response in `answer` alone. Small files come from memory (`hot`), all others leave by `sendfile(2)`.
//!
//! A file may change while it is served. Replaced by renaming, the old one is sent to its end. Written
//! in place, a response keeps the length it announced: what was added is not sent, and what is cut off
//! ends the connection. A change shows after a second at the latest.

mod answer;
mod attempt;
mod directory;
mod hot;
mod open;
mod representation;
mod resolve;
mod state;

use std::path::PathBuf;
use std::rc::Rc;
use std::time::Instant;

use super::Outcome;
use crate::http::{Fault, Request, Response, Try};
use answer::{Found, allow, answer};
use directory::Directory;
use resolve::Relative;

pub use hot::{HotFiles, Limits};
pub use open::Symlinks;
pub use resolve::Strip;

/// What a location says of its files.
#[derive(Clone, Debug)]
pub struct Settings {
    pub directory: PathBuf,
    pub strip: Strip,
    /// Names that answer for a directory, in order.
    pub index: Vec<String>,
    pub symlinks: Symlinks,
    pub r#try: Option<Try>,
}

/// The files of one location, for one event loop.
#[derive(Debug)]
pub struct Files {
    directory: Directory,
    strip: Strip,
    index: Vec<String>,
    r#try: Option<Try>,
}

impl Files {
    pub fn new(settings: Settings, hot: Rc<HotFiles>) -> Self {
        let Settings { directory, strip, index, symlinks, r#try } = settings;
        Self { directory: Directory::new(directory, symlinks, hot), strip, index, r#try }
    }

    /// Answers a request of whose path `matched` bytes matched the location.
    pub fn handle(&self, request: Box<Request>, matched: usize) -> Result<Outcome, Fault> {
        match &self.r#try {
            Some(r#try) => self.attempt(r#try, request, matched),
            None => self.serve(&request, matched).map(Outcome::Response),
        }
    }

    fn serve(&self, request: &Request, matched: usize) -> Result<Response, Fault> {
        allow(&request.method)?;
        let found = match Relative::resolve(&request.target.path, matched, self.strip) {
            Some(relative) => self.find(&relative, request.read)?,
            None => Found::Missing,
        };
        self.answer(request, &found)
    }

    fn find(&self, relative: &Relative<'_>, now: Instant) -> Result<Found, Fault> {
        if relative.slash { self.index(relative, now) } else { self.directory.file(&relative.path, now) }
    }

    /// nginx's `index`, but without matching locations anew: the location that has the directory answers.
    fn index(&self, directory: &Relative<'_>, now: Instant) -> Result<Found, Fault> {
        for entry in self.index.iter().filter_map(|name| directory.entry(name)) {
            if let found @ Found::File(_) = self.directory.file(&entry.path, now)? {
                return Ok(found);
            }
        }
        let there = self.directory.has_directory(&directory.path, now)?;
        Ok(if there { Found::NoIndex } else { Found::Missing })
    }

    fn answer(&self, request: &Request, found: &Found) -> Result<Response, Fault> {
        answer(request, found, || {
            let path = String::from_utf8_lossy(&request.target.path);
            format!("{path} in directory {}", self.directory.path().display())
        })
    }
}

#[cfg(test)]
mod tests;
