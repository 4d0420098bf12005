//! One named group of servers: which of them answers a request, and how it is reached.
//!
//! [`Upstream`] is shared by all event loops and holds what must be: addresses and counts. Each loop
//! has its own [`Pool`] of idle connections and one [`Dialer`] per upstream, so that nothing on a
//! request's way is locked. A request holds a [`Lease`] on one server until its answer has ended.

mod balance;
mod connect;
mod connection;
mod diagnose;
mod dialer;
mod endpoint;
mod latency;
mod pool;
mod protocol;
mod resolve;
#[cfg(test)]
pub mod testing;

use std::sync::Arc;
use std::time::Duration;

pub use balance::{Balance, Policy};
pub use connection::Connection;
pub use dialer::{Dialer, Lease, Line};
pub use endpoint::Endpoint;
pub use pool::Pool;
pub use protocol::{Answer, Failure, exchange};

use bytes::Bytes;

use crate::http::{Request, Template};
use crate::net::UpstreamAddr;
use crate::observe::{ServerState, ServerStatus, UpstreamStatus};
use balance::Choice;

/// A group of servers that answer alike.
#[derive(Debug)]
pub struct Upstream {
    pub name: Box<str>,
    pub servers: Box<[Server]>,
    pub settings: Settings,
    /// What the choice of a server depends on, if it is the request.
    key: Option<Template>,
    /// Chooses among the servers that are no backups.
    first: Box<dyn Balance>,
    /// Chooses among the backups.
    backups: Box<dyn Balance>,
}

/// One member of an upstream.
#[derive(Clone, Debug)]
pub struct Server {
    pub endpoint: Arc<Endpoint>,
    /// Its share of the requests, compared with the others'.
    pub weight: u32,
    /// Asked only when all that are no backups failed.
    pub backup: bool,
}

/// How servers of an upstream are spoken to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Settings {
    /// Idle connections per event loop and server; 0 closes each connection after its answer.
    pub idle: usize,
    pub idle_timeout: Duration,
    pub connect: Duration,
    /// Between two writes of a request.
    pub send: Duration,
    /// To the first byte of an answer, then between two reads.
    pub read: Duration,
    /// How long a request waits for any server to take it, when none can be reached.
    pub retry_window: Duration,
    /// Names are looked up again after so long.
    pub resolve: Duration,
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
        let key = if let Policy::Hash(key) = policy { Some(key) } else { None };
        Self { name: name.into(), servers, settings, key, first, backups }
    }

    /// What is to be the same for requests that go to the same server; empty where all are alike.
    pub fn key(&self, request: &Request) -> Bytes {
        self.key.as_ref().map(|key| key.render(request)).unwrap_or_default()
    }

    /// The index of the server to try, which is none of the `excluded`.
    pub fn pick(&self, excluded: &[usize], key: &[u8]) -> Option<usize> {
        let choice = Choice { servers: &self.servers, excluded, key };
        self.first.pick(&choice).or_else(|| self.backups.pick(&choice))
    }
}

impl Upstream {
    /// What there is to see of it now.
    pub fn status(&self) -> UpstreamStatus {
        UpstreamStatus { name: self.name.clone(), servers: self.servers.iter().map(Server::status).collect() }
    }
}

impl Server {
    fn status(&self) -> ServerStatus {
        let endpoint = &self.endpoint;
        ServerStatus {
            address: endpoint.shared_label(),
            state: ServerState::Up,
            weight: self.weight,
            backup: self.backup,
            in_flight: endpoint.in_flight(),
            requests: endpoint.requests(),
            failures: endpoint.failures(),
        }
    }

    pub fn new(addr: UpstreamAddr) -> Self {
        Self { endpoint: Arc::new(Endpoint::new(addr)), weight: 1, backup: false }
    }

    #[must_use]
    pub fn weighing(self, weight: u32) -> Self {
        Self { weight, ..self }
    }

    #[must_use]
    pub fn standing_by(self) -> Self {
        Self { backup: true, ..self }
    }
}

#[cfg(test)]
mod tests {
    use super::balance::testing::server;
    use super::testing::SETTINGS;
    use super::*;

    #[test]
    fn backups_take_turns_once_all_others_failed() {
        let servers = [server(1).standing_by(), server(2), server(3).standing_by(), server(4)];
        let upstream = Upstream::new("app", servers, Policy::RoundRobin, SETTINGS);
        let picks = |excluded: &[usize]| [(); 3].map(|()| upstream.pick(excluded, b""));
        assert_eq!(picks(&[]), [Some(1), Some(3), Some(1)]);
        assert_eq!(picks(&[1]), [Some(3); 3]);
        assert_eq!(picks(&[1, 3]), [Some(0), Some(2), Some(0)]);
        assert_eq!(picks(&[1, 3, 0]), [Some(2); 3]);
        assert_eq!(picks(&[0, 1, 2, 3]), [None; 3]);
    }
}
