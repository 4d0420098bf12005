//! One named group of servers: which of them answers a request, and how it is reached.
//!
//! [`Upstream`] is shared by all event loops and holds what must be: addresses, counts and the [`queue`].
//! Each loop has its own [`Pool`] of idle connections and one [`Dialer`] per upstream, so that nothing on a
//! request's way is locked. A request holds a [`Lease`] on one server until its answer has ended. [`Watch`]
//! checks the servers, once for all loops.

mod balance;
mod budget;
mod claim;
mod connect;
mod connection;
mod diagnose;
mod dialer;
mod endpoint;
mod health;
mod judge;
mod latency;
mod moment;
mod pool;
mod preview;
mod progress;
mod protocol;
mod queue;
mod resolve;
mod settings;
mod standing;
mod status;
mod sticky;
#[cfg(test)]
pub mod testing;
mod transport;
mod turn;

use std::num::NonZeroUsize;
use std::sync::{Arc, OnceLock};

pub use balance::{Balance, Policy};
pub use connection::Connection;
pub use dialer::{Dialer, Lease, Line, Picked};
pub use endpoint::Endpoint;
pub use health::{Health, Question, Watch, ask};
pub use pool::Pool;
pub use protocol::{Answer, Channel, Demands, Failure, exchange};
pub use queue::Place;
pub use settings::{Conditions, Passive, QueueLimits, RetryRules, Settings};
pub use sticky::StickyCookie;
pub use transport::Transport;
pub use turn::Wanted;

use ::http::HeaderValue;
use bytes::Bytes;

use crate::http::{Request, Template};
use crate::net::UpstreamAddr;
use balance::dice::Dice;
use budget::Budget;
use queue::Queue;
use sticky::Bindings;

/// A group of servers that answer alike.
#[derive(Debug)]
pub struct Upstream {
    pub name: Box<str>,
    pub servers: Box<[Server]>,
    pub settings: Settings,
    pub transport: Transport,
    /// What the choice of a server depends on, if it is the request.
    key: Option<Template>,
    /// Where clients are bound to their servers.
    bindings: Option<Bindings>,
    /// Chooses among the servers that are no backups.
    first: Box<dyn Balance>,
    /// Chooses among the backups.
    backups: Box<dyn Balance>,
    queue: Arc<Queue>,
    budget: Arc<Budget>,
    dice: Dice,
    /// The same servers where they are found since, one for one.
    heir: OnceLock<Arc<Self>>,
}

/// One member of an upstream.
#[derive(Clone, Debug)]
pub struct Server {
    pub endpoint: Arc<Endpoint>,
    /// Its share of the requests, compared with the others'.
    pub weight: u32,
    /// Asked only when none of those can be that are no backups.
    pub backup: bool,
    /// How many requests it has at once, all event loops together; `None` is any number.
    pub max_conns: Option<NonZeroUsize>,
    /// Gets no new clients: only those bound to it by a cookie.
    pub drain: bool,
}

impl Upstream {
    pub fn new(
        name: &str,
        servers: impl IntoIterator<Item = Server>,
        policy: Policy,
        settings: Settings,
    ) -> Self {
        let servers: Box<[_]> = servers.into_iter().collect();
        let (backups, first): (Vec<_>, Vec<_>) =
            (0..servers.len()).partition(|&index| servers.get(index).is_some_and(|server| server.backup));
        let (first, backups) = (policy.among(&first, &servers), policy.among(&backups, &servers));
        let (key, bindings) = match policy {
            Policy::Hash(key) => (Some(key), None),
            Policy::Cookie(cookie) => (Some(cookie.variable().clone()), Some(cookie.bind(&servers))),
            _ => (None, None),
        };
        Self {
            name: name.into(),
            servers,
            settings,
            transport: Transport::default(),
            key,
            bindings,
            first,
            backups,
            queue: Arc::new(Queue::new()),
            budget: Arc::new(Budget::full()),
            dice: Dice::new(),
            heir: OnceLock::new(),
        }
    }

    /// Goes on where an upstream of another configuration stops: with its queue, and with what it has left
    /// for repetitions. Servers that both have are to be the same [`Endpoint`]s.
    #[must_use]
    pub fn succeeding(self, former: &Self) -> Self {
        Self { queue: Arc::clone(&former.queue), budget: Arc::clone(&former.budget), ..self }
    }

    /// Its servers are spoken to like that.
    #[must_use]
    pub fn over(self, transport: Transport) -> Self {
        Self { transport, ..self }
    }

    /// Leaves all choices to one with the same servers elsewhere: requests that have not got one yet are not
    /// to be sent where nobody will be.
    pub fn leave_to(&self, heir: &Arc<Self>) {
        // There is one successor, and it is told once.
        let _ = self.heir.set(Arc::clone(heir));
    }

    /// What is to be the same for requests that go to the same server; empty where all are alike.
    pub fn key(&self, request: &Request) -> Bytes {
        self.key.as_ref().map(|key| key.render(request)).unwrap_or_default()
    }

    /// The server that a client with this key is bound to.
    fn bound(&self, key: &[u8]) -> Option<usize> {
        self.bindings.as_ref().and_then(|bindings| bindings.index(key))
    }

    /// The cookie that binds a client to a server, unless its `key` does already.
    pub fn binding(&self, index: usize, key: &[u8], secure: bool) -> Option<HeaderValue> {
        let bindings = self.bindings.as_ref()?;
        if bindings.index(key) == Some(index) { None } else { bindings.set(index, secure) }
    }

    /// A place among those who wait; `None` when as many do as may.
    pub fn place(&self) -> Option<Place> {
        self.queue.place(self.settings.queue.size)
    }

    /// How many requests wait for a server.
    pub fn waiting(&self) -> usize {
        self.queue.len()
    }

    /// Whether there is anything left for requests to be sent again.
    pub fn may_repeat(&self) -> bool {
        self.budget.is_left()
    }

    /// Whether one of the requests that were sent may be sent again, which then counts.
    pub fn spend_repetition(&self) -> bool {
        self.budget.spend()
    }

    /// Every request earns its share of a repetition.
    pub fn earn_repetition(&self) {
        self.budget.earn(self.settings.retry.budget);
    }
}

impl Server {
    pub fn new(addr: UpstreamAddr) -> Self {
        let endpoint = Arc::new(Endpoint::new(addr));
        Self { endpoint, weight: 1, backup: false, max_conns: None, drain: false }
    }

    #[must_use]
    pub fn weighing(self, weight: u32) -> Self {
        Self { weight, ..self }
    }

    #[must_use]
    pub fn standing_by(self) -> Self {
        Self { backup: true, ..self }
    }

    #[must_use]
    pub fn draining(self) -> Self {
        Self { drain: true, ..self }
    }

    /// 0 is any number.
    #[must_use]
    pub fn with_at_most(self, requests: usize) -> Self {
        Self { max_conns: NonZeroUsize::new(requests), ..self }
    }
}
