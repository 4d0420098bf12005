//! A stream that is read ahead while its receiver can take no more: into memory, then into a file.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use bytes::{Bytes, BytesMut};

use super::grace::Grace;
use super::{MEMORY, ResponseBuffer};
use crate::http::{Cause, Fault, Frame, Source, Stream};
use crate::spool::{Reader, Spool, SpoolError, Writer};

/// Passes frames on as they come, unless the receiver is slower than they are.
///
/// It needs no task of its own: the one that waits for the receiver polls it. What is full stops reading,
/// so that the sender is held back as if nothing were buffered.
pub(super) struct ReadAhead {
    /// `None` once it has ended; its connection is another request's then.
    upstream: Option<Stream>,
    /// `None` while the receiver keeps up.
    held: Option<Box<Held>>,
    grace: Grace,
    buffer: Arc<ResponseBuffer>,
}

/// What was read ahead, in the order it goes out.
#[derive(Default)]
struct Held {
    /// What is in the file and not read yet.
    reader: Option<Reader>,
    /// Goes into the file next, is on its way there, or what the disk would not take.
    piece: Bytes,
    /// Small pieces that came behind it. Together they are at most [`MEMORY`] and one read of the upstream.
    memory: BytesMut,
    /// Whether the upstream has ended, and what it said last: trailers, or why it broke off.
    ended: bool,
    last: Option<Result<Frame, Fault>>,
    /// The file's other end, where there is one and no write is under way.
    writer: Option<Writer>,
    writing: Option<Writing>,
    /// Nothing more is read before `piece` is out.
    full: bool,
}

type Writing = Pin<Box<dyn Future<Output = (Writer, Result<(), SpoolError>)>>>;

impl ReadAhead {
    pub fn new(upstream: Stream, buffer: Arc<ResponseBuffer>) -> Self {
        Self { upstream: Some(upstream), held: None, grace: Grace::default(), buffer }
    }

    fn poll_upstream(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Frame, Fault>>> {
        let Some(upstream) = &mut self.upstream else { return Poll::Ready(None) };
        let frame = ready!(upstream.poll_frame(cx));
        if !matches!(frame, Some(Ok(Frame::Data(_)))) {
            self.upstream = None;
        }
        Poll::Ready(frame)
    }

    /// What is held comes first, its end last.
    fn poll_held(&mut self, cx: &mut Context<'_>) -> Poll<Next> {
        let Some(held) = &mut self.held else { return Poll::Ready(Next::Upstream) };
        self.grace.pause();
        // A write that is done makes its bytes readable; one that is not holds nothing up.
        let is_settled = held.poll_settle(cx, &self.buffer).is_ready();
        if let Some(frame) = ready!(held.poll_next(cx)) {
            if frame.is_err() {
                (self.upstream, self.held) = (None, None);
            }
            return Poll::Ready(Next::Held(Some(frame)));
        }
        let next = if held.ended { Next::Held(held.last.take()) } else { Next::Upstream };
        if is_settled || held.ended {
            self.held = None;
        }
        Poll::Ready(next)
    }
}

enum Next {
    Held(Option<Result<Frame, Fault>>),
    Upstream,
}

impl Source for ReadAhead {
    fn poll_frame(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Frame, Fault>>> {
        if let Next::Held(frame) = ready!(self.poll_held(cx)) {
            return Poll::Ready(frame);
        }
        let frame = ready!(self.poll_upstream(cx));
        if self.upstream.is_none() {
            // A file whose last bytes went out while they were written.
            self.held = None;
        }
        Poll::Ready(frame)
    }

    fn poll_ahead(&mut self, cx: &mut Context<'_>) {
        loop {
            if let Some(held) = &mut self.held {
                if held.poll_settle(cx, &self.buffer).is_pending() || held.full {
                    return;
                }
                if held.is_to_be_written() {
                    if held.writer.is_none() && self.grace.poll_end(cx).is_pending() {
                        return;
                    }
                    held.write(&self.buffer.spool);
                    continue;
                }
            }
            if self.upstream.is_none() {
                return;
            }
            let Poll::Ready(frame) = self.poll_upstream(cx) else { return };
            self.held.get_or_insert_default().take(frame);
        }
    }
}

impl Held {
    fn take(&mut self, frame: Option<Result<Frame, Fault>>) {
        match frame {
            Some(Ok(Frame::Data(data))) if self.length() == 0 && data.len() >= MEMORY / 2 => {
                self.piece = data;
            }
            // Copied: a piece may be one byte, and would keep the whole buffer it was read into.
            Some(Ok(Frame::Data(data))) => self.memory.extend_from_slice(&data),
            last => (self.ended, self.last) = (true, last),
        }
    }

    /// Bytes in memory.
    fn length(&self) -> usize {
        self.piece.len() + self.memory.len()
    }

    /// Whether memory is full. Once there is a file, nothing needs to wait here for long.
    fn is_to_be_written(&self) -> bool {
        match &self.writer {
            None => self.length() >= MEMORY,
            Some(_) => self.length() >= MEMORY / 2 || (self.ended && self.length() > 0),
        }
    }

    fn write(&mut self, spool: &Arc<Spool>) {
        if self.piece.is_empty() {
            self.piece = std::mem::take(&mut self.memory).freeze();
        }
        let piece = self.piece.clone();
        let mut writer = self.writer.take().unwrap_or_else(|| Writer::new(spool));
        self.writing = Some(Box::pin(async move {
            let result = writer.write(piece).await;
            (writer, result)
        }));
    }

    /// Ready when no write is under way.
    fn poll_settle(&mut self, cx: &mut Context<'_>, buffer: &ResponseBuffer) -> Poll<()> {
        let Some(writing) = &mut self.writing else { return Poll::Ready(()) };
        let (writer, result) = ready!(writing.as_mut().poll(cx));
        self.writing = None;
        if let Err(error) = &result {
            buffer.tell(error);
        }
        if self.piece.is_empty() {
            // It went out while it was written, and before it all that is in the file.
            self.reader = None;
            return Poll::Ready(());
        }
        match (result, writer.written()) {
            (Ok(()), Some((file, length))) => {
                self.reader.get_or_insert_with(|| Reader::new(Arc::clone(file), 0)).extend(length);
                self.piece = Bytes::new();
            }
            _ => self.full = true,
        }
        self.writer = Some(writer);
        Poll::Ready(())
    }

    fn poll_next(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Frame, Fault>>> {
        if let Some(reader) = &mut self.reader {
            if let Some(piece) = ready!(reader.poll_piece(cx)) {
                let failed =
                    |error: SpoolError| Fault::new(Cause::FileRead, format!("a buffered answer: {error}"));
                return Poll::Ready(Some(piece.map(Frame::Data).map_err(failed)));
            }
            if self.writing.is_none() {
                // All of it is read: its room is for others.
                (self.reader, self.writer) = (None, None);
            }
        }
        if !self.piece.is_empty() {
            self.full = false;
            return Poll::Ready(Some(Ok(Frame::Data(std::mem::take(&mut self.piece)))));
        }
        if !self.memory.is_empty() {
            return Poll::Ready(Some(Ok(Frame::Data(std::mem::take(&mut self.memory).freeze()))));
        }
        Poll::Ready(None)
    }
}

#[cfg(test)]
mod tests;
