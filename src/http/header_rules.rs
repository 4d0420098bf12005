//! Changes to header fields that a location asks for.

use ::http::HeaderName;

use super::Template;

/// Fields to set, which replaces all of that name, and fields to remove.
#[derive(Clone, Debug, Default)]
pub struct HeaderRules {
    pub set: Vec<(HeaderName, Template)>,
    pub remove: Vec<HeaderName>,
}

impl HeaderRules {
    pub fn is_empty(&self) -> bool {
        self.set.is_empty() && self.remove.is_empty()
    }
}
