//! A response on its way to the client.

use ::http::{HeaderName, HeaderValue, StatusCode};

use super::{Body, Fault, Fields, Rate, Tried};

/// Status, fields and body. Framing fields (Content-Length, Transfer-Encoding, Connection) are the
/// writer's business: what stands in `headers` of them is ignored, except the Content-Length of an
/// answer to HEAD and of a 304.
#[derive(Debug, Default)]
pub struct Response {
    pub status: StatusCode,
    pub headers: Fields,
    pub body: Body,
    /// The writer sends it no faster than that. `None` says nothing, and so is no limit either.
    pub limit_rate: Option<Rate>,
    /// Nothing more is answered on this connection of HTTP/1.
    pub closes: bool,
    /// What the access log says of how it came about.
    pub trace: Trace,
    /// Called once by the writer, when the last byte is out or will never be.
    pub on_end: OnEnd,
}

impl Response {
    #[must_use]
    pub fn new(status: StatusCode) -> Self {
        Self { status, ..Self::default() }
    }

    #[must_use]
    pub fn with_header(mut self, name: HeaderName, value: HeaderValue) -> Self {
        self.headers.insert(name, value);
        self
    }

    #[must_use]
    pub fn with_body(mut self, body: impl Into<Body>) -> Self {
        self.body = body.into();
        self
    }
}

impl From<Body> for Response {
    fn from(body: Body) -> Self {
        Self { body, ..Self::default() }
    }
}

/// How a response came about, for the log.
#[derive(Debug, Default)]
pub struct Trace {
    /// What the servers of an upstream made of it. A response is moved often, and few have this.
    pub upstream: Option<Box<Tried>>,
    /// The fault this response was made from.
    pub fault: Option<Box<Fault>>,
}

/// How the transfer of a response ended.
#[derive(Debug)]
pub struct Sent {
    /// Bytes of the body that were given to the kernel.
    pub body_bytes: u64,
    /// Bytes of head and body.
    pub bytes: u64,
    /// Why it is incomplete, if it is.
    pub fault: Option<Fault>,
}

type EndCall = Box<dyn FnOnce(Sent)>;

/// The call a response owes when it is over.
#[derive(Default)]
pub struct OnEnd(Option<EndCall>);

impl OnEnd {
    pub fn new(call: impl FnOnce(Sent) + 'static) -> Self {
        Self(Some(Box::new(call)))
    }

    pub fn call(&mut self, sent: Sent) {
        if let Some(call) = self.0.take() {
            call(sent);
        }
    }
}

impl std::fmt::Debug for OnEnd {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("OnEnd")
    }
}
