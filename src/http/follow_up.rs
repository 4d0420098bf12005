//! Requests that follow from another one: for a file that an application has chosen, or an error's page.

use std::rc::Rc;

use ::http::{HeaderName, Method, header};

use super::{Body, Captures, Request};

impl Request {
    /// Asks for the same, but only to read it, and without its body: what is asked for by it comes from
    /// elsewhere. As in nginx that is a GET, unless it was a HEAD.
    pub fn without_body(&mut self) {
        if self.method != Method::HEAD {
            self.method = Method::GET;
        }
        self.body = Body::Empty;
        self.headers.retain(|name| !is_of_the_body(name));
    }

    /// The request for the page of an error that this one may come to. That page is whole and new, whatever
    /// the client has of what it asked for.
    #[must_use]
    pub fn follow_up(&self) -> Self {
        let lasting = |name: &HeaderName| !is_of_the_body(name) && !is_conditional(name);
        let headers = self.headers.iter().filter(|(name, _)| lasting(name));
        Self {
            method: if self.method == Method::HEAD { Method::HEAD } else { Method::GET },
            version: self.version,
            target: self.target.clone(),
            authority: self.authority.clone(),
            headers: headers.map(|(name, value)| (name.clone(), value.clone())).collect(),
            body: Body::Empty,
            connection: Rc::clone(&self.connection),
            client: self.client.clone(),
            said: None,
            captures: Captures::default(),
            matched: 0,
            limits: Rc::clone(&self.limits),
            handling: Rc::clone(&self.handling),
            request_id: self.request_id.clone(),
            received: self.received,
            read: self.read,
            forwarded: self.forwarded,
            interim: self.interim.clone(),
        }
    }
}

/// What describes the body, or has it waited for (RFC 9110 10.1.1).
fn is_of_the_body(name: &HeaderName) -> bool {
    [
        header::CONTENT_LENGTH,
        header::CONTENT_TYPE,
        header::CONTENT_ENCODING,
        header::CONTENT_LANGUAGE,
        header::TRANSFER_ENCODING,
        header::TRAILER,
        header::EXPECT,
    ]
    .contains(name)
}

/// RFC 9110 13.1 and 14.2.
fn is_conditional(name: &HeaderName) -> bool {
    [
        header::RANGE,
        header::IF_RANGE,
        header::IF_MATCH,
        header::IF_NONE_MATCH,
        header::IF_MODIFIED_SINCE,
        header::IF_UNMODIFIED_SINCE,
    ]
    .contains(name)
}

#[cfg(test)]
mod tests {
    use super::super::testing::request_with;
    use super::*;

    const FIELDS: &[(&str, &str)] = &[
        ("content-type", "text/plain"),
        ("content-length", "4"),
        ("expect", "100-continue"),
        ("range", "bytes=0-1"),
        ("if-none-match", "*"),
        ("cookie", "a=1"),
    ];

    fn names(request: &Request) -> Vec<&str> {
        request.headers.keys().map(HeaderName::as_str).collect()
    }

    fn posted(method: Method) -> Request {
        let mut request = request_with("/a?b", FIELDS);
        request.method = method;
        request.body = Body::from("body");
        request
    }

    #[test]
    fn what_was_posted_is_not_asked_for_again() {
        let mut request = posted(Method::POST);
        request.without_body();
        assert_eq!((request.method.as_str(), request.body.is_empty()), ("GET", true));
        assert_eq!(names(&request), ["range", "if-none-match", "cookie"]);
    }

    #[test]
    fn the_page_of_an_error_is_asked_for_whole() {
        let page = posted(Method::POST).follow_up();
        assert_eq!((page.method.as_str(), page.body.is_empty()), ("GET", true));
        assert_eq!(names(&page), ["cookie"]);
        assert_eq!(page.target.raw, "/a?b");
    }

    #[test]
    fn a_head_stays_one() {
        let mut request = posted(Method::HEAD);
        assert_eq!(request.follow_up().method, Method::HEAD);
        request.without_body();
        assert_eq!(request.method, Method::HEAD);
    }
}
