//! The body of an answer to a check, as far as it is looked at.

use bytes::BytesMut;

use crate::http::wire::chunked::{Decoder, Step};
use crate::http::wire::{BodyLength, WireError};

/// So much of a body is searched.
const MAX_CONTENT: usize = 64 * 1024;

/// What is still to come of a body.
#[derive(Debug)]
pub(super) enum Body {
    Exact(u64),
    Chunked(Decoder),
    UntilClose,
}

/// What the bytes at hand amount to.
#[derive(Debug)]
pub(super) enum Piece {
    Data(BytesMut),
    NeedMore,
    End,
}

impl Body {
    pub(super) fn new(length: BodyLength) -> Self {
        match length {
            BodyLength::None => Self::Exact(0),
            BodyLength::Exact(length) => Self::Exact(length),
            BodyLength::Chunked => Self::Chunked(Decoder::new()),
            BodyLength::UntilClose => Self::UntilClose,
        }
    }

    pub(super) fn take(&mut self, input: &mut BytesMut) -> Result<Piece, WireError> {
        Ok(match self {
            Self::Exact(0) => Piece::End,
            Self::Chunked(decoder) => match decoder.decode(input)? {
                Step::Data(data) => Piece::Data(data.into()),
                Step::NeedMore => Piece::NeedMore,
                Step::End { .. } => Piece::End,
            },
            _ if input.is_empty() => Piece::NeedMore,
            Self::Exact(left) => {
                let count = usize::try_from(*left).map_or(input.len(), |left| left.min(input.len()));
                *left -= count as u64;
                Piece::Data(input.split_to(count))
            }
            Self::UntilClose => Piece::Data(input.split()),
        })
    }

    pub(super) fn ends_with_connection(&self) -> bool {
        matches!(self, Self::UntilClose)
    }
}

/// Looks for a text in the beginning of a body.
#[derive(Debug)]
pub(super) struct Search<'a> {
    text: &'a str,
    content: Vec<u8>,
}

impl<'a> Search<'a> {
    pub(super) fn new(text: &'a str) -> Self {
        Self { text, content: Vec::new() }
    }

    /// Whether the text is there once this is added.
    pub(super) fn finds(&mut self, data: &[u8]) -> bool {
        // It may have begun in what was there before.
        let from = (self.content.len() + 1).saturating_sub(self.text.len());
        let room = MAX_CONTENT - self.content.len();
        self.content.extend_from_slice(data.get(..room).unwrap_or(data));
        let unseen = self.content.get(from..).unwrap_or_default();
        memchr::memmem::find(unseen, self.text.as_bytes()).is_some()
    }

    pub(super) fn is_over(&self) -> bool {
        self.content.len() >= MAX_CONTENT
    }

    pub(super) fn searched(&self) -> usize {
        self.content.len()
    }
}
