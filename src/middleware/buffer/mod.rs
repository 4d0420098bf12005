//! Bodies in between, so that a slow client occupies no application: requests are read whole before a
//! server is taken, answers are taken off the server as fast as it sends.

mod grace;
mod read_ahead;
mod request;
mod response;

use std::time::Instant;

pub use request::{Overflow, RequestBuffer};
pub use response::ResponseBuffer;

use super::has_type;
use crate::http::{Cause, Fields};
use crate::observe::Seldom;
use crate::spool::SpoolError;

/// What one body has in memory, before it goes to disk and between two writes.
const MEMORY: usize = 64 * 1024;

/// Tells, once a minute, that bodies do not fit on disk, and of what that means for `whose`.
fn tell(seldom: &Seldom, whose: &str, error: &SpoolError) {
    if let Some(times) = seldom.count(Instant::now()) {
        let (cause, remedy) = (Cause::SpoolFull.name(), Cause::SpoolFull.remedy());
        tracing::warn!(cause, times, remedy, "{whose}, since it cannot be buffered: {error}");
    }
}

/// RPCs stream in both directions, and have deadlines of their own.
fn is_grpc(headers: &Fields) -> bool {
    has_type(headers, b"application/grpc")
}
