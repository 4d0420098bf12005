//! Closing after an early answer (RFC 9112 9.6).

use std::future::poll_fn;
use std::time::Duration;

use super::io::{BODY_SIZE, Io};
use crate::net::Deadline;

/// As nginx's `lingering_timeout`: between two reads.
const QUIET: Duration = Duration::from_secs(5);
/// As nginx's `lingering_time`: altogether.
const ALTOGETHER: Duration = Duration::from_secs(30);

/// Ends our direction, then reads and forgets what the client still sends. Closing at once would answer
/// bytes on their way with a reset, which makes the client lose the answer it has not read yet.
pub(super) async fn linger(io: &Io) {
    if io.stream.shutdown_write().is_err() {
        return;
    }
    let drained = tokio::time::timeout(ALTOGETHER, async {
        let mut quiet = Deadline::none();
        loop {
            io.input.borrow_mut().clear();
            quiet.set(QUIET);
            let read = quiet.run(poll_fn(|cx| io.poll_fill(cx, BODY_SIZE))).await;
            if !matches!(read, Some(Ok(1..))) {
                return;
            }
        }
    });
    // Whether it ended or time ran out, the connection is closed next.
    let _ = drained.await;
}
