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
mod pool;
mod protocol;
mod resolve;
#[cfg(test)]
pub mod testing;

use std::sync::Arc;
use std::time::Duration;

pub use balance::{Balance, RoundRobin};
pub use connection::Connection;
pub use dialer::{Dialer, Lease, Line};
pub use endpoint::Endpoint;
pub use pool::Pool;
pub use protocol::{Answer, Failure, exchange};

use crate::net::UpstreamAddr;

/// A group of servers that answer alike.
#[derive(Debug)]
pub struct Upstream {
    pub name: Box<str>,
    pub endpoints: Box<[Arc<Endpoint>]>,
    pub settings: Settings,
    pub balance: Box<dyn Balance>,
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
}

impl Upstream {
    /// Servers take turns, in the order given.
    pub fn new(name: &str, servers: impl IntoIterator<Item = UpstreamAddr>, settings: Settings) -> Self {
        let endpoints: Box<[_]> = servers.into_iter().map(|addr| Arc::new(Endpoint::new(addr))).collect();
        let balance = Box::new(RoundRobin::new(endpoints.len()));
        Self { name: name.into(), endpoints, settings, balance }
    }
}
