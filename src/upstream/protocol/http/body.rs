//! The body of an answer, as it arrives.

use std::task::{Context, Poll};

use bytes::Bytes;

use super::conversation::Conversation;
use super::fault;
use crate::http::wire::chunked::{Decoder, Step};
use crate::http::wire::{BodyLength, fields};
use crate::http::{Fault, Fields, Frame, Source};

/// Owns the exchange until the body's proven end. Dropped before, it ends the connection, so that
/// the application can notice that nobody waits any more.
#[derive(Debug)]
pub(super) struct ResponseBody {
    conversation: Option<Conversation>,
    left: Left,
    persists: bool,
    /// Bytes of content so far.
    got: u64,
}

#[derive(Debug)]
enum Left {
    Exact(u64),
    Chunked(Decoder),
    UntilClose,
}

/// What the bytes at hand amount to.
enum Piece {
    Data(Bytes),
    End(Option<Fields>),
    NeedMore,
}

impl ResponseBody {
    pub(super) fn new(conversation: Conversation, length: BodyLength, persists: bool) -> Self {
        let left = match length {
            BodyLength::None => Left::Exact(0),
            BodyLength::Exact(length) => Left::Exact(length),
            BodyLength::Chunked => Left::Chunked(Decoder::new()),
            BodyLength::UntilClose => Left::UntilClose,
        };
        let persists = persists && length != BodyLength::UntilClose;
        Self { conversation: Some(conversation), left, persists, got: 0 }
    }

    /// Takes from what has been read.
    fn take(&mut self) -> Result<Piece, Fault> {
        let Some(conversation) = &mut self.conversation else { return Ok(Piece::End(None)) };
        let piece = match &mut self.left {
            Left::Exact(0) => Piece::End(None),
            Left::Chunked(decoder) => match decoder.decode(conversation.input()) {
                Ok(Step::Data(data)) => Piece::Data(data),
                Ok(Step::End { trailers }) => Piece::End(trailers),
                Ok(Step::NeedMore) => Piece::NeedMore,
                Err(error) => return Err(fault::malformed_body(conversation, error, self.got)),
            },
            _ if conversation.input().is_empty() => Piece::NeedMore,
            Left::Exact(left) => {
                let input = conversation.input();
                let count = usize::try_from(*left).map_or(input.len(), |left| left.min(input.len()));
                *left -= count as u64;
                Piece::Data(input.split_to(count).freeze())
            }
            Left::UntilClose => Piece::Data(conversation.input().split().freeze()),
        };
        if let Piece::Data(data) = &piece {
            self.got += data.len() as u64;
        }
        Ok(piece)
    }

    /// Lets the connection go at the proven end; the trailers the client may see.
    fn end(&mut self, trailers: Option<Fields>) -> Option<Fields> {
        let conversation = self.conversation.take()?;
        let trailers = trailers.filter(|_| conversation.takes_trailers()).map(permitted);
        conversation.finish(self.persists);
        trailers.filter(|trailers| !trailers.is_empty())
    }

    fn poll_piece(&mut self, cx: &mut Context<'_>) -> Poll<Result<Piece, Fault>> {
        if let Some(conversation) = &mut self.conversation {
            conversation.send(cx)?;
        }
        loop {
            let piece = self.take()?;
            let Some(conversation) = &mut self.conversation else { return Poll::Ready(Ok(piece)) };
            if !matches!(piece, Piece::NeedMore) {
                return Poll::Ready(Ok(piece));
            }
            let error = match conversation.poll_read(cx) {
                Poll::Pending => return conversation.poll_limit(cx).map(Err),
                Poll::Ready(Ok(0)) if matches!(self.left, Left::UntilClose) => {
                    return Poll::Ready(Ok(Piece::End(None)));
                }
                Poll::Ready(Ok(0)) => None,
                Poll::Ready(Ok(_)) => continue,
                Poll::Ready(Err(error)) => Some(error),
            };
            let left = if let Left::Exact(left) = self.left { Some(left) } else { None };
            return Poll::Ready(Err(fault::cut_short(conversation, error.as_ref(), self.got, left)));
        }
    }
}

impl Source for ResponseBody {
    fn poll_frame(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Frame, Fault>>> {
        self.poll_piece(cx).map(|piece| match piece {
            Ok(Piece::Data(data)) => {
                // A reader that counts need not come back for the end.
                if matches!(self.left, Left::Exact(0)) {
                    self.end(None);
                }
                Some(Ok(Frame::Data(data)))
            }
            Ok(Piece::End(trailers)) => self.end(trailers).map(|trailers| Ok(Frame::Trailers(trailers))),
            Ok(Piece::NeedMore) => None,
            Err(fault) => {
                self.conversation = None;
                Some(Err(fault))
            }
        })
    }
}

impl Drop for ResponseBody {
    fn drop(&mut self) {
        if let Some(conversation) = self.conversation.take() {
            conversation.abandon();
        }
    }
}

fn permitted(mut trailers: Fields) -> Fields {
    trailers.retain(fields::may_trail);
    trailers
}
