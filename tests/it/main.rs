//! What rproxy promises, kept against the real binary.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

mod support;

/// Which of several servers answers.
mod balance;
/// Preconditions and ranges of files.
mod conditional;
/// Every file of `static_fixtures/config_errors` gets the report that stands beside it.
mod config_errors;
/// Every file of `conf/` is one that rproxy accepts.
mod examples;
/// Smuggling and malformed input, byte for byte.
mod framing;
/// The demo site and the pool of workers that rproxy runs for it.
mod process;
/// Bodies through the proxy: every framing, any size, in bounded memory.
mod proxy_bodies;
/// Connections to applications: kept, taken in turns, and ended when nobody wants the answer.
mod proxy_connections;
/// Applications that fail, each in its own way.
mod proxy_faults;
/// What an application is told about its client.
mod proxy_headers;
/// A Django project on gunicorn's sync workers.
mod real_django;
/// A Flask application on gunicorn's threads, behind werkzeug's ProxyFix.
mod real_flask;
/// Which location and which site a request finds, against a plain model of nginx's rules.
mod router;
/// The same tables against nginx itself, where it is installed.
mod router_nginx;
/// How the bytes of files get to the socket, as the kernel saw it.
mod sendfile;
/// What a `files` location answers with, and what it never does.
mod static_files;
/// WebSocket and its like.
mod upgrade;
