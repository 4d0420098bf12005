//! Things that produce a response.

mod prepare;
mod proxy;
mod upgrade;

use ::http::StatusCode;
use bytes::Bytes;

use crate::http::{Request, Response};

pub use proxy::Proxy;

/// What a handler makes of a request.
#[derive(Debug)]
pub enum Outcome {
    Response(Response),
    /// `try` ends in a named location: the request goes on there, by index within its site.
    Location(Request, usize),
    /// `try` ends in a path: the request is matched anew with it.
    Path(Request, Bytes),
    /// `try` ends in a status: answered as that error.
    Status(StatusCode),
}
