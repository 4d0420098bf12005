//! What happens around every handler, one concern each.

mod limits;
mod record;
mod rescue;

pub use limits::{BodyLimit, limit_body};
pub use record::Record;
pub use rescue::{ErrorPage, ErrorPages, error_page, report, rescue};
