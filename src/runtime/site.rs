//! What the locations of a site share: error pages, names, and the directories whose files applications
//! may have sent.

use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use crate::config::model::{self, Action};
use crate::http::accel::plain_path;
use crate::http::{Request, Template};
use crate::middleware::ErrorPages;
use crate::router::LocationPattern;

/// A compiled `[[site]]`, but for its locations themselves.
#[derive(Debug, Default)]
pub(super) struct Site {
    pub pages: ErrorPages,
    /// Of `@name` locations, with their index.
    names: Vec<(Box<str>, usize)>,
    roots: Vec<Root>,
}

/// The directory of an internal location.
#[derive(Debug)]
struct Root {
    /// As it is written, and as it is without symbolic links: applications find themselves by either.
    spellings: Vec<Vec<u8>>,
    /// What a request adds to it.
    below: Option<Template>,
    location: usize,
}

/// A path on disk, as a location with files sees it.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Inside {
    pub location: usize,
    /// Below the location's directory, with a slash in front.
    pub path: Vec<u8>,
}

impl Site {
    pub fn new(pages: ErrorPages, locations: &[model::Location]) -> Self {
        let numbered = || locations.iter().enumerate();
        let name =
            |(index, location): (usize, &model::Location)| Some((location.pattern.named()?.into(), index));
        Self {
            pages,
            names: numbered().filter_map(name).collect(),
            roots: numbered().filter_map(|(index, location)| Root::of(location, index)).collect(),
        }
    }

    /// The location of that name.
    pub fn named(&self, name: &str) -> Option<usize> {
        self.names.iter().find(|(known, _)| **known == *name).map(|(_, index)| *index)
    }

    /// The internal location whose directory is nearest above a path on disk.
    pub fn inside(&self, path: &[u8], request: &Request) -> Option<Inside> {
        let found = self.roots.iter().flat_map(|root| {
            let rests = root.spellings.iter().filter_map(|spelling| root.rest(spelling, path, request));
            rests.map(|rest| Inside { location: root.location, path: rest })
        });
        // Of those as near the first: what is left is shortest, and the last of the greatest would count.
        found.min_by_key(|inside| inside.path.len())
    }
}

impl Root {
    /// `None` for what is no directory that files are sent from by their path on disk: an exact location
    /// is about one file.
    fn of(location: &model::Location, index: usize) -> Option<Self> {
        let Action::Files(files) = &location.action else { return None };
        let exact = matches!(location.pattern, LocationPattern::Exact(_)) && !files.keep_prefix;
        if !location.internal || exact {
            return None;
        }
        let spellings = spellings(&files.directory.base);
        Some(Self { spellings, below: files.directory.below.clone(), location: index })
    }

    /// What of the path stands behind this directory.
    fn rest(&self, spelling: &[u8], path: &[u8], request: &Request) -> Option<Vec<u8>> {
        let mut rest = path.strip_prefix(spelling)?;
        if let Some(below) = &self.below {
            let below = plain_path(&[b"/", &below.render(request)[..]].concat()).ok()?;
            rest = rest.strip_prefix(&below[..])?;
        }
        // Whole segments only: `/srv/media` is not above `/srv/media2/a`.
        rest.starts_with(b"/").then(|| rest.to_vec())
    }
}

fn spellings(directory: &Path) -> Vec<Vec<u8>> {
    let plain = |path: &Path| plain_path(path.as_os_str().as_bytes()).ok();
    let mut spellings: Vec<_> = plain(directory).into_iter().collect();
    // One that is not there yet has one spelling.
    if let Some(real) = std::fs::canonicalize(directory).ok().and_then(|real| plain(&real))
        && !spellings.contains(&real)
    {
        spellings.push(real);
    }
    spellings
}
