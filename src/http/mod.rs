//! HTTP vocabulary: values and pure functions, without sockets, disk layout or configuration.

mod authority;
mod body;
mod bound;
mod captures;
mod chain;
pub mod conditional;
mod date;
mod escape;
mod fault;
mod forward;
mod forwarded;
mod header_rules;
mod hop;
mod limits;
mod media_type;
mod path;
pub mod range;
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

pub use body::{Body, Descriptor, Duplex, FileRange, Frame, Source, Stream, Tunnel};
pub use bound::Bound;
pub use date::Date;
pub use escape::encode_path;
pub use fault::{Cause, Fault, Retry, Side};
pub use forward::forward_headers;
pub use forwarded::TrustedProxies;
pub use header_rules::{HeaderRules, remove_all, set_or_remove};
pub use hop::{strip_response_hop_by_hop, upgrade_asked};
pub use limits::Limits;
pub use media_type::media_type;
pub use request::{Authority, Captures, Client, Connection, GroupNames, Interim, Request, Scheme, Target};
pub use request_id::RequestId;
pub use response::{OnEnd, Response, Sent, Trace};
pub use scope::Scope;
pub use template::Template;
