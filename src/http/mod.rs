//! HTTP vocabulary: values and pure functions, without sockets, disk layout or configuration.

mod authority;
mod body;
mod bound;
mod captures;
mod chain;
mod escape;
mod fault;
mod forward;
mod forwarded;
mod header_rules;
mod hop;
mod path;
mod redirect;
mod request;
mod request_id;
mod response;
mod rewrite;
mod scope;
mod template;
#[cfg(test)]
pub mod testing;
mod variable;
mod vetting;
pub mod wire;

pub use body::{Body, Duplex, FileRange, Frame, Source, Stream, Tunnel};
pub use bound::Bound;
pub use escape::encode_path;
pub use fault::{Cause, Fault, Retry, Side};
pub use forward::forward_headers;
pub use forwarded::TrustedProxies;
pub use header_rules::HeaderRules;
pub use hop::{strip_response_hop_by_hop, upgrade_asked};
pub use request::{Authority, Captures, Client, Connection, Interim, Request, Scheme, Target};
pub use request_id::RequestId;
pub use response::{OnEnd, Response, Sent, Trace};
pub use scope::Scope;
pub use template::Template;
