//! The one place where a fault becomes a response, and a line in the error log.

use std::collections::BTreeMap;
use std::time::Instant;

use ::http::header::CONTENT_TYPE;
use ::http::{HeaderValue, StatusCode};
use bytes::Bytes;

use super::Record;
use crate::http::{Cause, Fault, Response, Side};
use crate::observe;

/// A site's own pages for errors: by status, then by class.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ErrorPages {
    pub exact: BTreeMap<u16, ErrorPage>,
    /// `4` for every 4xx, `5` for every 5xx.
    pub class: BTreeMap<u16, ErrorPage>,
}

/// What is shown for an error.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ErrorPage {
    /// As the file was when the configuration was loaded.
    File { content_type: HeaderValue, body: Bytes },
    /// An index into the site's locations.
    Location(usize),
}

impl ErrorPages {
    /// Whether any is a location's to show.
    pub fn lead_on(&self) -> bool {
        self.exact.values().chain(self.class.values()).any(|page| matches!(page, ErrorPage::Location(_)))
    }

    /// The location that shows an error of this status.
    pub fn location(&self, status: StatusCode) -> Option<usize> {
        match self.of(status)? {
            ErrorPage::Location(index) => Some(*index),
            ErrorPage::File { .. } => None,
        }
    }

    fn of(&self, status: StatusCode) -> Option<&ErrorPage> {
        let code = status.as_u16();
        self.exact.get(&code).or_else(|| self.class.get(&(code / 100)))
    }
}

/// Makes the response for a fault: the site's page, or a short plain one that tells nothing of the inside.
pub fn rescue(mut fault: Fault, pages: &ErrorPages) -> Response {
    let mut response = error_page(fault.status(), fault.cause.reason(), pages);
    response.trace.upstream = fault.upstream.take();
    tell(fault, &mut response);
    response
}

/// Has the page of a fault say what its status demands, and the log why it was sent.
pub fn tell(fault: Fault, response: &mut Response) {
    if let Some((name, value)) = fault.header.as_deref() {
        response.headers.insert(name, value.clone());
    }
    response.trace.fault = Some(Box::new(fault));
}

/// The answer of an error status: the site's page for it, unless that is a location's to show, or one line
/// with the reason.
pub fn error_page(status: StatusCode, reason: &str, pages: &ErrorPages) -> Response {
    let (content_type, body) = match pages.of(status) {
        Some(ErrorPage::File { content_type, body }) => (content_type.clone(), body.clone()),
        Some(ErrorPage::Location(_)) | None => {
            (HeaderValue::from_static("text/plain; charset=utf-8"), plain(status, reason))
        }
    };
    Response::new(status).with_header(CONTENT_TYPE, content_type).with_body(body)
}

fn plain(status: StatusCode, reason: &str) -> Bytes {
    let name = status.canonical_reason().unwrap_or("Error");
    let text = if reason.is_empty() { String::new() } else { format!(": {reason}") };
    format!("{} {name}{text}\n", status.as_u16()).into()
}

/// Tells the operator of a fault: loud when it is ours or an application's to mend, quiet when a client did
/// it. Many of the same cause are not all told of; see [`crate::observe::Floods`].
pub fn report(fault: &Fault, record: &Record) {
    let (cause, remedy) = (fault.cause.name(), fault.cause.remedy());
    if fault.cause == Cause::NotFound {
        return tracing::debug!(cause, request = record.request_line(), "{}", fault.detail);
    }
    let Some(more) = record.floods().count(fault.cause, &fault.detail, Instant::now()) else { return };
    let detail = if more == 0 { fault.detail.clone() } else { observe::with_more(&fault.detail, more) };
    let (request, client) = (record.request_line(), record.client_name());
    match fault.cause.side() {
        Side::Client => tracing::info!(cause, request, client, remedy, "{detail}"),
        Side::Upstream | Side::Here => tracing::error!(cause, request, client, remedy, "{detail}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::Body;

    #[test]
    fn the_page_gives_the_reason_and_nothing_of_the_inside() {
        for cause in Cause::ALL {
            let response = rescue(Fault::new(*cause, "/secret/path"), &ErrorPages::default());
            let Body::Bytes(body) = response.body else { panic!("{cause:?} has no page") };
            let text = String::from_utf8(body.to_vec()).unwrap();
            assert!(text.contains(cause.reason()) && !text.contains("secret"), "{text}");
            assert_eq!(response.status, cause.status());
        }
    }

    #[test]
    fn a_page_of_the_exact_status_comes_before_that_of_its_class() {
        let page = |text: &'static str| ErrorPage::File {
            content_type: HeaderValue::from_static("text/html"),
            body: Bytes::from_static(text.as_bytes()),
        };
        let mut pages = ErrorPages::default();
        pages.class.insert(5, page("any"));
        pages.exact.insert(502, page("502"));
        let body = |cause| match rescue(Fault::from(cause), &pages).body {
            Body::Bytes(body) => body,
            other => panic!("{other:?}"),
        };
        assert_eq!(body(Cause::SocketMissing), "502");
        assert_eq!(body(Cause::NoServer), "any");
        assert_ne!(body(Cause::NotFound), "any");
    }
}
