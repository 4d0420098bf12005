//! Something to show.

use std::time::{Duration, UNIX_EPOCH};

use crate::http::Cause;
use crate::observe::{
    ConfigurationStatus, Counters, QueueStatus, ServerState, ServerStatus, SpoolStatus, Status,
    UpstreamStatus,
};

/// One upstream of one server, two requests, one of which failed.
pub fn status() -> Status {
    let counters = Counters::default();
    let shard = counters.shard();
    shard.request(200, 100, None);
    shard.request(502, 40, Some(Cause::SocketMissing));
    let server = ServerStatus {
        address: "unix:/run/a.sock".into(),
        state: ServerState::Up,
        weight: 2,
        backup: false,
        max_conns: Some(4),
        in_flight: 3,
        requests: 7,
        failures: 1,
    };
    let queue = QueueStatus { waiting: 2, size: 100, waited: 40, waited_for: Duration::from_millis(8050) };
    Status {
        version: "1.2.3",
        started: UNIX_EPOCH,
        configuration: ConfigurationStatus {
            generation: 3,
            since: UNIX_EPOCH + Duration::from_secs(60),
            refused: Some(UNIX_EPOCH + Duration::from_secs(90)),
        },
        counts: counters.read(),
        panics: 0,
        max_connections: 1000,
        lines_dropped: 0,
        diagnostics_dropped: 0,
        spool: SpoolStatus { used: 5 << 20, quota: 1 << 30 },
        upstreams: vec![UpstreamStatus { name: "app \"<b>\"".into(), queue, servers: vec![server] }],
    }
}
