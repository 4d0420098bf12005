//! What `try` says, nginx's `try_files`: files in order, then what happens when none exists.

use ::http::StatusCode;

use super::Template;

#[derive(Clone, Debug)]
pub struct Try {
    pub candidates: Vec<Candidate>,
    pub last: Fallback,
}

impl Try {
    /// Whether the last is one page for every path, as single-page applications have it.
    pub fn ends_in_page(&self) -> bool {
        let Fallback::Path(path) = &self.last else { return false };
        path.as_literal().is_some_and(|path| {
            let path = path.split('?').next().unwrap_or_default();
            [".html", ".htm"].iter().any(|extension| path.ends_with(extension))
        })
    }
}

/// A path to look for below the directory. With the location's prefix in front, as in `$uri`, the prefix
/// is stripped as it is from a request's path.
#[derive(Clone, Debug)]
pub struct Candidate {
    pub path: Template,
    /// Written with a closing slash: it must be a directory, and its index answers.
    pub directory: bool,
}

#[derive(Clone, Debug)]
pub enum Fallback {
    /// `"@name"`, an index into the site's locations.
    Location(usize),
    /// A path that is matched anew, as an internal redirect.
    Path(Template),
    /// `"=404"`
    Status(StatusCode),
}
