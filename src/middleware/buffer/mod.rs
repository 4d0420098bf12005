//! Bodies in between, so that a slow client occupies no application: requests are read whole before a
//! server is taken, answers are taken off the server as fast as it sends.

mod grace;
mod read_ahead;
mod request;
mod response;

use std::time::Instant;

use ::http::header::CONTENT_TYPE;

pub use request::{Overflow, RequestBuffer};
pub use response::ResponseBuffer;

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

/// Whether the media type begins so: what it is about, without suffix and parameters.
fn has_type(headers: &Fields, start: &[u8]) -> bool {
    let content_type = headers.get(CONTENT_TYPE).map_or(&b""[..], |value| value.as_bytes());
    content_type.get(..start.len()).is_some_and(|found| found.eq_ignore_ascii_case(start))
}
