//! The integration tests, in one binary.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

/// Which location and which site a request finds, against a plain model of nginx's rules.
mod router;
/// The same tables against nginx itself, where it is installed.
mod router_nginx;
