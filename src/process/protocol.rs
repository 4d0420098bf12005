//! What the main process and its helper tell each other.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::{ProcessSpec, as_text};
use crate::net::UpstreamAddr;

/// From the main process to its helper. When the main process is gone, that is an order to stop.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Order {
    /// Process groups that a helper before this one has left behind are to end.
    Sweep { groups: Vec<i32> },
    /// These pools and no others are to run. New generations are numbered from after `last`.
    Want { pools: Vec<ProcessSpec>, last: u64 },
    /// A new generation of this pool.
    Restart { name: String, ticket: u64 },
    /// Nobody asks this generation any more.
    Retire { name: String, generation: u64 },
    /// Everything ends, and then the helper.
    Stop { at_most: Duration },
}

/// From the helper to the main process.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum News {
    /// A process runs.
    Started { name: String, generation: u64, group: i32, command: String },
    /// A generation answers at its addresses.
    Ready {
        name: String,
        generation: u64,
        #[serde(with = "as_text::list")]
        addresses: Vec<UpstreamAddr>,
        after: Duration,
        /// The last order to restart that it fulfils.
        ticket: Option<u64>,
    },
    /// A generation did not come to answer.
    Failed { name: String, generation: u64, reason: String, lines: Vec<String>, ticket: Option<u64> },
    /// A generation that had answered is down, and is started again.
    Down { name: String, generation: u64 },
    /// Nothing is left of a process group.
    Ended { group: i32 },
    /// For the log.
    Line { level: Level, name: String, text: String },
}

/// How much a line of the log matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Level {
    Error,
    Warn,
    Info,
}
