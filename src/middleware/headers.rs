//! The header fields a location sets and removes in answers. Those of requests are the proxy's to change.

use ::http::header::VARY;
use ::http::{HeaderName, HeaderValue};

use crate::coding::{varies_by_coding, vary_by_coding};
use crate::http::{Bound, HeaderRules, Request, Response, Template, remove_all, set_or_remove};

/// Changes to an answer, prepared while the request is still there.
#[derive(Debug, Default)]
pub struct ResponseEdits<'a> {
    remove: &'a [HeaderName],
    set: Vec<(&'a HeaderName, Value)>,
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
        // What an answer varies by here stays true whatever else it varies by.
        let is_coded = varies_by_coding(&response.headers);
        let sets_vary = self.set.iter().any(|(name, _)| **name == VARY);
        remove_all(self.remove, &mut response.headers);
        for (name, value) in self.set {
            let value = match value {
                Value::Ready(value) => value,
                Value::Late(bound) => bound.render_header(&response.trace),
            };
            set_or_remove(&mut response.headers, name, value);
        }
        if is_coded && sets_vary {
            vary_by_coding(&mut response.headers);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::Attempt;
    use crate::http::testing::request_with;

    fn rules(set: &[(&str, &str)], remove: &[&str]) -> HeaderRules {
        let name = |text: &str| text.parse::<HeaderName>().unwrap();
        HeaderRules {
            set: set.iter().map(|(n, text)| (name(n), Template::parse(text).unwrap())).collect(),
            remove: remove.iter().map(|n| name(n)).collect(),
        }
    }

    #[test]
    fn an_answer_goes_on_to_vary_by_its_coding() {
        let vary = |said: &'static str| {
            let rules = rules(&[("vary", "Cookie")], &[]);
            let mut response = Response::default().with_header(VARY, HeaderValue::from_static(said));
            ResponseEdits::new(&rules, &request_with("/", &[])).apply(&mut response);
            response.headers["vary"].clone()
        };
        assert_eq!(vary("Accept-Encoding"), "Cookie, Accept-Encoding");
        assert_eq!(vary("Origin"), "Cookie");
    }

    #[test]
    fn answers_are_changed_by_what_the_request_was() {
        let rules = rules(&[("x-path", "$uri"), ("x-served-by", "$host $upstream_addr")], &["server"]);
        let edits = ResponseEdits::new(&rules, &request_with("/a", &[]));
        let mut response =
            Response::default().with_header(::http::header::SERVER, HeaderValue::from_static("gunicorn"));
        let tried = response.trace.upstream.get_or_insert_default();
        tried.attempts.push(Attempt::begin("127.0.0.1:8000".into()));
        edits.apply(&mut response);
        assert!(!response.headers.contains_key("server"));
        assert_eq!(response.headers["x-path"], "/a");
        assert_eq!(response.headers["x-served-by"], "example.com 127.0.0.1:8000");
    }
}
