//! What the operator reads: diagnostics through tracing, and the access log. A leaf that all may use.

mod access_log;
mod diagnostics;
mod seldom;

pub use access_log::{AccessLog, Destination, Lines};
pub use diagnostics::{Format, start};
pub use seldom::Seldom;
