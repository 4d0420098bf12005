//! Joins truth and machinery: from a validated configuration to event loops that serve it.

mod compile;
mod event_loop;
mod front;
mod location;
mod process;
mod rehearsal;
mod site;
mod stack;
mod status;
mod upstream;

pub use compile::Snapshot;
pub use event_loop::{Beat, Door, EventLoop, Phase};
pub use process::{
    Buffers, access_log, buffers, listeners, log_format, log_level, loops, processes, raise_file_limit, url,
};
pub use rehearsal::{Rehearsal, Rehearsed};
pub use stack::Stack;
pub use status::status;
pub use upstream::Placements;
