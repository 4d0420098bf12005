//! HTTP/1.1 to a server (RFC 9112).

mod attended;
mod body;
mod conversation;
mod fault;
mod head;
mod sender;

use std::future::Future;
use std::task::Poll;
use std::time::Duration;

use ::http::StatusCode;
use bytes::Bytes;
use tokio::time::sleep;

use self::attended::attended;
use self::body::ResponseBody;
use self::conversation::Conversation;
pub use self::head::preview;
use super::{Answer, Demands, Failure};
use crate::http::wire::{BodyLength, ResponseHead, framing};
use crate::http::{Body, Fault, Request, Response, Stream, accel};
use crate::upstream::Line;

/// A body up to this, of a length that was announced, can be waited for before the answer counts.
const WHOLE_MAX: u64 = 64 * 1024;
/// A worker on a machine that has too much to do waits for its turn between its two writes: this lasts
/// through that, and is hardly noticed before a page that is slow anyway.
const WHOLE_WITHIN: Duration = Duration::from_millis(500);

/// Sends `request` and waits for its answer: for the head, and for what else `demands` say. The request's
/// body is taken; where another attempt may be made with it, the failure has it.
pub async fn exchange(request: &mut Request, line: Line, demands: Demands) -> Result<Answer, Failure> {
    let conversation = Conversation::begin(request, line);
    let interim = request.interim.as_ref();
    let (mut conversation, head) = attended(conversation, |it, cx| it.poll_head(cx, interim)).await;
    let judged = head.and_then(|head| conversation.judge(&head).map(|length| (head, length)));
    let (head, length) = match judged {
        Ok((head, _)) if demands.refused.contains(head.status) => {
            return Err(conversation.refuse(head.status));
        }
        Ok(judged) => judged,
        Err(fault) => return Err(conversation.fail(fault)),
    };
    conversation.line.lease.answered(conversation.sent_at.elapsed());
    if let BodyLength::Exact(size @ 1..=WHOLE_MAX) = length
        && demands.whole
        && !conversation.has(size)
        && !accel::streams(&head.headers)
        && !accel::leads_on(&head.headers)
    {
        // Boxed, so that an answer which came as a whole carries no room for it.
        let (returned, result) = Box::pin(whole(conversation, size)).await;
        conversation = returned;
        if let Err(fault) = result {
            return Err(conversation.fail(fault));
        }
    }
    conversation.commit();
    Ok(match head.status {
        StatusCode::SWITCHING_PROTOCOLS => switch(conversation, head),
        _ => Answer::Response(respond(conversation, head, length)),
    })
}

/// Waits a moment for the rest of a small body. What takes longer is passed on as it comes, and so before
/// the server is given up for its silence.
async fn whole(conversation: Conversation, size: u64) -> (Conversation, Result<(), Fault>) {
    let mut moment = Box::pin(sleep(WHOLE_WITHIN.min(conversation.line.lease.settings().read / 2)));
    attended(conversation, |it, cx| match it.poll_whole(cx, size) {
        Poll::Pending => moment.as_mut().poll(cx).map(Ok),
        ready @ Poll::Ready(_) => ready,
    })
    .await
}

fn switch(conversation: Conversation, head: ResponseHead) -> Answer {
    let mut line = conversation.into_line();
    let early = line.connection.input.split().freeze();
    Answer::Switched { head, line, early }
}

fn respond(mut conversation: Conversation, head: ResponseHead, length: BodyLength) -> Response {
    let persists = framing::persists(head.version, &head.headers);
    let body = if let Some(content) = conversation.take_whole(length) {
        conversation.finish(persists);
        if content.is_empty() { Body::Empty } else { Body::Bytes(content) }
    } else {
        let announced = if let BodyLength::Exact(length) = length { Some(length) } else { None };
        Body::Stream(Stream::new(announced, ResponseBody::new(conversation, length, persists)))
    };
    Response { status: head.status, headers: head.headers, body, ..Response::default() }
}

impl Conversation {
    /// The content, if all of it arrived together with the head: the common case of small answers.
    fn take_whole(&mut self, length: BodyLength) -> Option<Bytes> {
        let input = self.input();
        match length {
            BodyLength::None => Some(Bytes::new()),
            BodyLength::Exact(length) => {
                let length = usize::try_from(length).ok().filter(|&length| length <= input.len())?;
                Some(input.split_to(length).freeze())
            }
            BodyLength::Chunked | BodyLength::UntilClose => None,
        }
    }

    fn has(&mut self, size: u64) -> bool {
        self.input().len() as u64 >= size
    }

    /// How long the body of the final answer is, if that answer is in order.
    fn judge(&self, head: &ResponseHead) -> Result<BodyLength, Fault> {
        if head.status == StatusCode::SWITCHING_PROTOCOLS && !self.may_switch(head) {
            return Err(self.unasked_upgrade());
        }
        self.body_length(head)
    }
}

#[cfg(test)]
mod tests;
