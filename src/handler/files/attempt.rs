//! `try`, nginx's `try_files`: the first file that is there answers, and what happens when none is.

use ::http::HeaderValue;
use ::http::header::CACHE_CONTROL;

use super::answer::{Found, allow};
use super::open::Place;
use super::resolve::Relative;
use super::{Files, Outcome};
use crate::http::{Candidate, Cause, Fallback, Fault, Request, Sight, Try, is_navigation};

impl Files {
    /// Only a file that is there restricts the methods: a POST may well be meant for the fallback. Where the
    /// request names no directory there is none of the files.
    pub(super) async fn attempt(
        &self,
        attempts: &Try,
        request: Box<Request>,
        below: Option<&[u8]>,
    ) -> Result<Outcome, Fault> {
        let Some(below) = below else { return self.fall_back(attempts, request) };
        for candidate in &attempts.candidates {
            if let Some(found) = self.candidate(candidate, &request, below).await? {
                allow(&request.method)?;
                return self.answer(&request, below, found).await.map(Outcome::Response);
            }
        }
        self.fall_back(attempts, request)
    }

    fn fall_back(&self, attempts: &Try, request: Box<Request>) -> Result<Outcome, Fault> {
        Ok(match &attempts.last {
            Fallback::Location(index) => Outcome::Location(request, *index),
            Fallback::Path(_) if attempts.ends_in_page() && !is_page_wanted(&request) => {
                return Err(self.missing_asset(&request));
            }
            Fallback::Path(path) => {
                let path = path.render(&*request);
                Outcome::Path(request, path)
            }
            Fallback::Status(status) => Outcome::Status(*status),
        })
    }

    /// A script or picture that a page of an earlier release asks for is not there any more: the page of
    /// another would make it fail in stranger ways, and be kept by caches under that name.
    fn missing_asset(&self, request: &Request) -> Fault {
        self.missing(request).with_header(CACHE_CONTROL, HeaderValue::from_static("no-store"))
    }

    /// What a candidate leads to; `None` goes on to the next. A file that is there but may not be read
    /// ends the search: falling through would hide the wrong permissions behind the application's 404.
    async fn candidate(
        &self,
        candidate: &Candidate,
        request: &Request,
        below: &[u8],
    ) -> Result<Option<Found>, Fault> {
        let rendered = candidate.path.render(request);
        self.catalog.note_candidate(&rendered);
        let prefix = request.target.path.get(..request.matched).unwrap_or_default();
        let found = if candidate.directory {
            self.candidate_directory(&rendered, prefix, request, below).await
        } else {
            self.candidate_file(&rendered, prefix, request, below).await
        };
        match found {
            // The whole directory is missing, perhaps not built yet: as in nginx, the application answers.
            Err(fault) if fault.cause == Cause::NotFound => Ok(None),
            found => found,
        }
    }

    async fn candidate_file(
        &self,
        path: &[u8],
        prefix: &[u8],
        request: &Request,
        below: &[u8],
    ) -> Result<Option<Found>, Fault> {
        match Relative::candidate(path, prefix, self.strip) {
            Some(relative) if !relative.slash => {
                let place = Place { below, path: &relative.path };
                let found = self.catalog.noted(place, self.catalog.file(place, request.read).await)?;
                Ok(Some(found).filter(|found| matches!(found, Found::File(_))))
            }
            _ => Ok(None),
        }
    }

    /// As in nginx a directory that is there ends the search, whether it has an index or not.
    async fn candidate_directory(
        &self,
        path: &[u8],
        prefix: &[u8],
        request: &Request,
        below: &[u8],
    ) -> Result<Option<Found>, Fault> {
        // Whether the template was kept with its closing slash or not, there is one now.
        let bare = path.strip_suffix(b"/").unwrap_or(path);
        let bare = bare.strip_suffix(b"/").unwrap_or(bare);
        let path = [bare, b"/"].concat();
        let Some(relative) = Relative::candidate(&path, prefix, self.strip) else { return Ok(None) };
        let place = Place { below, path: &relative.path };
        if !self.catalog.directory.has_directory(place, request.read).await? {
            self.catalog.note(place, || Sight::Missing);
            return Ok(None);
        }
        // The links in its index are relative to it, so the client has to see its closing slash.
        if *bare == *request.target.path {
            return Ok(Some(Found::Directory));
        }
        self.index(below, &relative, request.read).await.map(Some)
    }
}

fn is_page_wanted(request: &Request) -> bool {
    is_navigation(&request.method, &request.headers, &request.target.path)
}
