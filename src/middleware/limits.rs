//! `max_body`, before a handler sees the request and while its body comes.

use std::time::Duration;

use crate::http::{Cause, Fault, Request};

/// What a location says about the rest of the exchange.
#[derive(Clone, Copy, Debug)]
pub struct BodyLimit {
    /// `None` is unlimited.
    pub max_body: Option<u64>,
    /// Between two reads of the request's body.
    pub body: Duration,
    /// Between two writes of the response.
    pub send: Duration,
}

/// Refuses an announced body that is too large, and has an unannounced one counted as it comes.
///
/// # Errors
/// [`Cause::BodyTooLarge`] with the limit and where it is set.
pub fn limit_body(request: &Request, limit: &BodyLimit, place: &str) -> Result<(), Fault> {
    let most = limit.max_body.unwrap_or(u64::MAX);
    request.limits.max_body.set(most);
    request.limits.body.set(limit.body);
    request.limits.send.set(limit.send);
    match request.body.length() {
        Some(length) if length > most => Err(Fault::new(
            Cause::BodyTooLarge,
            format!("a body of {length} bytes, but `max_body` is {most} bytes ({place})"),
        )),
        _ => Ok(()),
    }
}
