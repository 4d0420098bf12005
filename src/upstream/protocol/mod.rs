//! Speaking a request to a server.
//!
//! An exchange is spoken in the request's own task: handing bytes to another task and back costs more
//! than everything else it does (1.6 of 9 µs when measured). Over HTTP/2 a connection has many requests, so
//! that it has to have a task of its own.

mod http;
mod http2;
mod interim;
mod pieces;

use ::http::StatusCode;
use bytes::Bytes;

#[cfg(test)]
pub(super) use http2::testing;
pub(super) use http2::{Sessions, Share, open};

use super::{Connection, Lease, Line, Settings, Transport};
use crate::http::wire::ResponseHead;
use crate::http::{Body, Fault, Request, Response, StatusSet};

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
    /// No byte of the request left, or the server says that it has not looked at it.
    pub untouched: bool,
    /// A byte of an answer came.
    pub answered: bool,
    /// Of an answer that counts as none.
    pub status: Option<StatusCode>,
    /// The request's body, if it is still whole.
    pub body: Option<Body>,
    pub lease: Lease,
}

/// What one request is spoken over.
#[derive(Debug)]
pub enum Channel {
    /// A connection of its own.
    Own(Box<Connection>),
    /// Its share of a connection that others use as well.
    Shared(Share),
}

/// The head as a server would get it, of a request that is not sent.
pub fn preview(request: &Request, label: &str, transport: &Transport, settings: &Settings) -> Bytes {
    let shared = transport.http2.then(|| http2::preview(request, label, transport.scheme())).flatten();
    shared.unwrap_or_else(|| http::preview(request, label, settings))
}

/// Sends `request` and waits for its answer: for the head, and for what else `demands` say. The request's
/// body is taken; where another attempt may be made with it, the failure has it.
pub async fn exchange(
    request: &mut Request,
    channel: Channel,
    lease: Lease,
    demands: Demands,
) -> Result<Answer, Failure> {
    match channel {
        Channel::Own(connection) => http::exchange(request, Line { connection, lease }, demands).await,
        // Boxed, so that a request over HTTP/1.1 carries no room for it.
        Channel::Shared(share) => Box::pin(http2::exchange(request, share, lease, demands)).await,
    }
}
