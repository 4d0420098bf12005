//! Changes to header fields that a location asks for.
//!
//! As in nginx a field whose value comes out empty is not sent. Values are taken before anything is
//! changed, so that a rule may move a field: set one from `$http_x`, and remove that.

use ::http::{HeaderName, HeaderValue, header};
use smallvec::SmallVec;

use super::{Fields, Request, Template};

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

    /// Whether a field may be another after [`Self::edit`].
    pub fn touch(&self, name: &HeaderName) -> bool {
        self.remove.contains(name) || self.set.iter().any(|(set, _)| set == name)
    }

    /// Changes a request on its way to an upstream, after [`super::forward_headers`]: what an
    /// operator writes has the last word.
    pub fn edit(&self, request: &mut Request) {
        if self.is_empty() {
            return;
        }
        let values = self.set.iter().map(|(name, template)| (name, template.render_header(&*request)));
        let values: SmallVec<[_; 4]> = values.collect();
        remove_all(&self.remove, &mut request.headers);
        for (name, value) in values {
            if *name == header::HOST {
                // The codec writes Host, from here.
                request.authority.raw = value.as_bytes().to_vec().into();
            } else {
                set_or_remove(&mut request.headers, name, value);
            }
        }
    }
}

pub fn remove_all(names: &[HeaderName], headers: &mut Fields) {
    for name in names {
        headers.remove(name);
    }
}

pub fn set_or_remove(headers: &mut Fields, name: &HeaderName, value: HeaderValue) {
    if value.is_empty() {
        headers.remove(name);
    } else {
        headers.insert(name, value);
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::request_with;
    use super::*;

    fn rules(set: &[(&str, &str)], remove: &[&str]) -> HeaderRules {
        let name = |text: &str| text.parse::<HeaderName>().unwrap();
        HeaderRules {
            set: set.iter().map(|(n, text)| (name(n), Template::parse(text).unwrap())).collect(),
            remove: remove.iter().map(|n| name(n)).collect(),
        }
    }

    #[test]
    fn request_fields_are_set_moved_and_removed() {
        let rules =
            rules(&[("x-env", "prod"), ("x-new", "$http_x_old"), ("x-none", "$http_nothing")], &["x-old"]);
        let mut request =
            request_with("/", &[("x-old", "1"), ("x-none", "2"), ("x-env", "a"), ("x-env", "b")]);
        rules.edit(&mut request);
        assert_eq!(request.headers.get_all("x-env").collect::<Vec<_>>(), ["prod"]);
        assert_eq!(request.headers["x-new"], "1");
        assert!(!request.headers.contains_key("x-old") && !request.headers.contains_key("x-none"));
    }

    #[test]
    fn a_host_that_is_set_is_what_the_upstream_is_asked_for() {
        let mut request = request_with("/", &[]);
        rules(&[("host", "internal.$host")], &[]).edit(&mut request);
        assert_eq!(request.authority.raw, "internal.example.com");
        assert!(!request.headers.contains_key("host"));
    }
}
