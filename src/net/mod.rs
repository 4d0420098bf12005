//! Sockets without HTTP.

mod addr;
mod deadline;
mod sendfile;
mod socket;
mod stream;

pub use addr::{ClientAddr, ListenAddr, UpstreamAddr, write_ip};
pub use deadline::Deadline;
pub use sendfile::{SENDFILE_MAX, send_more, sendfile};
pub use socket::{Bound, Listener, is_live_socket, remove_socket_files};
pub use stream::Stream;
