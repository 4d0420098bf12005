//! Faults of an exchange over HTTP/2, each with the server, the phase and the code seen.

use std::fmt::Display;
use std::io;
use std::time::Duration;

use ::http::StatusCode;
use h2::Reason;

use super::conversation::Conversation;
use super::head::Misfit;
use super::session::Share;
use crate::http::{Cause, Fault};

fn fault(conversation: &Conversation, cause: Cause, what: impl Display) -> Fault {
    Fault::new(cause, format!("{} {what}", conversation.lease.label()))
}

/// The code as RFC 9113 7 calls it.
fn code(error: &h2::Error) -> String {
    error.reason().map_or_else(|| error.to_string(), |reason| format!("{reason:?}"))
}

/// The connection was closed while the request was on its way to it.
pub(super) fn gone(label: &str, share: &Share) -> Fault {
    let why = share.end().map(|end| format!(": {end}")).unwrap_or_default();
    Fault::new(
        Cause::ReusedConnectionClosed,
        format!("{label} closed the connection before the request{why}"),
    )
}

/// No stream can be opened on the connection any more.
pub(super) fn unopened(label: &str, share: &Share, error: &h2::Error) -> Fault {
    if error.is_io() || error.is_go_away() {
        return gone(label, share);
    }
    Fault::new(Cause::Internal, format!("{label} cannot be sent the request: {error}"))
}

/// The stream ended where an answer's head should have been.
pub(super) fn before_head(conversation: &Conversation, error: &h2::Error) -> Fault {
    let code = code(error);
    match error.reason() {
        Some(_) if error.is_go_away() && error.is_remote() => {
            let what = format!("said goodbye (GOAWAY, {code}) before it looked at the request");
            return fault(conversation, closed_cause(conversation), what);
        }
        Some(Reason::HTTP_1_1_REQUIRED) if error.is_remote() => {
            let what = "wants this request by HTTP/1.1 (RST_STREAM, HTTP_1_1_REQUIRED)";
            return fault(conversation, Cause::NoHttp2, what);
        }
        Some(_) if error.is_remote() => {
            let what = format!("reset the stream (RST_STREAM, {code}) before an answer");
            return fault(conversation, Cause::StreamReset, what);
        }
        Some(_) => {
            let what = format!("sent an answer that is not valid HTTP/2 ({code})");
            return fault(conversation, Cause::MalformedResponse, what);
        }
        None => {}
    }
    let how = closed(conversation, error);
    let elapsed = conversation.sent_at.elapsed().as_secs_f64();
    if conversation.share.reused {
        let what = format!("{how}, which was kept from an earlier request, before any byte of an answer");
        return fault(conversation, Cause::ReusedConnectionClosed, what);
    }
    if error.get_io().is_some_and(|error| error.kind() == io::ErrorKind::ConnectionReset) {
        return fault(conversation, Cause::ResetBeforeAnswer, format!("{how} before any byte of an answer"));
    }
    let what = if conversation.is_sent() {
        format!("{how} {elapsed:.1} s after the request was sent, before any byte of an answer")
    } else {
        format!("{how} while the request was being sent, before any byte of an answer")
    };
    fault(conversation, Cause::ClosedBeforeAnswer, what)
}

/// A kept connection may be closed at any time, which speaks against nobody.
fn closed_cause(conversation: &Conversation) -> Cause {
    if conversation.share.reused { Cause::ReusedConnectionClosed } else { Cause::ClosedBeforeAnswer }
}

/// How the connection ended: as its task says, or as the stream's error does.
fn closed(conversation: &Conversation, error: &h2::Error) -> String {
    match (conversation.share.end(), error.get_io()) {
        (Some(end), _) => format!("broke the connection ({end})"),
        (None, Some(error)) if error.kind() == io::ErrorKind::BrokenPipe => "closed the connection".into(),
        (None, _) => format!("broke the connection ({error})"),
    }
}

/// The stream ended within the body.
pub(super) fn cut_short(
    conversation: &Conversation,
    error: Option<&h2::Error>,
    got: u64,
    announced: Option<u64>,
) -> Fault {
    let of = announced.map_or_else(String::new, |length| format!(" of {length}"));
    let how = match error {
        None => "ended its answer".to_owned(),
        Some(error) if error.is_reset() && error.is_remote() => {
            format!("reset the stream (RST_STREAM, {})", code(error))
        }
        Some(error) if error.reason() == Some(Reason::PROTOCOL_ERROR) && announced.is_some() => {
            "sent another length than it announced".to_owned()
        }
        Some(error) if error.reason().is_some() => format!("broke the rules of HTTP/2 ({})", code(error)),
        Some(error) => closed(conversation, error),
    };
    fault(conversation, Cause::ResponseCutShort, format!("{how} after {got}{of} bytes of the body"))
}

pub(super) fn misfit(conversation: &Conversation, misfit: &Misfit) -> Fault {
    fault(conversation, Cause::ResponseHeaderTooLarge, format!("sent a head {}", misfit.text()))
}

pub(super) fn malformed(conversation: &Conversation, what: impl Display) -> Fault {
    fault(conversation, Cause::MalformedResponse, format!("sent an answer that is not valid: {what}"))
}

pub(super) fn too_many_interim(conversation: &Conversation, limit: usize) -> Fault {
    let what = format!("sent more than {limit} interim (1xx) answers and no final one");
    fault(conversation, Cause::MalformedResponse, what)
}

pub(super) fn switched(conversation: &Conversation) -> Fault {
    fault(conversation, Cause::UnaskedUpgrade, "answered 101, which HTTP/2 does not have")
}

pub(super) fn refused(conversation: &Conversation, status: StatusCode) -> Fault {
    fault(conversation, Cause::RefusedByStatus, format!("answered {status}"))
}

pub(super) fn not_opened(conversation: &Conversation, limit: Duration) -> Fault {
    let what = format!(
        "let no other stream be opened for {:.1} s: it takes no more at once (MAX_CONCURRENT_STREAMS)",
        limit.as_secs_f64()
    );
    fault(conversation, Cause::SendTimeout, what)
}

pub(super) fn send_timeout(conversation: &Conversation, limit: Duration, accepted: u64) -> Fault {
    let what = format!(
        "took nothing for {:.1} s, after {accepted} bytes of the request's body",
        limit.as_secs_f64()
    );
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
