//! Small files that are asked for often, kept in memory: bounded, and looked at again once a second.

use std::cell::RefCell;
use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::time::{Duration, Instant};

use super::open::Symlinks;
use super::representation::Representation;
use super::state::State;

/// Larger files go by `sendfile(2)`.
pub const LARGEST: u64 = 64 * 1024;

/// How long a file is answered for without looking at it again, counted back from the first byte of a
/// request: what changed earlier than that is seen.
pub const TRUSTED: Duration = Duration::from_secs(1);

/// What an entry takes besides its body, roughly: headers, key, slot.
const OVERHEAD: usize = 1024;

/// How much may be kept.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    pub entries: usize,
    pub bytes: usize,
}

impl Default for Limits {
    /// For each event loop.
    fn default() -> Self {
        Self { entries: 4096, bytes: 32 * 1024 * 1024 }
    }
}

/// A directory under one symlink policy: what one location may read by a path, another with the same
/// space may read as well.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Space(usize);

/// The files kept by one event loop, for all its locations.
#[derive(Debug, Default)]
pub struct HotFiles(RefCell<Cache>);

impl HotFiles {
    pub fn new(limits: Limits) -> Self {
        Self(RefCell::new(Cache { limits, ..Cache::default() }))
    }

    pub fn space(&self, directory: &Path, symlinks: Symlinks) -> Space {
        let mut cache = self.0.borrow_mut();
        let known =
            cache.spaces.iter().position(|space| space.symlinks == symlinks && space.directory == directory);
        Space(known.unwrap_or_else(|| {
            cache.spaces.push(Paths { directory: directory.to_owned(), symlinks, slots: HashMap::new() });
            cache.spaces.len() - 1
        }))
    }

    /// A file that was looked at no longer than `TRUSTED` before `now`.
    pub fn fresh(&self, space: Space, path: &[u8], now: Instant) -> Option<Rc<Representation>> {
        let mut cache = self.0.borrow_mut();
        let kept = cache.find(space, path)?;
        if now.saturating_duration_since(kept.checked) >= TRUSTED {
            return None;
        }
        kept.wanted = true;
        Some(Rc::clone(&kept.file))
    }

    /// The same file again after a look at `checked`, if it is still what it was.
    pub fn renew(
        &self,
        space: Space,
        path: &[u8],
        state: State,
        checked: Instant,
    ) -> Option<Rc<Representation>> {
        let mut cache = self.0.borrow_mut();
        let kept = cache.find(space, path)?;
        if kept.state != state {
            return None;
        }
        kept.checked = kept.checked.max(checked);
        kept.wanted = true;
        Some(Rc::clone(&kept.file))
    }

    pub fn keep(&self, space: Space, path: &[u8], state: State, checked: Instant, file: Rc<Representation>) {
        let mut cache = self.0.borrow_mut();
        cache.forget(space, path);
        cache.insert(Kept { space, path: path.into(), state, checked, file, wanted: false });
    }

    /// The path leads to something else now, or to nothing.
    pub fn forget(&self, space: Space, path: &[u8]) {
        self.0.borrow_mut().forget(space, path);
    }
}

#[derive(Debug, Default)]
struct Cache {
    limits: Limits,
    spaces: Vec<Paths>,
    /// A clock: the hand goes round, spares what was wanted since its last visit, and evicts the rest.
    slots: Vec<Option<Kept>>,
    free: Vec<usize>,
    hand: usize,
    bytes: usize,
}

#[derive(Debug)]
struct Paths {
    directory: PathBuf,
    symlinks: Symlinks,
    slots: HashMap<Box<[u8]>, usize>,
}

#[derive(Debug)]
struct Kept {
    space: Space,
    path: Box<[u8]>,
    state: State,
    checked: Instant,
    file: Rc<Representation>,
    wanted: bool,
}

impl Kept {
    fn cost(&self) -> usize {
        self.file.weight().saturating_add(self.path.len()).saturating_add(OVERHEAD)
    }
}

impl Cache {
    fn find(&mut self, space: Space, path: &[u8]) -> Option<&mut Kept> {
        let slot = *self.spaces.get(space.0)?.slots.get(path)?;
        self.slots.get_mut(slot)?.as_mut()
    }

    fn insert(&mut self, kept: Kept) {
        let cost = kept.cost();
        if self.limits.entries == 0 || cost > self.limits.bytes {
            return;
        }
        while self.bytes.saturating_add(cost) > self.limits.bytes || self.len() >= self.limits.entries {
            self.evict();
        }
        let Some(paths) = self.spaces.get_mut(kept.space.0) else { return };
        let slot = self.free.pop().unwrap_or(self.slots.len());
        paths.slots.insert(kept.path.clone(), slot);
        self.bytes = self.bytes.saturating_add(cost);
        match self.slots.get_mut(slot) {
            Some(empty) => *empty = Some(kept),
            None => self.slots.push(Some(kept)),
        }
    }

    fn len(&self) -> usize {
        self.slots.len() - self.free.len()
    }

    /// Moves the hand by one, and evicts what it finds there unless it was wanted.
    fn evict(&mut self) {
        let at = self.hand;
        self.hand = if at + 1 < self.slots.len() { at + 1 } else { 0 };
        match self.slots.get_mut(at) {
            Some(Some(kept)) if kept.wanted => kept.wanted = false,
            Some(Some(_)) => self.clear(at),
            _ => {}
        }
    }

    fn forget(&mut self, space: Space, path: &[u8]) {
        let slot = self.spaces.get(space.0).and_then(|paths| paths.slots.get(path)).copied();
        if let Some(slot) = slot {
            self.clear(slot);
        }
    }

    fn clear(&mut self, slot: usize) {
        let Some(kept) = self.slots.get_mut(slot).and_then(Option::take) else { return };
        self.bytes = self.bytes.saturating_sub(kept.cost());
        self.free.push(slot);
        if let Some(paths) = self.spaces.get_mut(kept.space.0) {
            paths.slots.remove(&kept.path);
        }
    }
}

#[cfg(test)]
mod tests;
