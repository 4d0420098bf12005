//! Answers that the configuration itself gives: `redirect` and `respond`.

use ::http::StatusCode;
use ::http::header::{CONTENT_TYPE, LOCATION};

use super::Outcome;
use crate::http::{Body, Request, Response, Template};

/// `redirect = { to = "…", status = 301 }`
#[derive(Clone, Debug)]
pub struct Redirect {
    pub to: Template,
    pub status: StatusCode,
}

impl Redirect {
    pub fn answer(&self, request: &Request) -> Outcome {
        let location = self.to.render_location(request);
        Outcome::Response(Response::new(self.status).with_header(LOCATION, location))
    }
}

/// `respond = { status = 200, body = "…", type = "…" }`, nginx's `return`.
#[derive(Clone, Debug)]
pub struct Respond {
    pub status: StatusCode,
    pub body: Template,
    pub content_type: Template,
}

impl Respond {
    pub fn answer(&self, request: &Request) -> Outcome {
        let body = self.body.render(request);
        let response = Response::new(self.status);
        if body.is_empty() {
            return Outcome::Response(response);
        }
        let content_type = self.content_type.render_header(request);
        Outcome::Response(response.with_header(CONTENT_TYPE, content_type).with_body(Body::Bytes(body)))
    }
}
