//! The directory of a location, looked into: at once as far as the kernel has it in memory, else on a
//! thread that may wait for the disk.

use std::cell::RefCell;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Instant;

use bytes::Bytes;

use super::base::Base;
use super::content;
use super::hot::TRUSTED;
use super::listing::{self, Listing};
use super::open::{Entry, Look, Place, Refusal, Symlinks};
use super::state::State;
use crate::http::{Cause, Fault};
use crate::net::Waiting;

/// How many looks of one location may wait at once.
const LOOKS_MAX: usize = 6;

#[derive(Debug)]
pub struct Directory {
    path: PathBuf,
    symlinks: Symlinks,
    base: RefCell<Option<(Arc<Base>, Instant)>>,
    waiting: Waiting,
}

/// What a path leads to.
#[derive(Debug)]
pub enum Seen {
    Missing,
    Directory,
    /// The file is as it was known.
    Same(State),
    File(File, State, Option<Bytes>),
}

/// What a look has shown.
#[derive(Debug)]
pub struct Sight {
    pub seen: Seen,
    /// As of when: that is as old as the directory's own descriptor, so that a deployment which swaps the
    /// directory does not stay hidden for one second behind the other.
    pub checked: Instant,
    /// Whether the disk is this machine's own, so that an open file can be asked for its state at any time.
    pub is_local: bool,
}

/// What is known of a file before it is looked at, and how much of it is wanted in memory.
#[derive(Clone, Copy, Debug)]
pub struct Wanted {
    pub known: Option<State>,
    /// Up to this size its content is read, if the file holds still meanwhile.
    pub content: u64,
}

impl Directory {
    pub fn new(path: PathBuf, symlinks: Symlinks) -> Self {
        Self { path, symlinks, base: RefCell::default(), waiting: Waiting::new(LOOKS_MAX) }
    }

    pub fn path(&self) -> &Path {
        &self.path
    }

    /// What lies at a place.
    pub async fn look(&self, place: Place<'_>, wanted: Wanted, now: Instant) -> Result<Sight, Fault> {
        let (base, checked) = self.base(now).await?;
        let (symlinks, is_local) = (self.symlinks, base.is_local());
        let seen = match see(&base, place, symlinks, wanted, Look::Cached) {
            Ok(None) => {
                self.waiting_for(place, move |place| see(&base, place, symlinks, wanted, Look::Disk)).await
            }
            decided => decided,
        };
        // A look that may wait always tells.
        let seen = seen.map_err(|refusal| self.named(&refusal))?.ok_or(Cause::Internal)?;
        Ok(Sight { seen, checked, is_local })
    }

    pub async fn has_directory(&self, place: Place<'_>, now: Instant) -> Result<bool, Fault> {
        let (base, _) = self.base(now).await?;
        let symlinks = self.symlinks;
        let found = match base.has_directory(place, symlinks, Look::Cached) {
            Ok(None) => {
                self.waiting_for(place, move |place| base.has_directory(place, symlinks, Look::Disk)).await
            }
            decided => decided,
        };
        Ok(found.map_err(|refusal| self.named(&refusal))?.unwrap_or_default())
    }

    /// What a directory holds that can be fetched.
    pub async fn list(
        &self,
        place: Place<'_>,
        wanted: listing::Wanted,
        now: Instant,
    ) -> Result<Listing, Fault> {
        let (base, _) = self.base(now).await?;
        let symlinks = self.symlinks;
        let work = move |place: Place<'_>| base.list(place, symlinks, &wanted);
        self.waiting_for(place, work).await.map_err(|refusal| self.named(&refusal))
    }

    /// Where those wait who need what lies here.
    pub fn waiting(&self) -> &Waiting {
        &self.waiting
    }

    /// Does on another thread what may wait.
    async fn waiting_for<T: Send + 'static>(
        &self,
        place: Place<'_>,
        look: impl FnOnce(Place<'_>) -> Result<T, Refusal> + Send + 'static,
    ) -> Result<T, Refusal> {
        let (below, path) = (place.below.to_vec(), place.path.to_vec());
        self.on_another_thread(move || look(Place { below: &below, path: &path })).await
    }

    async fn on_another_thread<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> Result<T, Refusal> + Send + 'static,
    ) -> Result<T, Refusal> {
        let done = self.waiting.run(work).await;
        done.map_err(|error| Refusal::new(Cause::Internal, error.to_string()))?
    }

    /// A path below the directory says little to who reads the log.
    fn named(&self, refusal: &Refusal) -> Fault {
        Fault::new(refusal.cause, format!("{}/{}", self.path.display(), refusal.detail))
    }

    /// The directory itself, opened again after a second: deployments swap it by a symbolic link.
    async fn base(&self, now: Instant) -> Result<(Arc<Base>, Instant), Fault> {
        let known = self.base.borrow().clone();
        let again = match known {
            Some((base, opened)) if now.saturating_duration_since(opened) < TRUSTED => {
                return Ok((base, opened));
            }
            Some((base, _)) => base.open_again(&self.path),
            None => None,
        };
        let opened = if let Some(opened) = again {
            opened
        } else {
            let path = self.path.clone();
            self.on_another_thread(move || Base::open(&path)).await
        };
        self.base.replace(None);
        let base = Arc::new(opened?);
        self.base.replace(Some((Arc::clone(&base), now)));
        Ok((base, now))
    }
}

/// `None` if a cached look cannot tell, or the content is not in memory.
fn see(
    base: &Base,
    place: Place<'_>,
    symlinks: Symlinks,
    wanted: Wanted,
    look: Look,
) -> Result<Option<Seen>, Refusal> {
    let Some(entry) = base.entry(place, symlinks, look)? else { return Ok(None) };
    let (file, state) = match entry {
        Entry::Missing => return Ok(Some(Seen::Missing)),
        Entry::Directory => return Ok(Some(Seen::Directory)),
        Entry::File(_, state) if wanted.known == Some(state) => return Ok(Some(Seen::Same(state))),
        Entry::File(file, state) => (file, state),
    };
    if state.length > wanted.content {
        return Ok(Some(Seen::File(file, state, None)));
    }
    let content = content::read(&file, &state, look);
    let is_undecided = content.is_none() && look == Look::Cached;
    Ok((!is_undecided).then_some(Seen::File(file, state, content)))
}
