//! A place at a server.

use std::sync::Arc;

use super::{Server, Upstream};
use crate::http::Fault;

/// One request's place at one server, counted there until it is dropped; then whoever waits has it.
#[derive(Debug)]
pub struct Claim {
    upstream: Arc<Upstream>,
    index: usize,
}

impl Claim {
    /// A place at that server, unless it has none left.
    pub(super) fn take(upstream: &Arc<Upstream>, index: usize) -> Option<Self> {
        let server = upstream.servers.get(index)?;
        if !server.endpoint.try_begin(upstream.most_of(server)) {
            return None;
        }
        if server.endpoint.standing.recall() {
            upstream.tell_of_trial(server);
        }
        Some(Self { upstream: Arc::clone(upstream), index })
    }

    pub fn index(&self) -> usize {
        self.index
    }

    pub(super) fn server(&self) -> Option<&Server> {
        self.upstream.servers.get(self.index)
    }

    /// See [`Upstream::note_failure`].
    pub(super) fn failed(&self, fault: &Fault) {
        self.upstream.note_failure(self.index, fault);
    }

    /// An answer began, which may have ended a trial, and so made room.
    pub(super) fn answered(&self) {
        let acquitted = self.server().is_some_and(|server| self.upstream.note_answer(server));
        if acquitted {
            self.upstream.serve_waiters();
        }
    }
}

impl Drop for Claim {
    fn drop(&mut self) {
        if let Some(server) = self.upstream.servers.get(self.index) {
            server.endpoint.end();
        }
        self.upstream.serve_waiters();
    }
}
