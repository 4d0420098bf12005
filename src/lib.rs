//! rproxy
pub mod app;
pub mod cli;
pub mod config;
pub mod handler;
pub mod http;
pub mod middleware;
pub mod net;
pub mod observe;
pub mod process;
pub mod router;
pub mod runtime;
pub mod server;
pub mod signals;
pub mod upstream;
