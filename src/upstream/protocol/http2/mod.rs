//! HTTP/2 to a server (RFC 9113).
//!
//! Requests share connections: a connection has a task of its own ([`driver`]) for its frames, and each request
//! opens a stream from its own. [`Sessions`] are the connections of one event loop to one server.

mod body;
mod conversation;
mod driver;
mod fault;
mod head;
mod pulse;
mod sender;
mod session;
mod sessions;
#[cfg(test)]
pub mod testing;
mod wire;

use std::future::Future;
use std::rc::Weak;
use std::task::Poll;
use std::time::Duration;

use ::http::{Method, StatusCode};
use tokio::time::sleep;

use self::body::{Incoming, ResponseBody};
use self::conversation::{Conversation, attended};
pub use self::head::preview;
pub use self::session::Share;
pub use self::sessions::Sessions;
use super::{Answer, Demands, Failure};
use crate::http::wire::{ResponseHead, framing};
use crate::http::{Body, Cause, Fault, Request, Response, Stream, accel};
use crate::net;
use crate::upstream::Lease;

/// A body up to this, of a length that was announced, can be waited for before the answer counts.
const WHOLE_MAX: u64 = 64 * 1024;
/// See [`super::http`].
const WHOLE_WITHIN: Duration = Duration::from_millis(500);

/// Sends `request` and waits for its answer: for the head, and for what else `demands` say. The request's
/// body is taken; where another attempt may be made with it, the failure has it.
pub async fn exchange(
    request: &mut Request,
    share: Share,
    lease: Lease,
    demands: Demands,
) -> Result<Answer, Failure> {
    let conversation = Conversation::begin(request, share, lease).map_err(|failure| *failure)?;
    let interim = request.interim.as_ref();
    let (mut conversation, head) = attended(conversation, |it, cx| it.poll_head(cx, interim)).await;
    let judged = head.and_then(|(head, body)| {
        let announced = announced(&conversation, &head)?;
        Ok((head, Incoming::new(body, announced), announced))
    });
    let (head, mut incoming, announced) = match judged {
        Ok((head, ..)) if demands.refused.contains(head.status) => {
            return Err(conversation.refuse(head.status));
        }
        Ok(judged) => judged,
        Err(fault) => return Err(conversation.fail(fault)),
    };
    conversation.lease.answered(conversation.sent_at.elapsed());
    if announced.is_some_and(|length| length > 0 && incoming.is_over()) {
        let fault = fault::cut_short(&conversation, None, 0, announced);
        return Err(conversation.fail(fault));
    }
    if matches!(announced, Some(1..=WHOLE_MAX))
        && demands.whole
        && !accel::streams(&head.headers)
        && !accel::leads_on(&head.headers)
    {
        let (returned, result) = whole(conversation, &mut incoming).await;
        conversation = returned;
        if let Err(fault) = result {
            return Err(conversation.fail(fault));
        }
    }
    conversation.commit();
    Ok(Answer::Response(respond(conversation, head, incoming, announced)))
}

/// A connection for one request, over `stream`.
pub async fn open(stream: net::Stream) -> Result<Share, Fault> {
    let session = driver::begin(stream, Weak::new(), Duration::ZERO).await?;
    let closed = || Fault::new(Cause::ClosedBeforeAnswer, "it closed the connection");
    session.share().ok_or_else(closed)
}

/// Waits a moment for the rest of a small body. What takes longer is passed on as it comes, and so before
/// the server is given up for its silence.
async fn whole(conversation: Conversation, incoming: &mut Incoming) -> (Conversation, Result<(), Fault>) {
    let mut moment = Box::pin(sleep(WHOLE_WITHIN.min(conversation.lease.settings().read / 2)));
    attended(conversation, |it, cx| match incoming.poll_whole(it, cx) {
        Poll::Pending => moment.as_mut().poll(cx).map(Ok),
        ready @ Poll::Ready(_) => ready,
    })
    .await
}

fn respond(
    conversation: Conversation,
    head: ResponseHead,
    mut incoming: Incoming,
    announced: Option<u64>,
) -> Response {
    let body = if is_bodiless(&conversation.method, head.status) || incoming.is_over() {
        Body::Empty
    } else if let Some(content) = incoming.take_whole() {
        Body::Bytes(content)
    } else {
        Body::Stream(Stream::new(announced, ResponseBody::new(conversation, incoming)))
    };
    Response { status: head.status, headers: head.headers, body, ..Response::default() }
}

/// The length of the body, where the answer says it.
fn announced(conversation: &Conversation, head: &ResponseHead) -> Result<Option<u64>, Fault> {
    let length = framing::content_length(&head.headers);
    let length = length.map_err(|error| fault::malformed(conversation, error))?;
    Ok(if is_bodiless(&conversation.method, head.status) { Some(0) } else { length })
}

/// RFC 9110 6.4.1
fn is_bodiless(method: &Method, status: StatusCode) -> bool {
    method == Method::HEAD || matches!(status, StatusCode::NO_CONTENT | StatusCode::NOT_MODIFIED)
}

#[cfg(test)]
mod tests;
