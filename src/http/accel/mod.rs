//! What an application's answer says to the server in front of it: nginx's `X-Accel-` fields, and
//! `X-Sendfile`, which lighttpd and Apache know. Their names stand here alone; no client sees any of them.

mod charset;
mod destination;
mod expires;
mod handover;

use std::num::NonZeroU64;

use ::http::{HeaderName, HeaderValue};

use super::{Body, Fields, LimitRate, Rate, Response};

pub use destination::{Destination, Lead, plain_path};
pub use handover::Handover;

const REDIRECT: HeaderName = HeaderName::from_static("x-accel-redirect");
const SENDFILE: HeaderName = HeaderName::from_static("x-sendfile");
const LIMIT_RATE: HeaderName = HeaderName::from_static("x-accel-limit-rate");
const CHARSET: HeaderName = HeaderName::from_static("x-accel-charset");
const EXPIRES: HeaderName = HeaderName::from_static("x-accel-expires");
const BUFFERING: HeaderName = HeaderName::from_static("x-accel-buffering");

/// What an answer says to its front server, but for `X-Accel-Buffering`.
#[derive(Debug, Default)]
pub struct Accel {
    destination: Option<Destination>,
    limit_rate: Option<Rate>,
    charset: Option<HeaderValue>,
    expires: Option<HeaderValue>,
}

impl Accel {
    /// Takes it out of the fields, together with what is not known here. `None` for most answers, which
    /// are only looked through.
    pub fn take(headers: &mut Fields) -> Option<Self> {
        if !headers.keys().any(is_taken) {
            return None;
        }
        let redirect = headers.get(REDIRECT).cloned().map(Destination::Redirect);
        let sendfile = || headers.get(SENDFILE).cloned().map(Destination::Sendfile);
        let accel = Self {
            destination: redirect.or_else(sendfile),
            limit_rate: headers.get(LIMIT_RATE).and_then(limit_rate),
            charset: headers.get(CHARSET).cloned(),
            expires: headers.get(EXPIRES).cloned(),
        };
        headers.retain(|name| !is_taken(name));
        Some(accel)
    }

    /// Applies it to the answer; or tells what goes on elsewhere, in which case the body is of no use.
    pub fn apply(self, response: &mut Response) -> Option<Handover> {
        if matches!(response.body, Body::Tunnel(_)) {
            return None;
        }
        if let Some(destination) = self.destination {
            let mut said = std::mem::take(&mut response.headers);
            said.remove(BUFFERING);
            expires::apply(self.expires.as_ref(), &mut said);
            let tried = response.trace.upstream.take();
            return Some(Handover::new(destination, said, self.charset, self.limit_rate, tried));
        }
        charset::apply(self.charset.as_ref(), &mut response.headers);
        response.limit_rate = self.limit_rate;
        None
    }
}

/// `X-Accel-Buffering`, whether an answer is to be buffered; taken out.
pub fn take_buffering(headers: &mut Fields) -> Option<bool> {
    let said = headers.get(BUFFERING).map(said);
    if said.is_some() {
        headers.remove(BUFFERING);
    }
    said.flatten()
}

/// Whether the application wants each piece passed on as it comes.
pub fn streams(headers: &Fields) -> bool {
    headers.get(BUFFERING).and_then(said) == Some(false)
}

/// Whether something else is sent than the answer's body, which may not even come: with `X-Sendfile`
/// werkzeug announces the length of the file.
pub fn leads_on(headers: &Fields) -> bool {
    headers.contains_key(REDIRECT) || headers.contains_key(SENDFILE)
}

/// All that could be meant for a front server; the word on buffering is taken where bodies are.
fn is_taken(name: &HeaderName) -> bool {
    let Some(text) = name.as_str().strip_prefix("x-") else { return false };
    text == "sendfile" || (text.starts_with("accel-") && *name != BUFFERING)
}

/// nginx knows these two words, in any letter case.
fn said(value: &HeaderValue) -> Option<bool> {
    match value.as_bytes().trim_ascii() {
        word if word.eq_ignore_ascii_case(b"yes") => Some(true),
        word if word.eq_ignore_ascii_case(b"no") => Some(false),
        _ => None,
    }
}

/// `X-Accel-Limit-Rate`, which has the last word over a location: digits, as nginx reads them; `off` is what it
/// writes for none.
fn limit_rate(value: &HeaderValue) -> Option<Rate> {
    let text = value.to_str().ok()?.trim();
    if text.eq_ignore_ascii_case("off") {
        return Some(Rate::Unlimited);
    }
    let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let rate = text.parse().ok().filter(|_| digits)?;
    let limit = NonZeroU64::new(rate).map(|rate| LimitRate { rate, after: 0 });
    Some(limit.map_or(Rate::Unlimited, Rate::Limited))
}

#[cfg(test)]
mod tests;
