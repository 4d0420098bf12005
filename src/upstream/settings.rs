//! How the servers of an upstream are spoken to, and what happens when they fail or are busy.

use std::time::Duration;

use crate::http::StatusSet;

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
    pub queue: QueueLimits,
    pub retry: RetryRules,
    pub passive: Passive,
    /// How long a server that came back takes to have its whole share again; 0 gives it at once.
    pub slow_start: Duration,
    /// Names are looked up again after so long.
    pub resolve: Duration,
}

/// Of requests that wait because every server is at its limit, or none can be reached.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct QueueLimits {
    /// How many wait, all event loops together.
    pub size: usize,
    /// How long one of them waits for a busy server.
    pub timeout: Duration,
}

/// When a request is given to a server again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RetryRules {
    /// How often a request is sent at most, the first time included.
    pub attempts: u32,
    pub on: Conditions,
    /// Whether methods that are not idempotent may be executed twice.
    pub non_idempotent: bool,
    /// How long a request waits for any server to take it, when none can be reached.
    pub window: Duration,
    /// How many of 100 requests may be sent again.
    pub budget: u32,
}

/// What a request is sent again after.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Conditions {
    /// No connection could be made: nothing was sent.
    pub connect: bool,
    /// The server closed the connection before any byte of its answer was passed on.
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
