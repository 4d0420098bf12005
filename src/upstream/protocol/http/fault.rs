//! Faults of an exchange, each with the server, the phase and the numbers seen.

use std::fmt::Display;
use std::io;
use std::time::Duration;

use ::http::StatusCode;

use super::conversation::Conversation;
use crate::http::wire::WireError;
use crate::http::{Cause, Fault};
use crate::tls::explain;
use crate::upstream::connect::distrust_cause;

/// So much of an answer that is no HTTP is shown.
const SHOWN: usize = 40;
/// An answer that takes longer than this before the connection closes was likely cut by the app server.
const LONG: Duration = Duration::from_secs(5);

fn fault(conversation: &Conversation, cause: Cause, what: impl Display) -> Fault {
    Fault::new(cause, format!("{} {what}", conversation.lease().label()))
}

/// The connection ended where an answer's head should have been.
pub(super) fn closed(conversation: &Conversation, error: Option<&io::Error>) -> Fault {
    let how = error
        .map_or_else(|| "closed the connection".into(), |error| format!("broke the connection ({error})"));
    if let Some(distrust) = error.and_then(explain).filter(|_| !conversation.is_reused()) {
        return fault(
            conversation,
            distrust_cause(&distrust),
            format!("ended the connection: TLS: {distrust}"),
        );
    }
    let elapsed = conversation.sent_at.elapsed();
    let seconds = elapsed.as_secs_f64();
    if conversation.answered {
        let what = format!("{how} {seconds:.1} s after the request was sent, within the head of its answer");
        return fault(conversation, Cause::ClosedBeforeAnswer, what);
    }
    if conversation.is_reused() {
        let what = format!("{how}, which was kept from an earlier request, before any byte of an answer");
        return fault(conversation, Cause::ReusedConnectionClosed, what);
    }
    if error.is_some_and(|error| error.kind() == io::ErrorKind::ConnectionReset) {
        return fault(conversation, Cause::ResetBeforeAnswer, format!("{how} before any byte of an answer"));
    }
    if !conversation.is_sent() {
        let what = format!("{how} while the request was being sent, before any byte of an answer");
        return fault(conversation, Cause::ClosedBeforeAnswer, what);
    }
    let guess = if elapsed >= LONG { "; likely the worker's own time limit" } else { "" };
    let what =
        format!("{how} {seconds:.1} s after the request was sent, before any byte of an answer{guess}");
    fault(conversation, Cause::ClosedBeforeAnswer, what)
}

pub(super) fn malformed(conversation: &Conversation, error: WireError, bytes: &[u8]) -> Fault {
    if error == WireError::TooManyFields {
        return fault(conversation, Cause::ResponseHeaderTooLarge, "sent a head of more than 200 fields");
    }
    let begin = match bytes.get(..SHOWN).unwrap_or(bytes) {
        [] => String::new(),
        begin => format!("; it begins with \"{}\"", begin.escape_ascii()),
    };
    fault(conversation, Cause::MalformedResponse, format!("sent an answer that is not valid: {error}{begin}"))
}

pub(super) fn head_too_large(conversation: &Conversation, limit: usize) -> Fault {
    fault(conversation, Cause::ResponseHeaderTooLarge, format!("sent a head of more than {limit} bytes"))
}

pub(super) fn too_many_interim(conversation: &Conversation, limit: usize) -> Fault {
    let what = format!("sent more than {limit} interim (1xx) answers and no final one");
    fault(conversation, Cause::MalformedResponse, what)
}

pub(super) fn refused(conversation: &Conversation, status: StatusCode) -> Fault {
    fault(conversation, Cause::RefusedByStatus, format!("answered {status}"))
}

pub(super) fn unasked_upgrade(conversation: &Conversation) -> Fault {
    fault(conversation, Cause::UnaskedUpgrade, "answered 101, but no upgrade was asked for")
}

pub(super) fn send_timeout(conversation: &Conversation, limit: Duration, accepted: u64) -> Fault {
    let what =
        format!("took nothing for {:.1} s, after {accepted} bytes of the request", limit.as_secs_f64());
    fault(conversation, Cause::SendTimeout, what)
}

pub(super) fn first_byte_timeout(conversation: &Conversation, limit: Duration) -> Fault {
    let what =
        format!("sent no byte of an answer within {:.1} s after the request was sent", limit.as_secs_f64());
    fault(conversation, Cause::FirstByteTimeout, what)
}

pub(super) fn read_timeout(conversation: &Conversation, limit: Duration) -> Fault {
    let what = format!("began to answer, then sent nothing for {:.1} s", limit.as_secs_f64());
    fault(conversation, Cause::ReadTimeout, what)
}

/// The body ended before its announced end.
pub(super) fn cut_short(
    conversation: &Conversation,
    error: Option<&io::Error>,
    got: u64,
    left: Option<u64>,
) -> Fault {
    let how = error
        .map_or_else(|| "closed the connection".into(), |error| format!("broke the connection ({error})"));
    let of = left.map_or_else(String::new, |left| format!(" of {}", got.saturating_add(left)));
    fault(conversation, Cause::ResponseCutShort, format!("{how} after {got}{of} bytes of the body"))
}

/// The coding of the body is broken: nothing behind that can be trusted.
pub(super) fn malformed_body(conversation: &Conversation, error: WireError, got: u64) -> Fault {
    let what = format!("sent a body that is not valid after {got} bytes of it: {error}");
    fault(conversation, Cause::ResponseCutShort, what)
}
