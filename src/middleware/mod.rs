//! One concern each, around whatever answers a request.

mod headers;

pub use headers::{ResponseEdits, edit_request};
