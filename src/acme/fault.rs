//! What goes wrong between us and an authority before it says anything of its own.

use std::error::Error;
use std::time::{Duration, SystemTime};

use ::http::StatusCode;

/// A request to the authority that came to nothing.
#[derive(Debug, thiserror::Error)]
pub(super) enum Fault {
    #[error("it cannot be reached: {0}")]
    Unreachable(String),
    #[error("it has not answered within {0:?}")]
    Silent(Duration),
    /// By our clock the authority's own certificate is not valid.
    #[error("its own certificate is not valid at the time that the clock of this machine says")]
    OutOfTime,
    #[error("the clock of this machine says {}, the authority's says {}", shown(*ours), shown(*theirs))]
    Clock { ours: SystemTime, theirs: SystemTime },
    #[error("it answers {0}, with no reason that a client could read")]
    Status(StatusCode),
    #[error("its answer is larger than {0} bytes")]
    TooLarge(usize),
}

/// As the log says a time.
pub(super) fn shown(time: SystemTime) -> String {
    httpdate::fmt_http_date(time)
}

/// An error with what it came of, in one line.
pub(super) fn whole(error: &(dyn Error + 'static)) -> String {
    let mut text = error.to_string();
    let mut next = error.source();
    while let Some(cause) = next {
        let cause_text = cause.to_string();
        if !text.contains(&cause_text) {
            text = format!("{text}: {cause_text}");
        }
        next = cause.source();
    }
    text
}
