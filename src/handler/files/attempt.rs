//! `try`, nginx's `try_files`: the first file that is there answers, and what happens when none is.

use super::answer::{Found, allow};
use super::resolve::Relative;
use super::{Files, Outcome};
use crate::http::{Candidate, Cause, Fallback, Fault, Request, Try};

impl Files {
    /// Only a file that is there restricts the methods: a POST may well be meant for the fallback.
    pub(super) fn attempt(
        &self,
        attempts: &Try,
        request: Box<Request>,
        matched: usize,
    ) -> Result<Outcome, Fault> {
        for candidate in &attempts.candidates {
            if let Some(found) = self.candidate(candidate, &request, matched)? {
                allow(&request.method)?;
                return self.answer(&request, &found).map(Outcome::Response);
            }
        }
        Ok(match &attempts.last {
            Fallback::Location(index) => Outcome::Location(request, *index),
            Fallback::Path(path) => {
                let path = path.render(&*request);
                Outcome::Path(request, path)
            }
            Fallback::Status(status) => Outcome::Status(*status),
        })
    }

    /// What a candidate leads to; `None` goes on to the next. A file that is there but may not be read
    /// ends the search: falling through would hide the wrong permissions behind the application's 404.
    fn candidate(
        &self,
        candidate: &Candidate,
        request: &Request,
        matched: usize,
    ) -> Result<Option<Found>, Fault> {
        let rendered = candidate.path.render(request);
        let prefix = request.target.path.get(..matched).unwrap_or_default();
        let found = if candidate.directory {
            self.candidate_directory(&rendered, prefix, request)
        } else {
            self.candidate_file(&rendered, prefix, request)
        };
        match found {
            // The whole directory is missing, perhaps not built yet: as in nginx, the application answers.
            Err(fault) if fault.cause == Cause::NotFound => Ok(None),
            found => found,
        }
    }

    fn candidate_file(&self, path: &[u8], prefix: &[u8], request: &Request) -> Result<Option<Found>, Fault> {
        match Relative::candidate(path, prefix, self.strip) {
            Some(relative) if !relative.slash => {
                let found = self.directory.file(&relative.path, request.read)?;
                Ok(Some(found).filter(|found| matches!(found, Found::File(_))))
            }
            _ => Ok(None),
        }
    }

    /// As in nginx a directory that is there ends the search, whether it has an index or not.
    fn candidate_directory(
        &self,
        path: &[u8],
        prefix: &[u8],
        request: &Request,
    ) -> Result<Option<Found>, Fault> {
        // Whether the template was kept with its closing slash or not, there is one now.
        let bare = path.strip_suffix(b"/").unwrap_or(path);
        let bare = bare.strip_suffix(b"/").unwrap_or(bare);
        let path = [bare, b"/"].concat();
        let Some(relative) = Relative::candidate(&path, prefix, self.strip) else { return Ok(None) };
        if !self.directory.has_directory(&relative.path, request.read)? {
            return Ok(None);
        }
        // The links in its index are relative to it, so the client has to see its closing slash.
        if *bare == *request.target.path {
            return Ok(Some(Found::Directory));
        }
        self.index(&relative, request.read).map(Some)
    }
}
