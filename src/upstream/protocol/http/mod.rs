//! HTTP/1.1 to a server (RFC 9112).

mod body;
mod conversation;
mod fault;
mod head;
mod sender;

use std::future::poll_fn;

use ::http::StatusCode;
use bytes::Bytes;

use self::body::ResponseBody;
use self::conversation::Conversation;
use super::{Answer, Failure};
use crate::http::wire::{BodyLength, ResponseHead, framing};
use crate::http::{Body, Fault, Request, Response, StatusSet, Stream};
use crate::upstream::Line;

/// Sends `request` and waits for the head of its answer. The request's body is taken; where another
/// attempt may be made with it, the failure has it. An answer with a `refused` status counts as none.
pub async fn exchange(request: &mut Request, line: Line, refused: StatusSet) -> Result<Answer, Failure> {
    let mut conversation = Conversation::begin(request, line);
    let head = poll_fn(|cx| conversation.poll_head(cx, request.interim.as_ref())).await;
    if let Ok(head) = &head
        && refused.contains(head.status)
    {
        return Err(conversation.refuse(head.status));
    }
    let judged = head.and_then(|head| conversation.judge(&head).map(|length| (head, length)));
    let (head, length) = match judged {
        Ok(judged) => judged,
        Err(fault) => return Err(conversation.fail(fault)),
    };
    conversation.line.lease.answered(conversation.sent_at.elapsed());
    conversation.commit();
    Ok(match head.status {
        StatusCode::SWITCHING_PROTOCOLS => switch(conversation, head),
        _ => Answer::Response(respond(conversation, head, length)),
    })
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
