//! What becomes of a server after its requests, and what the operator is told of it.

use std::sync::Arc;

use tokio::time::Instant;

use super::standing::{Fitness, Record};
use super::{Server, Upstream};
use crate::http::{Cause, Fault, Side};

impl Upstream {
    /// An answer began. True if there is room for more requests since.
    pub(super) fn note_answer(&self, server: &Server) -> bool {
        let acquitted = server.endpoint.standing.answered(self.settings.slow_start);
        if acquitted {
            server.endpoint.returned();
            tracing::info!("server {} of upstream `{}` answers again", server.endpoint.label(), self.name);
        }
        acquitted
    }

    /// A request brought no answer. Not every cause speaks against the server: a full backlog is that
    /// of one that works, and a kept connection may be closed at any time.
    pub(super) fn note_failure(&self, index: usize, fault: &Fault) {
        let excused = matches!(fault.cause, Cause::BacklogFull | Cause::ReusedConnectionClosed);
        let Some(server) = self.servers.get(index).filter(|_| !excused) else { return };
        if fault.cause.side() != Side::Upstream {
            return;
        }
        server.endpoint.failed();
        if let Some(record) = server.endpoint.standing.failed(&self.settings.passive)
            && self.has_other_than(index)
        {
            self.leave_alone(server, record, fault);
        }
    }

    /// Whether the others could do without it. The last server is never left alone.
    fn has_other_than(&self, index: usize) -> bool {
        let others =
            self.servers.iter().enumerate().filter(|(other, server)| *other != index && !server.drain);
        let fit =
            |server: &Server| server.endpoint.standing.fitness(self.settings.slow_start) != Fitness::Unfit;
        others.into_iter().any(|(_, server)| fit(server))
    }

    fn leave_alone(&self, server: &Server, record: Record, fault: &Fault) {
        let passive = self.settings.passive;
        if !server.endpoint.standing.eject(Instant::now() + passive.eject) {
            return;
        }
        let Record { failures, answers } = record;
        tracing::warn!(
            cause = fault.cause.name(),
            remedy = fault.cause.remedy(),
            "server {} of upstream `{}` is left alone for {:?}: {failures} of its last {} requests failed; the last: {}",
            server.endpoint.label(),
            self.name,
            passive.eject,
            failures.saturating_add(answers),
            fault.detail
        );
    }

    pub(super) fn tell_of_trial(&self, server: &Server) {
        tracing::info!(
            "server {} of upstream `{}` is tried again, with one request at a time",
            server.endpoint.label(),
            self.name
        );
    }

    /// A server is down, or up again, as active checks have it.
    pub fn set_down(self: &Arc<Self>, index: usize, down: bool) {
        let Some(server) = self.servers.get(index) else { return };
        server.endpoint.standing.set_down(down, self.settings.slow_start);
        if !down {
            server.endpoint.returned();
            self.serve_waiters();
        }
    }

    /// A check found a server at work without an answer to anyone, or not so.
    pub(super) fn set_stalled(self: &Arc<Self>, index: usize, stalled: bool) {
        let Some(server) = self.servers.get(index) else { return };
        server.endpoint.standing.set_stalled(stalled);
        if !stalled {
            self.serve_waiters();
        }
    }

    /// Since when checks call every server down, so that there is nothing to wait for.
    pub fn down_since(&self) -> Option<Instant> {
        let mut latest = None;
        for server in self.servers.iter().filter(|server| !server.drain) {
            latest = latest.max(Some(server.endpoint.standing.down_since()?));
        }
        latest
    }
}
