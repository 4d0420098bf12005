//! A directory that each request names: `files = "sites/$host"`.

use bytes::Bytes;

use super::resolve::{is_hidden, is_plain};
use crate::http::{Request, Template};

/// The part of `files` behind the directory that is fixed.
#[derive(Debug)]
pub struct Root(Option<Template>);

impl Root {
    pub fn new(below: Option<Template>) -> Self {
        Self(below)
    }

    /// The directory below the fixed one; empty if all is fixed. `None` leads nowhere: a variable is empty,
    /// or makes a path of more than names.
    pub fn of(&self, request: &Request) -> Option<Bytes> {
        let Some(template) = &self.0 else { return Some(Bytes::new()) };
        let path = template.render(request);
        let path = path.strip_suffix(b"/").map_or_else(|| path.clone(), |bare| path.slice_ref(bare));
        (is_plain(&path) && !is_hidden(&path)).then_some(path)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::testing::request_with;

    fn root(template: &str, value: &str) -> Option<Bytes> {
        let request = request_with("/", &[("x-name", value)]);
        Root::new(Some(Template::parse(template).unwrap())).of(&request)
    }

    #[test]
    fn each_request_names_its_directory() {
        assert_eq!(root("$host/public", "").unwrap(), "example.com/public");
        assert_eq!(root("$http_x_name/", "a b").unwrap(), "a b");
        assert_eq!(root("v-$http_x_name", "1/2").unwrap(), "v-1/2");
        assert_eq!(Root::new(None).of(&request_with("/", &[])).unwrap(), "");
    }

    #[test]
    fn a_variable_that_climbs_or_hides_or_is_empty_leads_nowhere() {
        for value in ["", "..", ".", "../a", "a/../../b", "/etc", "a//b", ".git", "a/.ssh", "a/"] {
            assert_eq!(root("$http_x_name/www", value), None, "{value:?}");
        }
    }
}
