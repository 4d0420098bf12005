//! Gathers what the status page shows. It reads counts and touches nothing that an event loop waits for.

use super::Snapshot;
use crate::observe::{self, AccessLog, ConfigurationStatus, Counters, Status, panics};

/// What there is to see now.
pub fn status(
    snapshot: &Snapshot,
    configuration: ConfigurationStatus,
    counters: &Counters,
    log: &AccessLog,
) -> Status {
    Status {
        configuration,
        panics: panics(),
        version: env!("CARGO_PKG_VERSION"),
        started: counters.started(),
        counts: counters.read(),
        max_connections: snapshot.room().most(),
        lines_dropped: log.dropped(),
        diagnostics_dropped: observe::lost(),
        spool: snapshot.spool(),
        upstreams: snapshot.upstreams().map(|upstream| upstream.status()).collect(),
    }
}
