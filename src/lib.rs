//! rproxy
pub mod config;
pub mod handler;
pub mod http;
pub mod middleware;
pub mod net;
pub mod router;
pub mod upstream;
