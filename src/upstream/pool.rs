//! Idle connections of one event loop.

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::rc::{Rc, Weak};
use std::sync::Arc;
use std::time::Duration;

use tokio::time::{Instant, sleep_until};

use super::protocol::Sessions;
use super::resolve::Resolver;
use super::{Connection, Endpoint, Settings, Transport};

/// The least time between two sweeps: expired connections are never handed out anyway, a sweep only
/// gives their descriptors back.
const SWEEP_PAUSE: Duration = Duration::from_millis(100);

/// Idle connections to every server, kept beyond the configuration that made them.
///
/// It lives in a `LocalRuntime` (or `LocalSet`), where one task closes what has been idle for too long.
#[derive(Debug, Default)]
pub struct Pool {
    slots: RefCell<Vec<Weak<Slot>>>,
    sweeping: Cell<bool>,
    resolver: Resolver,
}

impl Pool {
    pub fn new() -> Rc<Self> {
        Rc::default()
    }

    pub(super) fn resolver(&self) -> &Resolver {
        &self.resolver
    }

    /// Where connections to `endpoint` are kept that are made like that, for as long as anyone holds the slot.
    pub(super) fn slot(&self, endpoint: &Arc<Endpoint>, transport: &Transport) -> Rc<Slot> {
        let mut slots = self.slots.borrow_mut();
        slots.retain(|slot| slot.strong_count() > 0);
        let mut known = slots.iter().filter_map(Weak::upgrade);
        if let Some(slot) = known.find(|slot| slot.is_of(endpoint, transport)) {
            return slot;
        }
        let slot = Rc::new(Slot {
            endpoint: Arc::clone(endpoint),
            transport: transport.clone(),
            idle: RefCell::default(),
            sessions: Rc::default(),
        });
        slots.push(Rc::downgrade(&slot));
        slot
    }

    pub(super) fn put(self: &Rc<Self>, slot: &Slot, mut connection: Box<Connection>, settings: &Settings) {
        let Some(expires) = Instant::now().checked_add(settings.idle_timeout) else { return };
        if settings.idle == 0 || settings.idle_timeout.is_zero() {
            return;
        }
        connection.reused = true;
        connection.deadline.clear();
        let mut idle = slot.idle.borrow_mut();
        if idle.len() >= settings.idle {
            idle.pop_front();
        }
        idle.push_back(Idle { connection, expires });
        drop(idle);
        if !self.sweeping.replace(true) {
            tokio::task::spawn_local(sweep_until_empty(Rc::downgrade(self)));
        }
    }

    /// Closes what has expired; when the next connection will.
    fn sweep(&self) -> Option<Instant> {
        let now = Instant::now();
        let slots = self.slots.borrow();
        let live = slots.iter().filter_map(Weak::upgrade);
        live.filter_map(|slot| {
            let mut idle = slot.idle.borrow_mut();
            idle.retain(|entry| entry.expires > now);
            idle.iter().map(|entry| entry.expires).min()
        })
        .min()
        .map(|next| next.max(now + SWEEP_PAUSE))
    }
}

/// Holds the pool only while it sweeps, so that a sleeping task keeps no connection alive.
async fn sweep_until_empty(pool: Weak<Pool>) {
    while let Some(next) = pool.upgrade().and_then(|pool| {
        let next = pool.sweep();
        pool.sweeping.set(next.is_some());
        next
    }) {
        sleep_until(next).await;
    }
}

/// Idle connections to one server, the newest last.
#[derive(Debug)]
pub(super) struct Slot {
    endpoint: Arc<Endpoint>,
    /// A connection that was made otherwise has not proven the same of its server.
    transport: Transport,
    idle: RefCell<VecDeque<Idle>>,
    /// Those that requests share.
    pub(super) sessions: Rc<Sessions>,
}

#[derive(Debug)]
struct Idle {
    connection: Box<Connection>,
    expires: Instant,
}

impl Slot {
    /// The newest connection that is still open and silent, looked at more closely for a request that
    /// cannot be `repeated`; the others met are closed.
    pub(super) fn take(&self, repeated: bool) -> Option<Box<Connection>> {
        let mut idle = self.idle.borrow_mut();
        if idle.is_empty() {
            return None;
        }
        let now = Instant::now();
        loop {
            let newest = idle.pop_back()?;
            if newest.expires > now && newest.connection.is_quiet(repeated) {
                return Some(newest.connection);
            }
        }
    }

    pub(super) fn is_of(&self, endpoint: &Arc<Endpoint>, transport: &Transport) -> bool {
        Arc::ptr_eq(&self.endpoint, endpoint) && self.transport == *transport
    }

    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        self.idle.borrow().len()
    }
}

#[cfg(test)]
mod tests;
