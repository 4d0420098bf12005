//! Responses ahead of the final one (RFC 9110 15.2).

use ::http::StatusCode;

use crate::http::Interim;
use crate::http::wire::ResponseHead;
use crate::http::wire::fields::is_hop_by_hop;

/// Gives an interim response to the client: 103 and what may come yet, but no 100, which the client's
/// side of the server sends when it asks for the body.
pub(super) fn pass_on(mut head: ResponseHead, interim: Option<&Interim>) {
    let Some(Interim(send)) = interim else { return };
    if head.status == StatusCode::CONTINUE {
        return;
    }
    head.headers.retain(|name| !is_hop_by_hop(name));
    send(head.status, &head.headers);
}
