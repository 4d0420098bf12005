//! A request made ready for an upstream: once, however many servers are tried.

use ::http::header::{TE, UPGRADE};
use ::http::{HeaderName, HeaderValue, Version};
use bytes::Bytes;

use crate::http::wire::framing::has_token;
use crate::http::{Fields, HeaderRules, Request, forward_headers, upgrade_asked};

/// What a location's rules may have changed, for when the request goes on elsewhere: what one application
/// is told, a secret perhaps, is not another's to know.
#[derive(Debug)]
pub(super) struct Before {
    fields: Fields,
    host: Bytes,
}

impl Before {
    fn of(request: &Request, rules: &HeaderRules) -> Self {
        let touched = request.headers.iter().filter(|(name, _)| rules.touch(name));
        let fields = touched.map(|(name, value)| (name.clone(), value.clone())).collect();
        Self { fields, host: request.authority.raw.clone() }
    }

    pub fn restore(self, request: &mut Request, rules: &HeaderRules) {
        request.authority.raw = self.host;
        request.headers.retain(|name: &HeaderName| !rules.touch(name));
        for (name, value) in self.fields.iter() {
            request.headers.append(name, value.clone());
        }
    }
}

/// Leaves in `headers` what the server gets. `Upgrade` and `TE` stand there only if they may be passed on:
/// the codec makes the Connection field that belongs to them.
pub(super) fn prepare(request: &mut Request, rules: &HeaderRules) -> Option<Before> {
    let upgrade = upgrade_asked(request);
    let takes_trailers = request.version >= Version::HTTP_11 && has_token(&request.headers, &TE, b"trailers");
    forward_headers(request);
    let before = (!rules.is_empty()).then(|| Before::of(request, rules));
    if before.is_some() {
        // What the operator writes has the last word over what is forwarded by default.
        rules.edit(request);
        request.headers.retain(|name| *name != TE && *name != UPGRADE);
    }
    if takes_trailers {
        request.headers.append(TE, HeaderValue::from_static("trailers"));
    }
    if let Some(protocol) = upgrade {
        request.headers.append(UPGRADE, protocol);
    }
    before
}
