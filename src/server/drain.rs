//! Which connections there are, and the way to ask them to end.

use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::rc::{Rc, Weak};
use std::sync::Arc;

use tokio::sync::Notify;

use super::io::Io;
use crate::observe::Shard;

/// All connections of one event loop.
pub(super) struct Connections {
    counts: Arc<Shard>,
    draining: Cell<bool>,
    next: Cell<u64>,
    open: RefCell<HashMap<u64, Weak<Io>>>,
    empty: Notify,
}

impl Connections {
    pub fn new(counts: Arc<Shard>) -> Self {
        Self {
            counts,
            draining: Cell::default(),
            next: Cell::default(),
            open: RefCell::default(),
            empty: Notify::new(),
        }
    }

    /// Counts a connection in until the guard is dropped.
    pub fn enter(self: &Rc<Self>, io: &Rc<Io>) -> Guard {
        let id = self.next.get();
        self.next.set(id + 1);
        self.open.borrow_mut().insert(id, Rc::downgrade(io));
        self.counts.connected();
        Guard { id, connections: Rc::clone(self) }
    }

    pub fn is_draining(&self) -> bool {
        self.draining.get()
    }

    /// Idle connections end now, busy ones with the answer they are at.
    pub fn drain(&self) {
        self.draining.set(true);
        for io in self.open.borrow().values().filter_map(Weak::upgrade) {
            io.wake_if_idle();
        }
    }

    /// Ready when the last connection is gone.
    pub async fn ended(&self) {
        while !self.open.borrow().is_empty() {
            self.empty.notified().await;
        }
    }
}

/// One connection's entry.
pub(super) struct Guard {
    id: u64,
    connections: Rc<Connections>,
}

impl Drop for Guard {
    fn drop(&mut self) {
        let mut open = self.connections.open.borrow_mut();
        open.remove(&self.id);
        self.connections.counts.disconnected();
        if open.is_empty() {
            self.connections.empty.notify_one();
        }
    }
}
