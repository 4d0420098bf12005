//! What would be sent, and to whom, for who asks before anything is.

use bytes::Bytes;

use super::turn::{Turn, Wanted};
use super::{Dialer, Server, protocol};
use crate::http::Request;

impl Dialer {
    /// The server that requests of this key go to while all are well; `None` where that depends on what
    /// the servers are at.
    pub fn destined(&self, key: &[u8]) -> Option<&Server> {
        let upstream = self.shared_upstream();
        if let [only] = &*upstream.servers {
            return Some(only);
        }
        let decides =
            upstream.key.is_some() && (upstream.bindings.is_none() || upstream.bound(key).is_some());
        match upstream.turn(Wanted { tried: &[], key }) {
            Turn::Server(claim) if decides => upstream.servers.get(claim.index()),
            _ => None,
        }
    }

    /// The head of a prepared request as `server` would get it.
    pub fn preview(&self, request: &Request, server: Option<&Server>) -> Bytes {
        let label = server.map_or("", |server| server.endpoint.label());
        let upstream = self.upstream();
        protocol::preview(request, label, &upstream.transport, &upstream.settings)
    }
}
