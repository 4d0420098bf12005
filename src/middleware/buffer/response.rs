//! Answers are taken off the server as fast as it sends, so that a slow client holds none.
//!
//! A worker of gunicorn's `sync` class is busy until the last byte of its answer is taken, and is killed as
//! hung when that takes longer than its own limit.

use std::sync::Arc;

use super::read_ahead::ReadAhead;
use super::{is_grpc, tell};
use crate::http::{Body, Response, Stream, accel};
use crate::middleware::has_type;
use crate::observe::Seldom;
use crate::spool::{Spool, SpoolError};

/// Has answers read ahead; one for all event loops.
#[derive(Debug)]
pub struct ResponseBuffer {
    pub(super) spool: Arc<Spool>,
    overflows: Seldom,
}

impl ResponseBuffer {
    pub fn new(spool: Arc<Spool>) -> Self {
        Self { spool, overflows: Seldom::default() }
    }

    pub fn spool(&self) -> &Spool {
        &self.spool
    }

    /// Has the body of an answer read ahead whenever its client is slower than its server.
    ///
    /// `X-Accel-Buffering` decides if it is there; it is taken out. Else `wanted` does, and the kind of the
    /// answer: event streams and gRPC never end, and a client that reads them slowly is to be felt.
    pub fn apply(self: &Arc<Self>, response: &mut Response, wanted: bool) {
        let said = accel::take_buffering(&mut response.headers);
        if !matches!(response.body, Body::Stream(_)) {
            return;
        }
        if said.unwrap_or_else(|| wanted && !is_live(response))
            && let Body::Stream(stream) = std::mem::take(&mut response.body)
        {
            let length = stream.length;
            response.body = Body::Stream(Stream::new(length, ReadAhead::new(stream, Arc::clone(self))));
        }
    }

    /// That a download is larger than one may be on disk is as usual as the download; only that there is
    /// no room for any needs somebody's attention.
    pub(super) fn tell(&self, error: &SpoolError) {
        match error {
            SpoolError::Share { .. } => tracing::debug!("an answer waits for its client: {error}"),
            _ => tell(&self.overflows, "an answer waits for its client", error),
        }
    }
}

fn is_live(response: &Response) -> bool {
    has_type(&response.headers, b"text/event-stream") || is_grpc(&response.headers)
}

#[cfg(test)]
mod tests;
