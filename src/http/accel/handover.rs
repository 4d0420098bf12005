//! An answer that leads on, and what of it stands on the answer in its stead.

use ::http::header::{
    ACCEPT_RANGES, CACHE_CONTROL, CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_LOCATION, CONTENT_RANGE,
    CONTENT_TYPE, DATE, ETAG, EXPIRES, LAST_MODIFIED, LOCATION, SERVER, SET_COOKIE, VARY,
};
use ::http::{HeaderName, HeaderValue, StatusCode};

use super::{Destination, charset};
use crate::http::{Fields, Rate, Response, Tried};

/// What an application has said in an answer that another location is to give.
#[derive(Debug)]
pub struct Handover {
    pub destination: Destination,
    said: Fields,
    charset: Option<HeaderValue>,
    pub(super) limit_rate: Option<Rate>,
    /// What the servers made of it, until somebody keeps that.
    pub tried: Option<Box<Tried>>,
}

impl Handover {
    pub(super) fn new(
        destination: Destination,
        mut said: Fields,
        charset: Option<HeaderValue>,
        limit_rate: Option<Rate>,
        tried: Option<Box<Tried>>,
    ) -> Self {
        said.retain(|name| !is_of_the_body(name));
        Self { destination, said, charset, limit_rate, tried }
    }

    /// What the application said of the answer.
    pub const fn said(&self) -> &Fields {
        &self.said
    }

    /// One that followed another: what was said before stands where nothing is said anew.
    pub fn follow(&mut self, earlier: Self) {
        let later = std::mem::replace(&mut self.said, earlier.said);
        overlay(&mut self.said, &later, |_| true);
        self.charset = self.charset.take().or(earlier.charset);
        self.limit_rate = self.limit_rate.or(earlier.limit_rate);
    }

    /// Has the answer say what the application said; its status stays, as in nginx.
    ///
    /// An error is not what the application has spoken of: that only takes the cookies along.
    pub fn apply(&self, response: &mut Response) {
        response.limit_rate = self.limit_rate.or(response.limit_rate);
        match response.status {
            StatusCode::NOT_MODIFIED => overlay(&mut response.headers, &self.said, may_stand_on_304),
            status if status.is_success() => {
                // Its own type says where its parts end (RFC 9110 14.6).
                let parts = has_parts(response);
                overlay(&mut response.headers, &self.said, |name| !(parts && *name == CONTENT_TYPE));
                charset::apply(self.charset.as_ref(), &mut response.headers);
            }
            _ => overlay(&mut response.headers, &self.said, |name| *name == SET_COOKIE),
        }
    }
}

/// Fields that speak of the answer which is not sent: of its body, or of where and when it was made.
fn is_of_the_body(name: &HeaderName) -> bool {
    let digests = ["content-md5", "digest", "content-digest", "repr-digest"];
    [
        CONTENT_LENGTH,
        CONTENT_ENCODING,
        CONTENT_RANGE,
        ACCEPT_RANGES,
        ETAG,
        LAST_MODIFIED,
        LOCATION,
        DATE,
        SERVER,
    ]
    .contains(name)
        || digests.contains(&name.as_str())
}

/// RFC 9110 15.4.5, but for what the file says itself; and a session goes on.
fn may_stand_on_304(name: &HeaderName) -> bool {
    [CACHE_CONTROL, CONTENT_LOCATION, EXPIRES, VARY, SET_COOKIE].contains(name)
}

fn has_parts(response: &Response) -> bool {
    let content_type = response.headers.get(CONTENT_TYPE).map_or(&b""[..], |value| value.as_bytes());
    let start = content_type.get(..b"multipart/byteranges".len());
    response.status == StatusCode::PARTIAL_CONTENT
        && start.is_some_and(|start| start.eq_ignore_ascii_case(b"multipart/byteranges"))
}

/// Fields of `over` that are `wanted` take the place of those below. Cookies, and what an answer varies
/// by, come together from both.
fn overlay(below: &mut Fields, over: &Fields, wanted: impl Fn(&HeaderName) -> bool) {
    below.retain(|name| !wanted(name) || adds_up(name) || !over.contains_key(name));
    for (name, value) in over.iter().filter(|(name, _)| wanted(name)) {
        if *name != VARY || !below.get_all(VARY).any(|known| known == value) {
            below.append(name, value.clone());
        }
    }
}

fn adds_up(name: &HeaderName) -> bool {
    *name == SET_COOKIE || *name == VARY
}
