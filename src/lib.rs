//! rproxy
pub mod config;
pub mod handler;
pub mod http;
pub mod net;
pub mod process;
pub mod router;
