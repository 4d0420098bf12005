//! rproxy
pub mod config;
pub mod http;
pub mod net;
pub mod router;
