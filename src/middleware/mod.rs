//! What happens around every handler, one concern each.

mod access_line;
mod buffer;
mod compress;
mod delivery;
mod headers;
mod limits;
mod record;
mod rescue;

pub use access_line::AccessFormat;
pub use buffer::{Overflow, RequestBuffer, ResponseBuffer};
pub use compress::Compression;
pub use delivery::Delivery;
pub use headers::ResponseEdits;
pub use limits::{BodyLimit, limit_body};
pub use record::{Journal, Record};
pub use rescue::{ErrorPage, ErrorPages, error_page, report, rescue, tell};

use ::http::header::CONTENT_TYPE;

use crate::http::Fields;

/// Whether the media type begins so: what it is about, without suffix and parameters.
fn has_type(headers: &Fields, start: &[u8]) -> bool {
    let content_type = headers.get(CONTENT_TYPE).map_or(&b""[..], |value| value.as_bytes());
    content_type.get(..start.len()).is_some_and(|found| found.eq_ignore_ascii_case(start))
}
