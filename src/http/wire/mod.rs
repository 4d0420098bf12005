//! HTTP/1.1 on the wire (RFC 9112): pure functions on bytes, used for requests and for responses.
//!
//! One strictness for both sides: what two parsers could read differently is refused, and what goes
//! out is always written anew, so that no framing of one peer ever reaches the other.

pub mod chunked;
mod error;
pub mod fields;
pub mod framing;
mod response_head;

pub use error::WireError;
pub use framing::BodyLength;
pub use response_head::{MAX_RESPONSE_FIELDS, ResponseHead, check_start};
