//! Sockets and files without HTTP.

mod addr;
mod deadline;
pub mod disk;
mod listener;
mod memory;
mod residency;
mod sendfile;
mod socket;
mod socket_file;
mod stream;
mod tls;
mod waiting;

pub use addr::{ClientAddr, ListenAddr, UpstreamAddr, write_ip};
pub use deadline::Deadline;
pub use listener::Listener;
pub use memory::Memory;
pub use residency::{FileSystem, Residency, residency};
pub use sendfile::{SENDFILE_MAX, send_more, sendfile};
pub use socket::{Bound, Inherited};
pub use socket_file::{
    SocketAccess, claim_socket_file, is_live_socket, remove_socket_files, set_socket_access,
};
pub use stream::Stream;
pub use tls::TlsStream;
pub use waiting::Waiting;
