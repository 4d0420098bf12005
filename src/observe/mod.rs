//! What the operator reads: diagnostics through tracing, the access log, and counts.

mod access_log;
mod counters;
mod diagnostics;
mod floods;
mod log;
mod panics;
mod seldom;
mod status;

pub use access_log::{AccessLog, Lines};
pub use counters::{Counters, Counts, Handshake, Shard};
pub use diagnostics::{Format, detach, finish, is_on_stderr, lost, reopen, set, start, turn_to};
pub use floods::{Floods, with_more};
pub use log::{Destination, Opened};
pub use panics::{log_panics, panic_message, panics};
pub use seldom::Seldom;
pub use status::{
    ConfigurationStatus, QueueStatus, ServerState, ServerStatus, SpoolStatus, Status, UpstreamStatus,
};
