//! Why a request is answered as it is: asked of the very stack that serves, on a thread of its own and
//! without a client or an upstream.
//!
//! A [`Question`] becomes the head of a request and the connection it would come in over ([`arrival`]). The
//! stack answers it ([`crate::runtime::Rehearsal`]), and its witness's notes become an [`Explanation`]
//! ([`story`]), which is written as text or as JSON. What `[[test]]` expects is held against the same
//! ([`expect`]), by `check`, at the start and before every reload.

mod answer;
mod arrival;
mod expect;
mod explanation;
mod question;
mod session;
mod site;
mod story;
mod text;
mod why;

use std::io;

use crate::config::{Loaded, Report};

pub use explanation::Explanation;
pub use question::Question;

/// What becomes of one request.
///
/// # Errors
/// When the machine gives no thread or no event queue for it.
pub fn explain(loaded: &Loaded, question: &Question) -> io::Result<Explanation> {
    session::run(loaded, async |session| session.explain(question).await)
}

/// The configuration, if everything that its `[[test]]` blocks expect holds.
///
/// Files are looked at, nothing is sent. The caller's thread waits; it may have a runtime.
///
/// # Errors
/// Every expectation that does not hold, beside the warnings.
pub fn tested(loaded: Loaded) -> Result<Loaded, Report> {
    match expect::mistakes(&loaded) {
        mistakes if mistakes.is_empty() => Ok(loaded),
        mistakes => Err(loaded.with_mistakes(mistakes)),
    }
}
