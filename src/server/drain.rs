//! Which connections there are, and the way to ask them to end.

use std::cell::{Cell, RefCell};
use std::collections::{BTreeMap, HashMap};
use std::rc::{Rc, Weak};
use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::sync::Notify;

use super::io::Io;
use super::room::{Place, Room};
use crate::observe::Shard;

/// How connections are to end.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Ending {
    #[default]
    No,
    AfterNext,
    Now,
}

/// All connections of one event loop.
pub(super) struct Connections {
    counts: Arc<Shard>,
    room: Arc<Room>,
    ending: Cell<Ending>,
    /// Accept loops: what they find in their queues when they end is served as well.
    accepting: Cell<usize>,
    next: Cell<u64>,
    open: RefCell<HashMap<u64, Weak<Io>>>,
    /// Those that agree on keys still, the oldest first.
    arriving: RefCell<BTreeMap<u64, Rc<Notify>>>,
    empty: Notify,
    /// When none was idle.
    none_idle: Cell<Option<Instant>>,
}

/// So many idle connections are ended at a time at most, and at least one in so many of them.
const ENDED: usize = 32;
/// Looking for idle connections takes time: not before so long when there was none.
const LOOK_AGAIN: Duration = Duration::from_millis(50);

impl Connections {
    pub fn new(counts: Arc<Shard>, room: Arc<Room>) -> Self {
        Self {
            counts,
            room,
            none_idle: Cell::default(),
            ending: Cell::default(),
            accepting: Cell::default(),
            next: Cell::default(),
            open: RefCell::default(),
            arriving: RefCell::default(),
            empty: Notify::new(),
        }
    }

    /// Counts a connection in until the guard is dropped.
    pub fn enter(self: &Rc<Self>, io: &Rc<Io>, place: Place) -> Guard {
        let id = self.next.get();
        self.next.set(id + 1);
        self.open.borrow_mut().insert(id, Rc::downgrade(io));
        self.counts.connected();
        Guard { id, connections: Rc::clone(self), _place: place }
    }

    pub fn room(&self) -> &Arc<Room> {
        &self.room
    }

    pub fn counts(&self) -> &Shard {
        &self.counts
    }

    /// Has some of those end that wait for a request, `most` of them: who has waited longest. How many there are.
    pub fn end_idle(&self, most: usize) -> usize {
        if self.none_idle.get().is_some_and(|at| at.elapsed() < LOOK_AGAIN) {
            return 0;
        }
        let arriving = self.end_arriving(most);
        let most = most - arriving;
        let open = self.open.borrow();
        let all = open.values().filter_map(Weak::upgrade);
        let mut idle: Vec<_> = all.filter_map(|io| Some((io.idle_since()?, io))).collect();
        self.none_idle.set(idle.is_empty().then(Instant::now));
        let count = idle.len().div_ceil(ENDED).min(ENDED).min(most);
        if let Some(last) = count.checked_sub(1) {
            idle.select_nth_unstable_by_key(last, |(since, _)| *since);
        }
        idle.iter().take(count).for_each(|(_, io)| io.give_way());
        self.room.asked(count);
        arriving + count
    }

    /// Has some of those end that have not come in yet, `most` of them, the oldest first: whoever says nothing
    /// takes a place as well. How many there are.
    fn end_arriving(&self, most: usize) -> usize {
        let mut arriving = self.arriving.borrow_mut();
        let count = arriving.len().div_ceil(ENDED).min(ENDED).min(most);
        for _ in 0..count {
            if let Some((_, end)) = arriving.pop_first() {
                end.notify_one();
            }
        }
        self.room.asked(count);
        count
    }

    /// Counts a connection in that agrees on keys, until the guard is dropped.
    pub fn arrive(self: &Rc<Self>) -> Arriving {
        let id = self.next.get();
        self.next.set(id + 1);
        let end = Rc::new(Notify::new());
        self.arriving.borrow_mut().insert(id, Rc::clone(&end));
        Arriving { id, end, counted: self.accept() }
    }

    /// Counts an accept loop in until the guard is dropped.
    pub fn accept(self: &Rc<Self>) -> Accepting {
        self.accepting.set(self.accepting.get() + 1);
        Accepting(Rc::clone(self))
    }

    /// Whether every answer is to be the last of its connection.
    pub fn is_draining(&self) -> bool {
        self.ending.get() != Ending::No
    }

    /// Whether connections end that wait for a request.
    pub fn ends_idle(&self) -> bool {
        self.ending.get() == Ending::Now
    }

    /// Connections end with the next answer, or once they have been idle for as long as they may: their
    /// clients may just be sending.
    pub fn drain_gently(&self) {
        self.ending.set(Ending::AfterNext);
    }

    /// Idle connections end now, busy ones with the answer they are at.
    pub fn drain(&self) {
        self.ending.set(Ending::Now);
        for (_, end) in std::mem::take(&mut *self.arriving.borrow_mut()) {
            end.notify_one();
        }
        for io in self.open.borrow().values().filter_map(Weak::upgrade) {
            io.wake_if_idle();
        }
    }

    /// Ready when the last connection is gone, and nobody accepts any.
    pub async fn ended(&self) {
        while !self.is_empty() {
            self.empty.notified().await;
        }
    }

    fn is_empty(&self) -> bool {
        self.accepting.get() == 0 && self.open.borrow().is_empty()
    }

    fn tell_if_empty(&self) {
        if self.is_empty() {
            self.empty.notify_one();
        }
    }
}

/// The entry of a connection that agrees on keys.
pub(super) struct Arriving {
    id: u64,
    end: Rc<Notify>,
    counted: Accepting,
}

impl Arriving {
    /// Ready when its place is wanted by others, or nobody is to come in any more.
    pub async fn is_unwanted(&self) {
        self.end.notified().await;
    }
}

impl Drop for Arriving {
    fn drop(&mut self) {
        let connections = &self.counted.0;
        let was_asked = connections.arriving.borrow_mut().remove(&self.id).is_none();
        if was_asked && connections.ending.get() != Ending::Now {
            connections.room.left();
        }
    }
}

/// One accept loop's entry.
pub(super) struct Accepting(Rc<Connections>);

impl Drop for Accepting {
    fn drop(&mut self) {
        self.0.accepting.set(self.0.accepting.get() - 1);
        self.0.tell_if_empty();
    }
}

/// One connection's entry.
pub(super) struct Guard {
    id: u64,
    connections: Rc<Connections>,
    _place: Place,
}

impl Drop for Guard {
    fn drop(&mut self) {
        self.connections.open.borrow_mut().remove(&self.id);
        self.connections.counts.disconnected();
        self.connections.tell_if_empty();
    }
}
