//! HTTP vocabulary: values and pure functions, without sockets, disk layout or configuration.

mod body;
mod fault;
mod forwarded;
mod header_rules;
mod limits;
mod request;
mod request_id;
mod response;
mod template;
mod variable;
pub mod wire;

pub use body::{Body, Duplex, FileRange, Frame, Source, Stream, Tunnel};
pub use fault::{Cause, Fault, Retry, Side};
pub use forwarded::TrustedProxies;
pub use header_rules::HeaderRules;
pub use limits::Limits;
pub use request::{Authority, Captures, Client, Connection, Interim, Request, Scheme, Target};
pub use request_id::RequestId;
pub use response::{OnEnd, Response, Sent, Trace};
pub use template::Template;
