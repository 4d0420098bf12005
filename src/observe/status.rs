//! What there is to see of a running process: one snapshot, for metrics, the API and the status page alike.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use super::Counts;

#[derive(Clone, Debug)]
pub struct Status {
    pub version: &'static str,
    pub started: SystemTime,
    pub configuration: ConfigurationStatus,
    pub counts: Counts,
    /// Bugs that ended a request, or an event loop.
    pub panics: u64,
    /// The most connections that clients may have.
    pub max_connections: usize,
    /// Lines of the access log that could not be written.
    pub lines_dropped: u64,
    /// Lines of the error log that could not be written.
    pub diagnostics_dropped: u64,
    pub spool: SpoolStatus,
    pub upstreams: Vec<UpstreamStatus>,
}

/// The configuration in force.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ConfigurationStatus {
    /// Counted from 1, with the one of the start.
    pub generation: u64,
    pub since: SystemTime,
    /// When the last reload was refused; `None` when it was not.
    pub refused: Option<SystemTime>,
}

impl ConfigurationStatus {
    /// Of the one of the start.
    pub fn first() -> Self {
        Self { generation: 1, since: SystemTime::now(), refused: None }
    }

    /// Of the next one.
    #[must_use]
    pub fn succeeded(self) -> Self {
        Self { generation: self.generation + 1, ..Self::first() }
    }
}

/// Bodies on disk, in bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SpoolStatus {
    pub used: u64,
    pub quota: u64,
}

#[derive(Clone, Debug)]
pub struct UpstreamStatus {
    pub name: Box<str>,
    pub queue: QueueStatus,
    pub servers: Vec<ServerStatus>,
}

/// Requests that wait for a server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct QueueStatus {
    pub waiting: usize,
    /// The most that may.
    pub size: usize,
    /// Waits that are over, since the start. A request that waits for a server to come back may have several.
    pub waited: u64,
    /// How long they took, all together.
    pub waited_for: Duration,
}

#[derive(Clone, Debug)]
pub struct ServerStatus {
    pub address: Arc<str>,
    pub state: ServerState,
    pub weight: u32,
    pub backup: bool,
    /// The most requests that it has at once, if there is a limit.
    pub max_conns: Option<usize>,
    pub in_flight: usize,
    /// Attempts since the start.
    pub requests: u64,
    /// Those that brought no answer, for which the server is to blame.
    pub failures: u64,
}

/// Whether a server is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ServerState {
    Up,
    /// Back lately: its share of the requests grows by and by.
    Rising,
    /// Ejected until lately: it has one request at a time until it answers one.
    OnTrial,
    /// Its health checks fail.
    Down,
    /// Requests have failed at it, and it is left alone for a while.
    Ejected,
    /// It is at work and answers nothing, not even its checks: others are asked first.
    Stalled,
    /// It has no new clients.
    Draining,
}

impl ServerState {
    pub const ALL: [Self; 7] =
        [Self::Up, Self::Rising, Self::OnTrial, Self::Down, Self::Ejected, Self::Stalled, Self::Draining];

    pub const fn name(self) -> &'static str {
        match self {
            Self::Up => "up",
            Self::Rising => "rising",
            Self::OnTrial => "on-trial",
            Self::Stalled => "stalled",
            Self::Down => "down",
            Self::Ejected => "ejected",
            Self::Draining => "draining",
        }
    }
}
