//! How much, and how slowly, the rest of an exchange may come and go.

use std::cell::Cell;
use std::time::Duration;

/// Limits that the server starts with and the matched location sharpens.
///
/// Shared between the request, whose body is still on the wire, and the connection that reads it. Each
/// request of a connection finds them reset.
#[derive(Debug)]
pub struct Limits {
    /// Bytes of a request body, also of a chunked one; `u64::MAX` is unlimited.
    pub max_body: Cell<u64>,
    /// Between two reads of a request body.
    pub body: Cell<Duration>,
    /// Bytes a second that a request body has to bring on average; 0 is any.
    pub body_rate: Cell<u64>,
    /// Between two writes of a response.
    pub send: Cell<Duration>,
}

impl Limits {
    /// As they are for a request whose location is not known yet.
    pub fn reset(&self, body: Duration, send: Duration) {
        self.max_body.set(u64::MAX);
        self.body.set(body);
        self.send.set(send);
    }
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            max_body: Cell::new(u64::MAX),
            body: Cell::new(Duration::from_secs(60)),
            body_rate: Cell::new(0),
            send: Cell::new(Duration::from_secs(60)),
        }
    }
}
