//! Sockets without HTTP.

mod addr;
mod deadline;
mod stream;

pub use addr::{ClientAddr, ListenAddr, UpstreamAddr};
pub use deadline::Deadline;
pub use stream::Stream;
