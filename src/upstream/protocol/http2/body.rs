//! The body of an answer, as it arrives.

use std::collections::VecDeque;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use h2::RecvStream;

use super::conversation::Conversation;
use super::{fault, head};
use crate::http::wire::fields;
use crate::http::{Fault, Fields, Frame, Source};

/// What comes behind the head of an answer.
#[derive(Debug)]
pub(super) struct Incoming {
    stream: RecvStream,
    /// Came while the answer was waited for as a whole.
    ready: VecDeque<Bytes>,
    announced: Option<u64>,
    /// Bytes of content so far.
    got: u64,
}

impl Incoming {
    pub(super) fn new(stream: RecvStream, announced: Option<u64>) -> Self {
        Self { stream, ready: VecDeque::new(), announced, got: 0 }
    }

    /// Whether nothing is to come any more.
    pub(super) fn is_over(&self) -> bool {
        self.ready.is_empty() && self.stream.is_end_stream()
    }

    /// Takes what comes until all of the announced length is there.
    pub(super) fn poll_whole(
        &mut self,
        conversation: &mut Conversation,
        cx: &mut Context<'_>,
    ) -> Poll<Result<(), Fault>> {
        conversation.send(cx)?;
        while Some(self.got) != self.announced {
            match ready!(self.poll_data(conversation, cx))? {
                Some(data) => self.ready.push_back(data),
                None => {
                    return Poll::Ready(Err(fault::cut_short(conversation, None, self.got, self.announced)));
                }
            }
        }
        Poll::Ready(Ok(()))
    }

    /// The content, where all of it is there.
    pub(super) fn take_whole(&mut self) -> Option<Bytes> {
        if Some(self.got) != self.announced || !self.stream.is_end_stream() {
            return None;
        }
        match self.ready.len() {
            0 | 1 => Some(self.ready.pop_front().unwrap_or_default()),
            _ => Some(self.ready.drain(..).flatten().collect()),
        }
    }

    /// The next piece, `None` behind the last. The server may send as much more: what is held here is
    /// bounded by the stream's window, and is the client's to take.
    fn poll_data(
        &mut self,
        conversation: &mut Conversation,
        cx: &mut Context<'_>,
    ) -> Poll<Result<Option<Bytes>, Fault>> {
        loop {
            let data = match self.stream.poll_data(cx) {
                Poll::Pending => return conversation.poll_limit(cx).map(Err),
                Poll::Ready(None) => return Poll::Ready(Ok(None)),
                Poll::Ready(Some(Ok(data))) => data,
                Poll::Ready(Some(Err(error))) => return Poll::Ready(Err(self.broken(conversation, &error))),
            };
            conversation.note_progress();
            self.got += data.len() as u64;
            // It fails where the stream has ended, which is as well.
            let _ = self.stream.flow_control().release_capacity(data.len());
            if !data.is_empty() {
                return Poll::Ready(Ok(Some(data)));
            }
        }
    }

    fn poll_trailers(
        &mut self,
        conversation: &mut Conversation,
        cx: &mut Context<'_>,
    ) -> Poll<Result<Option<Fields>, Fault>> {
        let trailers = match self.stream.poll_trailers(cx) {
            Poll::Pending => return conversation.poll_limit(cx).map(Err),
            Poll::Ready(trailers) => trailers.map_err(|error| self.broken(conversation, &error))?,
        };
        if self.announced.is_some_and(|length| length != self.got) {
            return Poll::Ready(Err(fault::cut_short(conversation, None, self.got, self.announced)));
        }
        let Some(trailers) = trailers.filter(|_| conversation.takes_trailers()) else {
            return Poll::Ready(Ok(None));
        };
        conversation.note_progress();
        let fields = head::fields(trailers).map_err(|misfit| fault::misfit(conversation, &misfit));
        Poll::Ready(fields.map(|fields| Some(permitted(fields)).filter(|fields| !fields.is_empty())))
    }

    fn broken(&self, conversation: &Conversation, error: &h2::Error) -> Fault {
        fault::cut_short(conversation, Some(error), self.got, self.announced)
    }
}

/// Owns the exchange until the body's proven end. Dropped before, it ends the stream with CANCEL, so that the
/// application can notice that nobody waits any more.
#[derive(Debug)]
pub(super) struct ResponseBody {
    exchange: Option<(Conversation, Incoming)>,
}

impl ResponseBody {
    pub(super) fn new(conversation: Conversation, incoming: Incoming) -> Self {
        Self { exchange: Some((conversation, incoming)) }
    }

    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Result<Option<Frame>, Fault>> {
        let Some((conversation, incoming)) = &mut self.exchange else { return Poll::Ready(Ok(None)) };
        // The request goes on while its answer comes: both sides may speak as they like.
        conversation.send(cx)?;
        let data = match incoming.ready.pop_front() {
            Some(data) => Some(data),
            None => ready!(incoming.poll_data(conversation, cx))?,
        };
        if let Some(data) = data {
            // A reader that counts need not come back for the end.
            if incoming.is_over() {
                self.exchange = None;
            }
            return Poll::Ready(Ok(Some(Frame::Data(data))));
        }
        let trailers = ready!(incoming.poll_trailers(conversation, cx))?;
        self.exchange = None;
        Poll::Ready(Ok(trailers.map(Frame::Trailers)))
    }
}

impl Source for ResponseBody {
    fn poll_frame(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Frame, Fault>>> {
        let polled = ready!(self.poll(cx));
        if polled.is_err() {
            self.exchange = None;
        }
        Poll::Ready(polled.transpose())
    }

    /// A client that takes nothing may wait for the server to take what it sends.
    fn poll_ahead(&mut self, cx: &mut Context<'_>) {
        if let Some((conversation, _)) = &mut self.exchange {
            // What is wrong with the request's body is met again by whoever takes the next piece.
            let _ = conversation.send(cx);
        }
    }
}

fn permitted(mut trailers: Fields) -> Fields {
    trailers.retain(fields::may_trail);
    trailers
}
