//! The header fields a location sets and removes.
//!
//! As in nginx a field whose value comes out empty is not sent. Values are taken before anything is
//! changed, so that a rule may move a field: set one from `$http_x`, and remove that.

use ::http::{HeaderMap, HeaderName, HeaderValue, header};
use smallvec::SmallVec;

use crate::http::{Bound, HeaderRules, Request, Response, Template};

/// Changes a request on its way to an upstream, after [`crate::http::forward_headers`]: what an
/// operator writes has the last word.
pub fn edit_request(rules: &HeaderRules, request: &mut Request) {
    if rules.is_empty() {
        return;
    }
    let values = rules.set.iter().map(|(name, template)| (name, template.render_header(&*request)));
    let values: SmallVec<[_; 4]> = values.collect();
    remove_all(&rules.remove, &mut request.headers);
    for (name, value) in values {
        if *name == header::HOST {
            // The codec writes Host, from here.
            request.authority.raw = value.as_bytes().to_vec().into();
        } else {
            set(&mut request.headers, name, value);
        }
    }
}

/// Changes to an answer, prepared while the request is still there.
#[derive(Debug, Default)]
pub struct ResponseEdits<'a> {
    remove: &'a [HeaderName],
    set: SmallVec<[(&'a HeaderName, Value); 4]>,
}

#[derive(Debug)]
enum Value {
    Ready(HeaderValue),
    /// Names the servers tried, which only the answer knows.
    Late(Bound),
}

impl<'a> ResponseEdits<'a> {
    pub fn new(rules: &'a HeaderRules, request: &Request) -> Self {
        let prepare = |template: &Template| {
            if template.needs_answer() {
                Value::Late(template.bind(request))
            } else {
                Value::Ready(template.render_header(request))
            }
        };
        let set = rules.set.iter().map(|(name, template)| (name, prepare(template))).collect();
        Self { remove: &rules.remove, set }
    }

    pub fn apply(self, response: &mut Response) {
        remove_all(self.remove, &mut response.headers);
        for (name, value) in self.set {
            let value = match value {
                Value::Ready(value) => value,
                Value::Late(bound) => bound.render_header(&response.trace),
            };
            set(&mut response.headers, name, value);
        }
    }
}

fn remove_all(names: &[HeaderName], headers: &mut HeaderMap) {
    for name in names {
        headers.remove(name);
    }
}

fn set(headers: &mut HeaderMap, name: &HeaderName, value: HeaderValue) {
    if value.is_empty() {
        headers.remove(name);
    } else {
        headers.insert(name, value);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::testing::request_with;

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
        edit_request(&rules, &mut request);
        assert_eq!(request.headers.get_all("x-env").iter().collect::<Vec<_>>(), ["prod"]);
        assert_eq!(request.headers["x-new"], "1");
        assert!(!request.headers.contains_key("x-old") && !request.headers.contains_key("x-none"));
    }

    #[test]
    fn a_host_that_is_set_is_what_the_upstream_is_asked_for() {
        let mut request = request_with("/", &[]);
        edit_request(&rules(&[("host", "internal.$host")], &[]), &mut request);
        assert_eq!(request.authority.raw, "internal.example.com");
        assert!(!request.headers.contains_key("host"));
    }

    #[test]
    fn answers_are_changed_by_what_the_request_was() {
        let rules = rules(&[("x-path", "$uri"), ("x-served-by", "$host $upstream_addr")], &["server"]);
        let edits = ResponseEdits::new(&rules, &request_with("/a", &[]));
        let mut response =
            Response::default().with_header(header::SERVER, HeaderValue::from_static("gunicorn"));
        response.trace.upstream = Some("127.0.0.1:8000".into());
        edits.apply(&mut response);
        assert!(!response.headers.contains_key("server"));
        assert_eq!(response.headers["x-path"], "/a");
        assert_eq!(response.headers["x-served-by"], "example.com 127.0.0.1:8000");
    }
}
