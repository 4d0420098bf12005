//! A request made ready for an upstream: once, however many servers are tried.

use ::http::header::{TE, UPGRADE};
use ::http::{HeaderValue, Version};

use crate::http::wire::framing::has_token;
use crate::http::{HeaderRules, Request, forward_headers, upgrade_asked};

/// Leaves in `headers` what the server gets. `Upgrade` and `TE` stand there only if they may be passed on:
/// the codec makes the Connection field that belongs to them.
pub(super) fn prepare(request: &mut Request, rules: &HeaderRules) {
    let upgrade = upgrade_asked(request);
    let takes_trailers = request.version == Version::HTTP_11 && has_token(&request.headers, &TE, b"trailers");
    forward_headers(request);
    if !rules.is_empty() {
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
}
