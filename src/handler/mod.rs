//! Things that produce a response.

mod boxed;
pub mod files;
mod fixed;
mod prepare;
mod proxy;
mod rehearsal;
mod upgrade;

use ::http::StatusCode;
use bytes::Bytes;

use crate::http::accel::Handover;
use crate::http::{Request, Response};

pub use boxed::Handler;
pub use fixed::{Redirect, Respond};
pub use proxy::Proxy;
pub use rehearsal::Rehearsal;

/// What a handler makes of a request.
#[derive(Debug)]
pub enum Outcome {
    Response(Response),
    /// `try` ends in a named location: the request goes on there, by index within its site.
    Location(Box<Request>, usize),
    /// `try` ends in a path: the request is matched anew with it.
    Path(Box<Request>, Bytes),
    /// An application has another location answer, by `X-Accel-Redirect` or `X-Sendfile`.
    Handover(Box<Request>, Box<Handover>),
    /// `try` ends in a status: answered as that error.
    Status(StatusCode),
}
