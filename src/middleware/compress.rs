//! `compress`: the answers of applications, coded on their way.

use ::http::header::{CONTENT_LENGTH, CONTENT_TYPE, HeaderValue};
use ::http::{Method, StatusCode, Version};

use super::has_type;
use crate::coding::{Accepted, Coding, Policy, encode_body, mark_coded, vary_by_coding, weaken_etag};
use crate::http::{Request, Response};

/// What a request has to say about it, taken before the handler has the request.
#[derive(Clone, Copy, Debug)]
pub struct Compression {
    /// What the client is sent; `None` is the content as it is.
    coding: Option<Coding>,
    head_only: bool,
}

impl Compression {
    /// Clients of HTTP/1.0 know no chunks: they would pay with their connection.
    pub fn new(policy: &Policy, request: &Request) -> Self {
        let coding = Accepted::of(&request.headers).choose(&policy.codings);
        Self {
            coding: coding.filter(|_| request.version != Version::HTTP_10),
            head_only: request.method == Method::HEAD,
        }
    }

    /// Compresses the body, and changes the fields accordingly, if that is worth it. Those that a client
    /// which decodes nothing gets tell caches that others may get something else.
    pub fn apply(self, policy: &Policy, response: &mut Response) {
        if response.status == StatusCode::NOT_MODIFIED {
            return self.confirm(policy, response);
        }
        if !policy.concerns(response.status, &response.headers, self.length(response)) {
            return;
        }
        vary_by_coding(&mut response.headers);
        let Some(coding) = self.coding else { return };
        let is_live = has_type(&response.headers, b"text/event-stream");
        if self.head_only || encode_body(&mut response.body, coding, &policy.levels, is_live) {
            mark_coded(&mut response.headers, coding);
        }
    }

    /// A 304 has the Vary and the ETag of the answer it stands for (RFC 9110 15.4.5), but need not tell the
    /// type of it.
    fn confirm(self, policy: &Policy, response: &mut Response) {
        let covers = |content_type: &HeaderValue| policy.covers(content_type, None);
        if !policy.allows(&response.headers) || !response.headers.get(CONTENT_TYPE).is_none_or(covers) {
            return;
        }
        vary_by_coding(&mut response.headers);
        if self.coding.is_some() {
            weaken_etag(&mut response.headers);
        }
    }

    fn length(self, response: &Response) -> Option<u64> {
        if self.head_only {
            return response.headers.get_single(CONTENT_LENGTH)?.to_str().ok()?.parse().ok();
        }
        response.body.length()
    }
}

#[cfg(test)]
mod tests;
