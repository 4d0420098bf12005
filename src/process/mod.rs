//! Worker pools that rproxy runs itself: started, watched, replaced and ended with everything they forked.
//!
//! [`Pools`] is the main process's end. What it wants is done by a helper process ([`helper`], `rproxy
//! supervise`), which is started once: so the event loops never fork, and pools may run as other users
//! after rproxy has given up its privileges. The two speak by a socket ([`protocol`], [`channel`]), whose end
//! tells the one that the other is gone. Each app is started by a third process of ours, which becomes it
//! ([`mod@launch`]).
//!
//! A pool that is changed or restarted gets a new generation with addresses of its own. When that answers,
//! requests are sent there, and the old one ends when it has answered the last of its own.

mod as_text;
mod backoff;
mod channel;
mod helper;
mod launch;
mod pools;
mod protocol;
mod spec;

use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::Command;

pub use helper::supervise;
pub use launch::launch;
pub use pools::{PoolEvent, Pools};
pub use spec::{Account, Check, ProcessSpec};

/// The program that runs, whatever has become of its file since.
pub fn executable() -> PathBuf {
    PathBuf::from("/proc/self/exe")
}

/// rproxy itself, for one of its hidden commands.
fn ourselves(program: &Path, command: &str) -> Command {
    let mut ourselves = Command::new(program);
    ourselves.arg0("rproxy").arg(command);
    ourselves
}
