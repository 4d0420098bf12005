//! What rproxy promises, kept against the real binary.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

/// Every file of `static_fixtures/config_errors` gets the report that stands beside it.
mod config_errors;
