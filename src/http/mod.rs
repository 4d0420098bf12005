//! HTTP vocabulary: values and pure functions, without sockets, disk layout or configuration.

mod body;
mod fault;
mod limits;
mod request;
mod response;
mod template;
pub mod wire;

pub use body::{Body, Duplex, FileRange, Frame, Source, Stream, Tunnel};
pub use fault::{Cause, Fault, Retry, Side};
pub use limits::Limits;
pub use request::{Authority, Captures, Client, Connection, Interim, Request, Scheme, Target};
pub use response::{OnEnd, Response, Sent, Trace};
pub use template::Template;
