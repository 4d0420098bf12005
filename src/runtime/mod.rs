//! Joins truth and machinery: from a validated configuration to event loops that serve it.

mod compile;
mod event_loop;
mod front;
mod location;
mod logs;
mod pools;
mod pressure;
mod process;
mod rehearsal;
mod secure;
mod site;
mod stack;
mod status;
mod upstream;
mod vacancy;

pub use compile::Snapshot;
pub use event_loop::{Beat, Door, EventLoop, Phase};
pub use logs::{Logs, Turn, log_format, log_level, reopen_logs};
pub use pools::{own_account, pool_names, processes, wants_accounts};
pub use pressure::watch_memory;
pub use process::{Buffers, buffers, listeners, loops, raise_file_limit, scheme, socket_access, url};
pub use rehearsal::{Rehearsal, Rehearsed};
pub use secure::tell_expiry;
pub use stack::Stack;
pub use status::status;
pub use upstream::Placements;
pub use vacancy::Vacancy;
