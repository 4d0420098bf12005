//! HTTP vocabulary: values and pure functions, without sockets, disk layout or configuration.

mod body;
pub mod conditional;
mod date;
mod fault;
mod media_type;
pub mod range;
mod request;
mod response;
mod template;

pub use body::{Body, Duplex, FileRange, Frame, Source, Stream, Tunnel};
pub use date::Date;
pub use fault::{Cause, Fault, Retry, Side};
pub use media_type::media_type;
pub use request::{Authority, Captures, Client, Connection, Interim, Request, Scheme, Target};
pub use response::{OnEnd, Response, Sent, Trace};
pub use template::Template;
