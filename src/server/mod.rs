//! Bytes in, bytes out: HTTP/1.1 and HTTP/2 for clients, generic over the service that answers.

mod arrival;
mod clock;
mod connection;
mod drain;
mod encode;
mod exchange;
mod frames;
mod head;
mod http2;
mod inbound;
mod io;
mod leaving;
mod linger;
mod listener;
mod outbound;
mod pace;
mod preview;
mod refusal;
mod room;
mod scratch;
mod secure;
#[cfg(test)]
mod tests;
mod throttle;
mod tunnel;

use std::rc::Rc;
use std::time::{Duration, Instant};

use bytes::Bytes;

use crate::http::{Connection, Fault, Request};

pub use listener::{Server, Serving};
pub use preview::Preview;
pub use room::Room;

/// What a service is given.
#[derive(Debug)]
pub enum Incoming {
    Request(Box<Request>),
    /// A request that could not be read: it is answered and logged like any other.
    Refused(Box<Refused>),
}

/// A head that is no request.
#[derive(Debug)]
pub struct Refused {
    pub fault: Fault,
    /// The first line, as far as it came.
    pub line: Bytes,
    pub connection: Rc<Connection>,
    pub received: Instant,
}

/// Limits that hold before a location is known.
#[derive(Clone, Copy, Debug)]
pub struct Settings {
    /// A whole head must have arrived.
    pub header: Duration,
    /// Between two requests.
    pub keep_alive: Duration,
    /// Between two reads of a body.
    pub body: Duration,
    /// Between two writes of a response.
    pub send: Duration,
    /// A TLS handshake must be over.
    pub handshake: Duration,
    /// HTTP/2 is spoken without TLS to who begins with it.
    pub h2c: bool,
}
