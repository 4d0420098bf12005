//! `[upstream.NAME]`: a group of servers, and what happens when they are busy or fail.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use super::{Origin, Protocol, StatusSet, UpstreamTls};
use crate::http::Template;
use crate::net::UpstreamAddr;
use crate::privileges::Account;

/// `[upstream.NAME]`, or what a location's `proxy = "http://…"` stands for.
#[derive(Clone, Debug)]
pub struct Upstream {
    pub name: String,
    pub servers: Vec<UpstreamServer>,
    pub keep_alive: KeepAlive,
    pub timeouts: UpstreamTimeouts,
    pub balance: Balance,
    pub queue: Queue,
    pub retry: Retry,
    pub passive: Passive,
    /// How long a server that came back takes to have its whole share of requests again.
    pub slow_start: Duration,
    /// `None` where servers are not checked.
    pub health: Option<Health>,
    /// Names of servers are looked up again after so long.
    pub resolve: Duration,
    pub process: Option<Process>,
    pub protocol: Protocol,
    /// Of a protocol over TLS.
    pub tls: Option<UpstreamTls>,
    pub origin: Origin,
}

impl Upstream {
    /// Whether both behave alike, wherever they are written and whoever runs their servers.
    pub fn is_like(&self, other: &Self) -> bool {
        let of = |upstream: &Self| {
            let Self { origin: _, process: _, name, servers, balance, health, tls, .. } = upstream.clone();
            let Self { keep_alive, timeouts, queue, retry, passive, slow_start, resolve, protocol, .. } =
                *upstream;
            let limits = (keep_alive, timeouts, queue, retry, passive, slow_start, resolve, protocol);
            (name, servers, balance, health, tls, limits)
        };
        of(self) == of(other)
    }
}

/// A member of an upstream's `servers`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UpstreamServer {
    pub address: UpstreamAddr,
    pub weight: u32,
    /// Requests at once, by all worker threads together; 0 is any number.
    pub max_conns: usize,
    pub backup: bool,
    /// Gets no new clients.
    pub drain: bool,
}

impl UpstreamServer {
    /// One of which only the address is said.
    pub fn plain(address: UpstreamAddr) -> Self {
        Self { address, weight: 1, max_conns: 0, backup: false, drain: false }
    }
}

/// Which server a request goes to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Balance {
    RoundRobin,
    LeastConn,
    Random,
    P2c,
    /// Consistently by this text.
    Hash(Template),
    /// Clients stay with the server that a cookie of this name binds them to.
    Cookie {
        name: String,
        secret: Option<String>,
    },
}

/// Idle connections per worker thread and server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct KeepAlive {
    /// How many; 0 closes each connection after its answer.
    pub idle: usize,
    pub timeout: Duration,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct UpstreamTimeouts {
    pub connect: Duration,
    /// Between two writes of the request.
    pub send: Duration,
    /// To the first byte of the answer, then between two reads.
    pub read: Duration,
}

/// Where requests wait while all servers have as many as they may, or none can be reached.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Queue {
    /// How many wait.
    pub size: usize,
    /// How long one of them waits for a busy server.
    pub timeout: Duration,
}

/// What happens when a server does not answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Retry {
    /// How often a request is sent at most, the first time included.
    pub attempts: u32,
    pub on: RetryOn,
    /// Whether what is not idempotent may be executed twice.
    pub non_idempotent: bool,
    /// When no server can be reached, a request waits so long for any of them; 0 answers at once.
    pub window: Duration,
    /// How many of 100 requests may be sent again.
    pub budget: u32,
}

/// What a request is sent again after.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RetryOn {
    /// No connection could be made.
    pub connect: bool,
    /// The connection was closed before any byte of the answer was passed on.
    pub closed: bool,
    /// No byte of an answer came in time.
    pub timeout: bool,
    pub statuses: StatusSet,
}

/// When a server is left alone because requests to it failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Passive {
    /// So many failures within the window; 0 never.
    pub fails: u32,
    pub window: Duration,
    /// How long it is left alone.
    pub eject: Duration,
}

/// `health`: how servers are checked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Health {
    /// From the beginning of one check to that of the next.
    pub interval: Duration,
    /// For a whole check.
    pub timeout: Duration,
    /// Checks that pass in a row until a server that was down is up.
    pub rise: u32,
    /// Checks that fail in a row until a server that was up is down.
    pub fall: u32,
    /// `None` only connects.
    pub request: Option<HealthRequest>,
}

/// What a check asks for, and which answers pass.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HealthRequest {
    pub path: String,
    /// `None` is the server's own address.
    pub host: Option<String>,
    pub status: StatusSet,
    /// What the body has to contain.
    pub body: Option<String>,
}

/// `[upstream.NAME.process]`: a worker pool that rproxy runs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Process {
    /// Program and arguments. `{socket}`, `{port}` and `{fd}` are filled in for each generation.
    pub command: Vec<String>,
    pub directory: PathBuf,
    /// Added to rproxy's own; with the same placeholders.
    pub environment: BTreeMap<String, String>,
    /// `None` is rproxy's own.
    pub account: Option<Account>,
    /// `None` is rproxy's own.
    pub umask: Option<u32>,
    /// Listening sockets are passed by systemd's protocol.
    pub socket_activation: bool,
    /// What has not answered by then has failed.
    pub start_timeout: Duration,
    /// From SIGTERM to SIGKILL.
    pub stop_timeout: Duration,
}
