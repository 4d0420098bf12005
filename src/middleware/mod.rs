//! What happens around every handler, one concern each.

mod access_line;
mod buffer;
mod delivery;
mod headers;
mod limits;
mod record;
mod rescue;

pub use access_line::AccessFormat;
pub use buffer::{Overflow, RequestBuffer, ResponseBuffer};
pub use delivery::Delivery;
pub use headers::ResponseEdits;
pub use limits::{BodyLimit, limit_body};
pub use record::{Journal, Record};
pub use rescue::{ErrorPage, ErrorPages, error_page, report, rescue};
