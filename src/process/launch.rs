//! From the helper to a running app: a second process of ours becomes it.
//!
//! What has to happen between fork and exec (another user, its umask, sockets at fixed numbers) cannot be
//! done in the helper without `unsafe`. So the helper starts rproxy itself once more and hands it a
//! [`Launch`]. That process has one thread and nothing to lose: it changes itself as it is told, and then
//! into the app. Only when it could not does it answer.

mod become_app;
mod hand_over;

use std::collections::BTreeMap;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use super::Account;

pub use become_app::launch;
pub(super) use hand_over::hand_over;

/// The first descriptor of those that are passed on (`SD_LISTEN_FDS_START` of sd_listen_fds(3)).
pub(super) const FIRST_DESCRIPTOR: i32 = 3;

/// As many descriptors as the kernel passes at once (`SCM_MAX_FD` of unix(7)).
const MOST_DESCRIPTORS: usize = 253;

/// What to become.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Launch {
    pub(super) command: Vec<String>,
    pub(super) directory: PathBuf,
    pub(super) environment: BTreeMap<String, String>,
    pub(super) account: Option<Account>,
    pub(super) umask: Option<u32>,
    /// How many listening sockets come with it.
    pub(super) sockets: usize,
    /// Their name, if they are announced by systemd's protocol.
    pub(super) activation: Option<String>,
    /// The helper's process id.
    pub(super) helper: i32,
}
