//! One event loop's way to the servers of one upstream.

use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use super::pool::Slot;
use super::{Connection, Endpoint, Pool, Settings, Upstream, connect};
use crate::http::{Cause, Fault, Side};

/// Chooses servers, and finds or makes connections to them.
#[derive(Debug)]
pub struct Dialer {
    upstream: Arc<Upstream>,
    /// Idle connections, by the index of their server.
    slots: Vec<Rc<Slot>>,
    pool: Rc<Pool>,
}

impl Dialer {
    pub fn new(upstream: Arc<Upstream>, pool: &Rc<Pool>) -> Self {
        let slots = upstream.servers.iter().map(|server| pool.slot(&server.endpoint)).collect();
        Self { upstream, slots, pool: Rc::clone(pool) }
    }

    pub fn upstream(&self) -> &Upstream {
        &self.upstream
    }

    /// A claim on the next server that is not `excluded`, for a request of this [`Upstream::key`].
    pub fn pick(self: &Rc<Self>, excluded: &[usize], key: &[u8]) -> Option<Lease> {
        let index = self.upstream.pick(excluded, key)?;
        let endpoint = Arc::clone(&self.upstream.servers.get(index)?.endpoint);
        let slot = Rc::clone(self.slots.get(index)?);
        endpoint.begin();
        Some(Lease { dialer: Rc::clone(self), endpoint, slot, index })
    }
}

/// One request's claim on one server, counted as in flight until it is dropped.
#[derive(Debug)]
pub struct Lease {
    dialer: Rc<Dialer>,
    endpoint: Arc<Endpoint>,
    slot: Rc<Slot>,
    index: usize,
}

impl Lease {
    /// The server's index within its upstream.
    pub fn index(&self) -> usize {
        self.index
    }

    pub fn label(&self) -> &str {
        self.endpoint.label()
    }

    pub fn shared_label(&self) -> Arc<str> {
        self.endpoint.shared_label()
    }

    pub fn settings(&self) -> &Settings {
        &self.dialer.upstream.settings
    }

    /// The idle connection used last, if one is still good; see [`Connection::is_quiet`].
    pub fn reuse(&self, repeated: bool) -> Option<Box<Connection>> {
        self.slot.take(repeated)
    }

    /// A new connection.
    pub async fn connect(&self) -> Result<Box<Connection>, Fault> {
        let resolver = self.dialer.pool.resolver();
        let connected = connect::connect(&self.endpoint, self.settings(), resolver).await;
        connected.map(Connection::new).inspect_err(|fault| self.failed(fault.cause))
    }

    /// An answer began so long after its request.
    pub(super) fn answered(&self, after: Duration) {
        self.endpoint.answered(after);
    }

    /// A request brought no answer. Not every cause speaks against the server: a full backlog is that
    /// of one that works, and a kept connection may be closed at any time.
    pub(super) fn failed(&self, cause: Cause) {
        let excused = matches!(cause, Cause::BacklogFull | Cause::ReusedConnectionClosed);
        if cause.side() == Side::Upstream && !excused {
            self.endpoint.failed();
        }
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        self.endpoint.end();
    }
}

/// A connection in use, with the claim it is used under.
#[derive(Debug)]
pub struct Line {
    pub connection: Box<Connection>,
    pub lease: Lease,
}

impl Line {
    /// Keeps the connection for the next request. The caller vouches for it that the exchange ended
    /// on an unambiguous boundary.
    pub fn give_back(self) {
        let Self { connection, lease } = self;
        lease.dialer.pool.put(&lease.slot, connection, lease.settings());
    }
}
