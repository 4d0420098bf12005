//! One event loop's way to the servers of one upstream.

use std::future::Future;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

use super::claim::Claim;
use super::pool::Slot;
use super::protocol::Channel;
use super::turn::{Turn, Wanted};
use super::{Connection, Endpoint, Pool, Settings, Transport, Upstream, connect};
use crate::http::Fault;
use crate::net::Stream;

/// Chooses servers, and finds or makes connections to them.
#[derive(Debug)]
pub struct Dialer {
    upstream: Arc<Upstream>,
    /// Idle connections, by the index of their server.
    slots: Vec<Rc<Slot>>,
    pool: Rc<Pool>,
}

/// What there is for a request at the moment.
#[derive(Debug)]
pub enum Picked {
    Server(Lease),
    /// All servers that it may have are at work on as many requests as they take.
    Busy,
    /// All have been tried.
    Nobody,
}

impl Dialer {
    pub fn new(upstream: Arc<Upstream>, pool: &Rc<Pool>) -> Self {
        let transport = &upstream.transport;
        let slots = upstream.servers.iter().map(|server| pool.slot(&server.endpoint, transport)).collect();
        Self { upstream, slots, pool: Rc::clone(pool) }
    }

    pub fn upstream(&self) -> &Upstream {
        &self.upstream
    }

    pub fn shared_upstream(&self) -> &Arc<Upstream> {
        &self.upstream
    }

    /// A server for a request that has just come: those who wait already go first.
    pub fn pick(self: &Rc<Self>, wanted: Wanted<'_>) -> Picked {
        if wanted.tried.is_empty() && self.upstream.queue.has_waiters() {
            return Picked::Busy;
        }
        match self.upstream.turn(wanted) {
            Turn::Server(claim) => self.lease(claim).map_or(Picked::Nobody, Picked::Server),
            Turn::Busy => Picked::Busy,
            Turn::Nobody => Picked::Nobody,
        }
    }

    /// Waits in the queue for a server that is busy now; `None` when it has none to spare until `deadline`.
    ///
    /// `since` is the request's rank: when it began to wait for the first time.
    pub async fn wait(
        self: &Rc<Self>,
        wanted: Wanted<'_>,
        since: Instant,
        deadline: Instant,
    ) -> Option<Lease> {
        let claim = self.upstream.wait(wanted, since, deadline).await?;
        self.lease(claim)
    }

    fn lease(self: &Rc<Self>, claim: Claim) -> Option<Lease> {
        let endpoint = Arc::clone(&claim.server()?.endpoint);
        // It may be one that has taken the place of the one known here.
        let transport = &self.upstream.transport;
        let known = self.slots.get(claim.index()).filter(|slot| slot.is_of(&endpoint, transport));
        let slot = known.map_or_else(|| self.pool.slot(&endpoint, transport), Rc::clone);
        Some(Lease { dialer: Rc::clone(self), endpoint, slot, claim })
    }
}

/// One request's claim on one server, counted as in flight until it is dropped.
#[derive(Debug)]
pub struct Lease {
    dialer: Rc<Dialer>,
    endpoint: Arc<Endpoint>,
    slot: Rc<Slot>,
    claim: Claim,
}

impl Lease {
    /// The server's index within its upstream.
    pub fn index(&self) -> usize {
        self.claim.index()
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

    /// Whether the server does so many requests at once and no more, so that its places are precious.
    pub fn is_limited(&self) -> bool {
        self.claim.server().is_some_and(|server| server.max_conns.is_some())
    }

    /// The idle connection used last, if one is still good, or room on one that is shared; see
    /// [`Connection::is_quiet`].
    pub fn reuse(&self, repeated: bool) -> Option<Channel> {
        if self.transport().http2 {
            return self.slot.sessions.share(repeated).map(Channel::Shared);
        }
        self.slot.take(repeated).map(Channel::Own)
    }

    /// A new connection, or room on one that is.
    pub async fn connect(&self) -> Result<Channel, Fault> {
        let connected = if self.transport().http2 {
            // Boxed, so that others carry no room for it.
            Box::pin(self.slot.sessions.connect(&self.shared_label(), self.settings(), || self.stream()))
                .await
                .map(Channel::Shared)
        } else {
            self.stream().await.map(|stream| Channel::Own(Connection::new(stream)))
        };
        connected.inspect_err(|fault| self.failed(fault))
    }

    pub(super) fn transport(&self) -> &Transport {
        &self.dialer.upstream.transport
    }

    fn stream(&self) -> impl Future<Output = Result<Stream, Fault>> + 'static {
        let (endpoint, settings) = (Arc::clone(&self.endpoint), *self.settings());
        let (transport, pool) = (self.transport().clone(), Rc::clone(&self.dialer.pool));
        async move {
            let connected = connect::connect(&endpoint, &settings, &transport, pool.resolver()).await;
            endpoint.note_connect(&connected);
            connected
        }
    }

    /// An answer began so long after its request.
    pub(super) fn answered(&self, after: Duration) {
        self.endpoint.answered(after);
        self.claim.answered();
    }

    /// A request brought no answer, or one that counts as none.
    pub(super) fn failed(&self, fault: &Fault) {
        self.claim.failed(fault);
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
