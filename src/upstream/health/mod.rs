//! Whether servers are well: each is asked from time to time, once for the whole process.
//!
//! [`Watch`] asks, [`probe`] is one check, and [`verdict`] says what a row of checks amounts to. What comes
//! of it goes into the server's [`standing`](super::standing), which the choice of a server looks at.

mod answer;
mod body;
mod failure;
mod journal;
mod over_http2;
mod probe;
mod verdict;
mod watch;

use std::time::Duration;

pub use watch::Watch;

use crate::http::StatusSet;
use crate::net::Stream;

/// How the servers of an upstream are checked.
#[derive(Clone, Debug)]
pub struct Health {
    /// From the beginning of one check to that of the next, give or take a tenth.
    pub interval: Duration,
    /// For a whole check; not longer than `interval`.
    pub timeout: Duration,
    /// Checks that pass in a row until a server that was down is up.
    pub rise: u32,
    /// Checks that fail in a row until a server that was up is down.
    pub fall: u32,
    /// Without one it is enough to be able to connect.
    pub question: Option<Question>,
}

/// What is asked by HTTP, and which answers are good.
#[derive(Clone, Debug)]
pub struct Question {
    /// With its query, as it goes on the wire.
    pub path: Box<str>,
    /// `None` is the server's own address.
    pub host: Option<Box<str>>,
    pub status: StatusSet,
    /// What the body has to contain.
    pub body: Option<Box<str>>,
    /// Asked by HTTP/2.
    pub http2: bool,
}

/// Asks the server called `label` once, for whoever has reason to know better when.
///
/// # Errors
/// Why its answer does not pass, with addresses and numbers.
pub async fn ask(stream: Stream, label: &str, question: &Question) -> Result<(), String> {
    answer::ask(stream, label, question).await.map_err(|failure| failure.detail)
}
