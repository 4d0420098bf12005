//! What there is to see of a running process: one snapshot, for metrics, the API and the status page alike.

use std::sync::Arc;
use std::time::SystemTime;

use super::Counts;

#[derive(Clone, Debug)]
pub struct Status {
    pub version: &'static str,
    pub started: SystemTime,
    pub counts: Counts,
    /// Lines of the access log that could not be written.
    pub lines_dropped: u64,
    pub spool: SpoolStatus,
    pub upstreams: Vec<UpstreamStatus>,
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
    pub servers: Vec<ServerStatus>,
}

#[derive(Clone, Debug)]
pub struct ServerStatus {
    pub address: Arc<str>,
    pub state: ServerState,
    pub weight: u32,
    pub backup: bool,
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
    /// Its health checks fail.
    Down,
    /// Requests have failed at it; it is tried again soon.
    Ejected,
    /// It finishes what it has, and gets nothing more.
    Draining,
}

impl ServerState {
    pub const ALL: [Self; 4] = [Self::Up, Self::Down, Self::Ejected, Self::Draining];

    pub const fn name(self) -> &'static str {
        match self {
            Self::Up => "up",
            Self::Down => "down",
            Self::Ejected => "ejected",
            Self::Draining => "draining",
        }
    }
}
