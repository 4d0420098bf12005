//! Static files: resolve a path, open what lies there, answer.
//!
//! A path is judged three times: `resolve` refuses what no path of a file looks like, the kernel keeps
//! what is opened beneath the directory (`base`, `open`), and only regular files are read. `directory` looks
//! without waiting where it can, `catalog` knows what is kept (`hot`), `encoded` chooses the form that the
//! client prefers, and what was found becomes a response in `answer` alone. Small files come from memory,
//! all others leave by `sendfile(2)`.
//!
//! A file may change while it is served. Replaced by renaming, the old one is sent to its end. Written
//! in place, a response keeps the length it announced: what was added is not sent, and what is cut off
//! ends the connection. A change shows after a second at the latest.

mod answer;
mod attempt;
mod base;
mod catalog;
mod codings;
mod content;
mod description;
mod directory;
mod encoded;
mod hot;
mod listing;
mod mount;
mod open;
mod reader;
mod representation;
mod resolve;
mod root;
mod state;

use std::path::PathBuf;
use std::rc::Rc;
use std::time::Instant;

use super::Outcome;
use crate::coding::{Coding, Policy, vary_by_coding};
use crate::http::{Fault, MediaTypes, Request, Response, Sight, Template, Try, Witness};
use answer::{Found, add_slash, allow, compress, missing, no_index, represent, wants_ranges};
use catalog::Catalog;
use description::Description;
use directory::Directory;
use encoded::Selected;
use open::Place;
use reader::Reader;
use resolve::Relative;
use root::Root;

pub use hot::{HotFiles, Limits};
pub use open::Symlinks;
pub use resolve::Strip;

/// What a location says of its files.
#[derive(Clone, Debug)]
pub struct Settings {
    pub directory: PathBuf,
    /// The part of the directory that each request names.
    pub below: Option<Template>,
    pub strip: Strip,
    /// Names that answer for a directory, in order.
    pub index: Vec<String>,
    /// Whether a directory without one of them is shown.
    pub listing: bool,
    pub symlinks: Symlinks,
    pub r#try: Option<Try>,
    pub types: MediaTypes,
    /// Whether Cache-Control is made of a file's name and type.
    pub auto_cache: bool,
    /// Whether no shared cache may keep them.
    pub is_private: bool,
    /// Codings whose twins are looked for, the preferred one first.
    pub precompressed: Vec<Coding>,
    pub compress: Option<Policy>,
}

/// The files of one location, for one event loop.
#[derive(Debug)]
pub struct Files {
    catalog: Rc<Catalog>,
    root: Root,
    strip: Strip,
    index: Vec<String>,
    listing: bool,
    r#try: Option<Try>,
}

impl Files {
    /// `witness` is told what is looked for.
    pub fn new(settings: Settings, hot: Rc<HotFiles>, witness: Witness) -> Self {
        let Settings { directory, below, strip, index, listing, symlinks, r#try, .. } = settings;
        let Settings { types, auto_cache, is_private, precompressed, compress, .. } = settings;
        let has_twins = !precompressed.is_empty();
        let description = Description { types, auto_cache, is_private, precompressed: has_twins, compress };
        let directory = Directory::new(directory, symlinks);
        let catalog = Rc::new(Catalog::new(directory, description, precompressed, hot, witness));
        Self { catalog, root: Root::new(below), strip, index, listing, r#try }
    }

    /// Answers a request of whose path `request.matched` bytes matched the location.
    pub async fn handle(&self, request: Box<Request>) -> Result<Outcome, Fault> {
        let below = self.root.of(&request);
        match (&self.r#try, &below) {
            (Some(r#try), below) => self.attempt(r#try, request, below.as_deref()).await,
            (None, Some(below)) => self.serve(&request, below).await.map(Outcome::Response),
            (None, None) => Err(self.missing(&request)),
        }
    }

    async fn serve(&self, request: &Request, below: &[u8]) -> Result<Response, Fault> {
        allow(&request.method)?;
        let Some(relative) = Relative::resolve(&request.target.path, request.matched, self.strip) else {
            let path = request.target.path.get(1..).unwrap_or_default();
            self.catalog.note(Place { below, path }, || Sight::Unfit);
            return Err(self.missing(request));
        };
        let found = self.find(below, &relative, request.read).await?;
        self.answer(request, below, found).await
    }

    async fn find(&self, below: &[u8], relative: &Relative<'_>, now: Instant) -> Result<Found, Fault> {
        if relative.slash {
            return self.index(below, relative, now).await;
        }
        let place = Place { below, path: &relative.path };
        self.catalog.noted(place, self.catalog.file(place, now).await)
    }

    /// nginx's `index`, but without matching locations anew: the location that has the directory answers.
    async fn index(&self, below: &[u8], directory: &Relative<'_>, now: Instant) -> Result<Found, Fault> {
        for entry in self.index.iter().filter_map(|name| directory.entry(name)) {
            let place = Place { below, path: &entry.path };
            let found = self.catalog.noted(place, self.catalog.file(place, now).await)?;
            if let Found::File(_) = found {
                return Ok(found);
            }
        }
        let place = Place { below, path: &directory.path };
        let there = self.catalog.directory.has_directory(place, now).await?;
        self.catalog.note(place, || if there { Sight::Directory } else { Sight::Missing });
        Ok(if there { Found::NoIndex(directory.path.as_ref().into()) } else { Found::Missing })
    }

    async fn answer(&self, request: &Request, below: &[u8], found: Found) -> Result<Response, Fault> {
        let file = match found {
            Found::File(file) if !self.catalog.has_codings() => return represent(request, &file),
            Found::File(file) => file,
            Found::Directory => return add_slash(request),
            Found::NoIndex(path) if self.listing => {
                return self.list(request, Place { below, path: &path }).await;
            }
            Found::NoIndex(_) => return Err(no_index(&self.place(request))),
            Found::Missing => return Err(self.missing(request)),
        };
        // Where an application says what a file is, its own fields do not tell that there are codings of it.
        let varies = request.said.is_some() && self.catalog.may_compress(&file, request);
        let mut response = match self.catalog.select(file, below, request, wants_ranges(request)).await {
            Selected::Whole(file) => represent(request, &file),
            Selected::Compressing(file, coding, policy) => {
                let plain = Reader::new(file.content(), file.length, self.catalog.directory.waiting());
                compress(request, &file, coding, policy, plain)
            }
        }?;
        if varies {
            vary_by_coding(&mut response.headers);
        }
        Ok(response)
    }

    async fn list(&self, request: &Request, place: Place<'_>) -> Result<Response, Fault> {
        let wanted = listing::Wanted::of(request, place.path);
        self.catalog.directory.list(place, wanted, request.read).await?.answer(request)
    }

    fn missing(&self, request: &Request) -> Fault {
        missing(&self.place(request))
    }

    /// Where the operator has to look when nothing can be sent.
    fn place(&self, request: &Request) -> String {
        let path = String::from_utf8_lossy(&request.target.path);
        format!("{path} in directory {}", self.catalog.directory.path().display())
    }
}

#[cfg(test)]
mod random_paths;
#[cfg(test)]
mod tests;
