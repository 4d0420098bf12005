//! Sockets without HTTP.

mod addr;

pub use addr::{ClientAddr, ListenAddr, UpstreamAddr};
