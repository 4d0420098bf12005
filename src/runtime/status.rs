//! Gathers what the status page shows. It reads counts and touches nothing that an event loop waits for.

use super::Snapshot;
use crate::observe::{AccessLog, Counters, Status};

/// What there is to see now.
pub fn status(snapshot: &Snapshot, counters: &Counters, log: &AccessLog) -> Status {
    Status {
        version: env!("CARGO_PKG_VERSION"),
        started: counters.started(),
        counts: counters.read(),
        lines_dropped: log.dropped(),
        spool: snapshot.spool(),
        upstreams: snapshot.upstreams().map(|upstream| upstream.status()).collect(),
    }
}
