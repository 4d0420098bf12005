//! Files that are asked for often, kept open, and small ones in memory: bounded, and looked at again once a
//! second.

use std::cell::RefCell;
use std::collections::HashMap;
use std::rc::Rc;
use std::time::{Duration, Instant};

use super::representation::Representation;
use super::state::State;

/// Larger files go by `sendfile(2)`.
pub const LARGEST: u64 = 64 * 1024;

/// How long an open file is kept that nobody asks for: it may have been removed, and takes its space on
/// disk until it is closed.
const IDLE: Duration = Duration::from_secs(60);

/// How long a file is answered for without looking at it again, counted back from the first byte of a
/// request: what changed earlier than that is seen.
pub const TRUSTED: Duration = Duration::from_secs(1);

/// What an entry takes besides its body, roughly: headers, key, slot.
const OVERHEAD: usize = 1024;

/// How much may be kept.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    pub entries: usize,
    /// Of content in memory.
    pub bytes: usize,
    /// Of files kept open.
    pub open: usize,
}

impl Default for Limits {
    /// For each event loop.
    fn default() -> Self {
        Self { entries: 4096, bytes: 32 * 1024 * 1024, open: 512 }
    }
}

/// The paths of one location. What one location may read by a path, another may not.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Space(usize);

/// The files kept by one event loop, for all its locations.
#[derive(Debug, Default)]
pub struct HotFiles(RefCell<Cache>);

impl HotFiles {
    pub fn new(limits: Limits) -> Self {
        Self(RefCell::new(Cache { limits, ..Cache::default() }))
    }

    pub fn space(&self) -> Space {
        let mut cache = self.0.borrow_mut();
        cache.spaces.push(HashMap::new());
        Space(cache.spaces.len() - 1)
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

    /// What was made of a file in that state, whenever that was.
    pub fn of_state(&self, space: Space, path: &[u8], state: State) -> Option<Rc<Representation>> {
        let mut cache = self.0.borrow_mut();
        let kept = cache.find(space, path).filter(|kept| kept.file.state == state)?;
        kept.wanted = true;
        Some(Rc::clone(&kept.file))
    }

    /// What was known of a file when it was last looked at.
    pub fn known(&self, space: Space, path: &[u8]) -> Option<State> {
        Some(self.0.borrow_mut().find(space, path)?.file.state)
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
        if kept.file.state != state {
            return None;
        }
        kept.checked = kept.checked.max(checked);
        kept.wanted = true;
        Some(Rc::clone(&kept.file))
    }

    pub fn keep(&self, space: Space, path: &[u8], checked: Instant, file: Rc<Representation>) {
        let mut cache = self.0.borrow_mut();
        cache.forget(space, path);
        cache.insert(Kept { space, path: path.into(), checked, file, wanted: false });
    }

    /// The path leads to something else now, or to nothing.
    pub fn forget(&self, space: Space, path: &[u8]) {
        self.0.borrow_mut().forget(space, path);
    }

    /// Closes the files that nobody has asked for lately.
    pub fn close_idle(&self, now: Instant) {
        let mut cache = self.0.borrow_mut();
        for slot in 0..cache.slots.len() {
            let idle =
                |kept: &Kept| kept.file.is_open() && now.saturating_duration_since(kept.checked) >= IDLE;
            if cache.slots.get(slot).and_then(Option::as_ref).is_some_and(idle) {
                cache.clear(slot);
            }
        }
    }
}

#[derive(Debug, Default)]
struct Cache {
    limits: Limits,
    /// The slot of each path, by space.
    spaces: Vec<HashMap<Box<[u8]>, usize>>,
    /// A clock: the hand goes round, spares what was wanted since its last visit, and evicts the rest.
    slots: Vec<Option<Kept>>,
    free: Vec<usize>,
    hand: usize,
    bytes: usize,
    open: usize,
}

#[derive(Debug)]
struct Kept {
    space: Space,
    path: Box<[u8]>,
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
        let slot = *self.spaces.get(space.0)?.get(path)?;
        self.slots.get_mut(slot)?.as_mut()
    }

    fn insert(&mut self, kept: Kept) {
        let (cost, open) = (kept.cost(), usize::from(kept.file.is_open()));
        if self.limits.entries == 0 || cost > self.limits.bytes || open > self.limits.open {
            return;
        }
        while self.bytes.saturating_add(cost) > self.limits.bytes || self.len() >= self.limits.entries {
            self.evict(|_| true);
        }
        while self.open + open > self.limits.open {
            self.evict(|kept| kept.file.is_open());
        }
        let Some(paths) = self.spaces.get_mut(kept.space.0) else { return };
        let slot = self.free.pop().unwrap_or(self.slots.len());
        paths.insert(kept.path.clone(), slot);
        self.bytes = self.bytes.saturating_add(cost);
        self.open += open;
        match self.slots.get_mut(slot) {
            Some(empty) => *empty = Some(kept),
            None => self.slots.push(Some(kept)),
        }
    }

    fn len(&self) -> usize {
        self.slots.len() - self.free.len()
    }

    /// Moves the hand by one, and evicts what it finds there if it is meant, unless it was wanted.
    fn evict(&mut self, is_meant: impl Fn(&Kept) -> bool) {
        let at = self.hand;
        self.hand = if at + 1 < self.slots.len() { at + 1 } else { 0 };
        match self.slots.get_mut(at) {
            Some(Some(kept)) if !is_meant(kept) => {}
            Some(Some(kept)) if kept.wanted => kept.wanted = false,
            Some(Some(_)) => self.clear(at),
            _ => {}
        }
    }

    fn forget(&mut self, space: Space, path: &[u8]) {
        let slot = self.spaces.get(space.0).and_then(|paths| paths.get(path)).copied();
        if let Some(slot) = slot {
            self.clear(slot);
        }
    }

    fn clear(&mut self, slot: usize) {
        let Some(kept) = self.slots.get_mut(slot).and_then(Option::take) else { return };
        self.bytes = self.bytes.saturating_sub(kept.cost());
        self.open = self.open.saturating_sub(usize::from(kept.file.is_open()));
        self.free.push(slot);
        if let Some(paths) = self.spaces.get_mut(kept.space.0) {
            paths.remove(&kept.path);
        }
    }
}

#[cfg(test)]
mod tests;
