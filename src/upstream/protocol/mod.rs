//! Speaking a request to a server.
//!
//! An exchange is spoken in the request's own task: handing bytes to another task and back costs more
//! than everything else it does (1.6 of 9 µs when measured).

mod http;

use ::http::StatusCode;
use bytes::Bytes;

pub use http::{exchange, preview};

use super::{Lease, Line};
use crate::http::wire::ResponseHead;
use crate::http::{Body, Fault, Response, StatusSet};

/// What a server answered.
#[derive(Debug)]
pub enum Answer {
    Response(Response),
    /// 101 to an upgrade that was asked for: the connection is no longer HTTP's.
    Switched {
        head: ResponseHead,
        line: Line,
        /// What came right behind the head.
        early: Bytes,
    },
}

/// What an answer has to be to count: while its request can be given to another server, more is asked of it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Demands {
    /// Statuses that count as no answer.
    pub refused: StatusSet,
    /// A small body has to be whole: a worker that dies between head and body has failed the request, and
    /// nothing of its answer was passed on.
    pub whole: bool,
}

/// An exchange that brought no answer, with what another attempt needs.
#[derive(Debug)]
pub struct Failure {
    pub fault: Fault,
    /// No byte of the request left: the server cannot have seen it.
    pub untouched: bool,
    /// A byte of an answer came.
    pub answered: bool,
    /// Of an answer that counts as none.
    pub status: Option<StatusCode>,
    /// The request's body, if it is still whole.
    pub body: Option<Body>,
    pub lease: Lease,
}
