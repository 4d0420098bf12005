//! Whether a request may be sent again: known from what was sent and received, never guessed.

use ::http::Method;

use crate::http::{Body, Cause, Request};
use crate::upstream::{Failure, RetryRules};

/// What is to be done about an exchange that brought no answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// The connection had been kept too long: the same server is asked over a new one.
    NewConnection,
    /// The server has seen nothing of it.
    Unsent,
    Repeatable,
    Final,
}

/// Whether a request can be spoken again even after a server may have seen it (RFC 9110 9.2.2).
pub(super) fn is_repeatable(request: &Request, rules: &RetryRules) -> bool {
    is_harmless(&request.method, rules) && !matches!(request.body, Body::Stream(_))
}

fn is_harmless(method: &Method, rules: &RetryRules) -> bool {
    method.is_idempotent() || rules.non_idempotent
}

/// RFC 9110 9.2.2, and what the upstream's `retry` says.
pub(super) fn judge(method: &Method, failure: &Failure, is_kept: bool, rules: &RetryRules) -> Verdict {
    let cause = failure.fault.cause;
    if failure.body.is_none() {
        return Verdict::Final;
    }
    if failure.untouched {
        return if is_kept { Verdict::NewConnection } else { Verdict::Unsent };
    }
    // Once a byte of an answer is there the request has been executed, unless that says it was not. A whole
    // head whose body broke off is no answer yet: nothing of it was passed on.
    let unanswered = !failure.answered || matches!(cause, Cause::RefusedByStatus | Cause::ResponseCutShort);
    if !unanswered || !is_harmless(method, rules) {
        return Verdict::Final;
    }
    match cause {
        Cause::ReusedConnectionClosed => Verdict::NewConnection,
        _ if is_listed(cause, rules) => Verdict::Repeatable,
        _ => Verdict::Final,
    }
}

/// A status in `retry.on` stands for our own answers with it as well.
fn is_listed(cause: Cause, rules: &RetryRules) -> bool {
    let on = &rules.on;
    match cause {
        Cause::ClosedBeforeAnswer
        | Cause::ResetBeforeAnswer
        | Cause::StreamReset
        | Cause::ResponseCutShort => on.closed || on.statuses.contains(cause.status()),
        Cause::FirstByteTimeout | Cause::SendTimeout => on.timeout || on.statuses.contains(cause.status()),
        Cause::RefusedByStatus => true,
        _ => false,
    }
}
