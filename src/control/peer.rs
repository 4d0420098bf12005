//! Who is at the other end, by the kernel's word (`SO_PEERCRED`, unix(7)).

use std::io;

use rustix::process::{geteuid, getuid};
use tokio::net::UnixStream;

const ROOT: u32 = 0;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Peer {
    pub uid: u32,
    /// None of a process outside of our container: it is not among those we can see.
    pub pid: Option<i32>,
}

/// # Errors
/// What `getsockopt(2)` says.
pub(super) fn of(stream: &UnixStream) -> io::Result<Peer> {
    let credentials = stream.peer_cred()?;
    Ok(Peer { uid: credentials.uid(), pid: credentials.pid().filter(|pid| *pid != 0) })
}

/// Who may give orders: root, and the user that started the server, also after it has given up its privileges.
#[derive(Clone, Copy, Debug)]
pub(super) struct Allowed {
    starter: u32,
}

impl Allowed {
    pub fn now() -> Self {
        Self { starter: getuid().as_raw() }
    }

    /// Why `peer` may not, if so.
    pub fn refusal(self, peer: Peer) -> Option<String> {
        if peer.pid.is_none() {
            return Some(
                "orders are taken from within the server's own container only: run the command in there"
                    .into(),
            );
        }
        let known = [ROOT, self.starter, geteuid().as_raw()];
        (!known.contains(&peer.uid)).then(|| {
            format!("user {} may not give this server orders; root and user {} may", peer.uid, self.starter)
        })
    }
}

/// Whether what a server of this user says needs no further word. Abstract names are given to who comes first:
/// another user's process may sit there.
pub(super) fn is_trusted(peer: Peer) -> bool {
    [ROOT, getuid().as_raw(), geteuid().as_raw()].contains(&peer.uid)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn root_and_the_starter_may_and_nobody_else() {
        let allowed = Allowed { starter: 1000 };
        assert_eq!(allowed.refusal(Peer { uid: 0, pid: Some(1) }), None);
        assert_eq!(allowed.refusal(Peer { uid: 1000, pid: Some(1) }), None);
        let refusal = allowed.refusal(Peer { uid: 54321, pid: Some(1) }).unwrap();
        assert!(refusal.contains("54321") && refusal.contains("1000"), "{refusal}");
    }

    #[test]
    fn nobody_may_from_outside_of_the_container() {
        assert!(Allowed { starter: 1000 }.refusal(Peer { uid: 0, pid: None }).is_some());
    }
}
