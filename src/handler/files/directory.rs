//! The directory of a location: files by their path below it, hot ones without asking the kernel.

use std::cell::RefCell;
use std::fs::File;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::time::Instant;

use bytes::Bytes;

use super::answer::Found;
use super::hot::{HotFiles, LARGEST, Space, TRUSTED};
use super::open::{Base, Entry, Symlinks};
use super::representation::Representation;
use super::state::State;
use crate::http::Fault;

#[derive(Debug)]
pub struct Directory {
    path: PathBuf,
    symlinks: Symlinks,
    hot: Rc<HotFiles>,
    space: Space,
    base: RefCell<Option<(Rc<Base>, Instant)>>,
}

impl Directory {
    pub fn new(path: PathBuf, symlinks: Symlinks, hot: Rc<HotFiles>) -> Self {
        let space = hot.space(&path, symlinks);
        Self { path, symlinks, hot, space, base: RefCell::default() }
    }

    pub fn path(&self) -> &Path {
        &self.path
    }

    pub fn file(&self, path: &[u8], now: Instant) -> Result<Found, Fault> {
        if let Some(file) = self.hot.fresh(self.space, path, now) {
            return Ok(Found::File(file));
        }
        let found = self.look(path, now);
        if !matches!(found, Ok(Found::File(_))) {
            self.hot.forget(self.space, path);
        }
        found
    }

    pub fn has_directory(&self, path: &[u8], now: Instant) -> Result<bool, Fault> {
        self.base(now)?.0.has_directory(path, self.symlinks).map_err(|fault| self.named(fault))
    }

    /// A path below the directory says little to who reads the log.
    fn named(&self, mut fault: Fault) -> Fault {
        fault.detail = format!("{}/{}", self.path.display(), fault.detail);
        fault
    }

    fn look(&self, path: &[u8], now: Instant) -> Result<Found, Fault> {
        // What is found is as old as the directory's own descriptor: a deployment that swaps the
        // directory must not stay hidden for one second behind the other.
        let (base, checked) = self.base(now)?;
        match base.entry(path, self.symlinks).map_err(|fault| self.named(fault))? {
            Entry::Missing => Ok(Found::Missing),
            Entry::Directory => Ok(Found::Directory),
            Entry::File(file, state) => Ok(Found::File(self.take(path, file, state, checked))),
        }
    }

    fn take(&self, path: &[u8], file: File, state: State, checked: Instant) -> Rc<Representation> {
        if let Some(known) = self.hot.renew(self.space, path, state, checked) {
            return known;
        }
        if let Some(bytes) = read_settled(&file, &state) {
            let file = Rc::new(Representation::in_memory(path, bytes, &state));
            self.hot.keep(self.space, path, state, checked, Rc::clone(&file));
            return file;
        }
        self.hot.forget(self.space, path);
        Rc::new(Representation::on_disk(path, file, &state))
    }

    /// The directory itself, opened again after a second: deployments swap it by a symbolic link.
    fn base(&self, now: Instant) -> Result<(Rc<Base>, Instant), Fault> {
        let mut cached = self.base.borrow_mut();
        if let Some((base, opened)) = &*cached
            && now.saturating_duration_since(*opened) < TRUSTED
        {
            return Ok((Rc::clone(base), *opened));
        }
        *cached = None;
        let base = Rc::new(Base::open(&self.path)?);
        *cached = Some((Rc::clone(&base), now));
        Ok((base, now))
    }
}

/// All of a small file, if it holds still: it was not written just now, and after reading it is in the
/// state it was in before. So what is kept is one version, never a mix of two.
fn read_settled(file: &File, state: &State) -> Option<Bytes> {
    if state.length > LARGEST || !state.is_settled() {
        return None;
    }
    let bytes = read(file, usize::try_from(state.length).ok()?)?;
    let after = file.metadata().ok()?;
    (State::from(&after) == *state).then_some(bytes)
}

/// Exactly `length` bytes, up to the end of the file.
fn read(file: &File, length: usize) -> Option<Bytes> {
    let mut buffer = vec![0; length];
    file.read_exact_at(&mut buffer, 0).ok()?;
    Some(Bytes::from(buffer))
}
