//! Compiled matching: host, then location, to whatever it points to.

mod pattern;

pub use pattern::{HostPattern, LocationPattern, compile_regex};
