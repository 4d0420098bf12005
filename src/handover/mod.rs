//! Listening sockets from one process to the next, so that no client ever meets a closed door.
//!
//! SIGUSR2 has the running process start the program anew, as it is on disk by then ([`upgrade`]). Over a pair of
//! sockets ([`channel`]) the new process gets every listening socket by `SCM_RIGHTS` (unix(7)): connections
//! that wait in the queue of one that is not taken over would be lost. It reads its configuration, adopts what
//! that asks for ([`inheritance`]), starts its event loops, and says that it is ready. Only then does the
//! former process stop accepting; until then nothing has changed, and a new process that does not come that far
//! is ended. systemd's socket activation is the same without the former process ([`activation`]).

mod activation;
mod channel;
mod inheritance;
#[cfg(test)]
mod tests;
mod upgrade;

use std::os::fd::OwnedFd;

use serde::{Deserialize, Serialize};

use crate::net::ListenAddr;

pub use inheritance::Inheritance;
pub use upgrade::{Successor, Upgrade};

/// Tells the new process that its standard input is the channel.
const MARK: &str = "RPROXY_HANDOVER";

/// Environment variables that speak to this process alone: what it starts must not take them for its own.
pub const PRIVATE_VARIABLES: &[&str] =
    &[MARK, "LISTEN_FDS", "LISTEN_PID", "LISTEN_FDNAMES", "NOTIFY_SOCKET", "WATCHDOG_USEC", "WATCHDOG_PID"];

/// What a socket is for, with its address as it was configured: that is what it is found by again.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Purpose {
    Listen(String),
    Admin(String),
    /// Orders of the command line.
    Control,
    /// Bound by a service manager, which keeps it too: whatever it serves, its file is not ours to remove.
    Activated,
}

impl Purpose {
    /// The TCP port, but for one that the kernel has chosen.
    fn port(&self) -> Option<u16> {
        let (Self::Listen(addr) | Self::Admin(addr)) = self else { return None };
        addr.parse::<ListenAddr>().ok()?.port().filter(|port| *port != 0)
    }
}

/// The sockets of one listener.
#[derive(Debug)]
pub struct Parcel {
    pub purpose: Purpose,
    pub sockets: Vec<OwnedFd>,
}
