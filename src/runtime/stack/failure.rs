//! A request that no location has answered.

use std::fmt;

use ::http::StatusCode;
use ::http::header::{ACCEPT_RANGES, CACHE_CONTROL, CONTENT_RANGE, ETAG, LAST_MODIFIED};

use crate::http::accel::Handover;
use crate::http::{Fault, Response, Step, Tried};
use crate::middleware::{self, ErrorPages, Record, ResponseEdits};

/// What went wrong, with all that its page has to have.
pub(super) struct Failure<'a> {
    pub why: Why,
    /// Of the location where the way ended, if there is one.
    pub edits: ResponseEdits<'a>,
    /// Of an application whose answer led here: its cookies count all the same.
    pub handover: Option<Box<Handover>>,
    pub tried: Option<Box<Tried>>,
}

pub(super) enum Why {
    Fault(Fault),
    /// `try` ends in a status, which is no fault.
    Status(StatusCode),
}

impl Failure<'_> {
    pub fn status(&self) -> StatusCode {
        match &self.why {
            Why::Fault(fault) => fault.status(),
            Why::Status(status) => *status,
        }
    }

    pub fn report(&self, record: &Record) {
        if let Why::Fault(fault) = &self.why {
            middleware::report(fault, record);
        }
    }

    /// The site's page of its own, or a plain one.
    pub fn into_response(self, pages: &ErrorPages) -> Response {
        let mut response = match self.why {
            Why::Fault(fault) => middleware::rescue(fault, pages),
            Why::Status(status) => middleware::error_page(status, "", pages),
        };
        response.trace.upstream = self.tried;
        if let Some(handover) = self.handover {
            handover.apply(&mut response);
        }
        self.edits.apply(&mut response);
        response
    }

    /// Makes another location's answer the page of this error, whose status stays: it is no file any more
    /// of which a client could have a part or a copy.
    pub fn mark(self, response: &mut Response) {
        response.status = self.status();
        for name in [ETAG, LAST_MODIFIED, ACCEPT_RANGES, CONTENT_RANGE] {
            response.headers.remove(name);
        }
        // How long the page may be kept says nothing of the error. An application knows which one it shows.
        if response.trace.upstream.is_none() {
            response.headers.remove(CACHE_CONTROL);
        }
        go_on(self.tried, &mut response.trace.upstream);
        if let Some(handover) = self.handover {
            handover.apply(response);
        }
        if let Why::Fault(fault) = self.why {
            middleware::tell(fault, response);
        }
    }
}

impl Why {
    /// For who asks what became of a request.
    pub fn step(&self) -> Step {
        match self {
            Self::Fault(fault) => step(fault),
            Self::Status(status) => {
                let detail = format!("`try` ends in {}", status.as_u16());
                Step::Fail { status: *status, cause: None, detail }
            }
        }
    }
}

pub(super) fn step(fault: &Fault) -> Step {
    let (cause, detail) = (Some(fault.cause.name()), fault.detail.clone());
    Step::Fail { status: fault.status(), cause, detail }
}

impl From<Fault> for Why {
    fn from(fault: Fault) -> Self {
        Self::Fault(fault)
    }
}

impl fmt::Display for Failure<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.why {
            Why::Fault(fault) => fault.fmt(f),
            Why::Status(status) => write!(f, "`try` ends in {}", status.as_u16()),
        }
    }
}

/// Has what servers did before stand in front of what they did later.
pub(super) fn go_on(before: Option<Box<Tried>>, later: &mut Option<Box<Tried>>) {
    let Some(mut all) = before else { return };
    if let Some(later) = later.take() {
        all.go_on(*later);
    }
    *later = Some(all);
}
