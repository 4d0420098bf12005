//! The files of one location as they are answered with: kept ones, and new ones.

use std::borrow::Cow;
use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::PathBuf;
use std::rc::Rc;
use std::time::Instant;

use bytes::Bytes;

use super::answer::Found;
use super::description::Description;
use super::directory::{Directory, Seen, Sight, Wanted};
use super::hot::{HotFiles, LARGEST, Space};
use super::open::Place;
use super::representation::{Content, Representation};
use super::state::State;
use crate::coding::Coding;
use crate::http::{Cause, Fault, Sight as Noted, Step, Witness};

#[derive(Debug)]
pub struct Catalog {
    pub directory: Directory,
    pub(super) description: Description,
    /// Codings whose twins are looked for, the preferred one first.
    pub(super) precompressed: Vec<Coding>,
    pub(super) hot: Rc<HotFiles>,
    plain: Space,
    pub(super) twins: [Space; Coding::ALL.len()],
    pub(super) compressed: [Space; Coding::ALL.len()],
    witness: Witness,
}

impl Catalog {
    pub fn new(
        directory: Directory,
        description: Description,
        precompressed: Vec<Coding>,
        hot: Rc<HotFiles>,
        witness: Witness,
    ) -> Self {
        let plain = hot.space();
        let [twins, compressed] = [(); 2].map(|()| [(); Coding::ALL.len()].map(|()| hot.space()));
        Self { directory, description, precompressed, hot, plain, twins, compressed, witness }
    }

    pub async fn file(&self, place: Place<'_>, now: Instant) -> Result<Found, Fault> {
        let key = key(place);
        if let Some(file) = self.hot.fresh(self.plain, &key, now).filter(|file| file.holds_still()) {
            return Ok(Found::File(file));
        }
        // Boxed, so that a request for a hot file carries no room for it.
        let made = |content, state| Representation::plain(place.path, content, state, &self.description);
        let found = Box::pin(self.look(place, &key, self.plain, now, made)).await;
        if !matches!(found, Ok(Found::File(_))) {
            self.hot.forget(self.plain, &key);
        }
        found
    }

    /// Looks at a file, and keeps what `made` makes of it.
    pub(super) async fn look(
        &self,
        place: Place<'_>,
        key: &[u8],
        space: Space,
        now: Instant,
        made: impl Fn(Content, State) -> Representation,
    ) -> Result<Found, Fault> {
        let mut known = self.hot.known(space, key);
        loop {
            let wanted = Wanted { known, content: LARGEST };
            let Sight { seen, checked, is_local } = self.directory.look(place, wanted, now).await?;
            let (file, state, content) = match seen {
                Seen::Missing => return Ok(Found::Missing),
                Seen::Directory => return Ok(Found::Directory),
                Seen::Same(state) => {
                    if let Some(file) = self.hot.renew(space, key, state, checked) {
                        return Ok(Found::File(file));
                    }
                    // It made room for another meanwhile.
                    known = None;
                    continue;
                }
                Seen::File(file, state, content) => (file, state, content),
            };
            let content = content.map_or_else(|| file.into(), Content::Memory);
            let file = Rc::new(made(content, state));
            if state.is_settled() && (is_local || !file.is_open()) {
                self.hot.keep(space, key, checked, Rc::clone(&file));
            } else {
                self.hot.forget(space, key);
            }
            return Ok(Found::File(file));
        }
    }
}

impl Catalog {
    /// Has it noted what was found at a place.
    pub fn noted(&self, place: Place<'_>, found: Result<Found, Fault>) -> Result<Found, Fault> {
        self.note(place, || match &found {
            Ok(Found::File(_)) => Noted::File,
            Ok(Found::Directory | Found::NoIndex(_)) => Noted::Directory,
            Ok(Found::Missing) => Noted::Missing,
            Err(fault) if fault.cause == Cause::NotFound => Noted::Missing,
            Err(_) => Noted::Refused,
        });
        found
    }

    pub fn note(&self, place: Place<'_>, found: impl FnOnce() -> Noted) {
        self.witness.note(|| Step::Look { path: self.path(place), found: found() });
    }

    pub fn note_twin(&self, place: Place<'_>) {
        self.witness.note(|| Step::Twin(self.path(place)));
    }

    pub fn note_candidate(&self, path: &Bytes) {
        self.witness.note(|| Step::Candidate(path.clone()));
    }

    fn path(&self, place: Place<'_>) -> PathBuf {
        let parts = [place.below, place.path].into_iter().filter(|part| !part.is_empty());
        parts.fold(self.directory.path().to_owned(), |path, part| path.join(OsStr::from_bytes(part)))
    }
}

/// What a file is kept under. Neither part of a place has a NUL.
pub(super) fn key(place: Place<'_>) -> Cow<'_, [u8]> {
    match place.below {
        b"" => Cow::Borrowed(place.path),
        below => Cow::Owned([below, b"\0", place.path].concat()),
    }
}
