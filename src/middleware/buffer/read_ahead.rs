//! A stream that is read ahead while its receiver can take no more: into memory, then into a file.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use bytes::{Bytes, BytesMut};

use super::{MEMORY, ResponseBuffer};
use crate::http::{Cause, Fault, Fields, Frame, Source, Stream};
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
    buffer: Arc<ResponseBuffer>,
}

/// What was read ahead, in the order it goes out.
#[derive(Default)]
struct Held {
    /// What is in the file and not read yet.
    reader: Option<Reader>,
    /// On its way into the file, or what the disk would not take.
    piece: Bytes,
    /// Came behind it. At most [`MEMORY`] and one read of the upstream, like `piece`.
    memory: BytesMut,
    end: Option<Result<Option<Fields>, Fault>>,
    /// The file's other end, where there is one and no write is under way.
    writer: Option<Writer>,
    writing: Option<Writing>,
    /// Nothing more is read before `piece` is out.
    full: bool,
}

type Writing = Pin<Box<dyn Future<Output = (Writer, Result<(), SpoolError>)>>>;

impl ReadAhead {
    pub fn new(upstream: Stream, buffer: Arc<ResponseBuffer>) -> Self {
        Self { upstream: Some(upstream), held: None, buffer }
    }

    fn poll_upstream(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Frame, Fault>>> {
        let Some(upstream) = &mut self.upstream else { return Poll::Ready(None) };
        let frame = ready!(upstream.poll_frame(cx));
        if !matches!(frame, Some(Ok(Frame::Data(_)))) {
            self.upstream = None;
        }
        Poll::Ready(frame)
    }

    /// What is held comes first, its end last. `None` when there is neither.
    fn poll_held(&mut self, cx: &mut Context<'_>) -> Poll<Option<Option<Result<Frame, Fault>>>> {
        let Some(held) = &mut self.held else { return Poll::Ready(None) };
        // A write that is done makes its bytes readable; one that is not holds nothing up.
        let is_settled = held.poll_settle(cx, &self.buffer).is_ready();
        if let Some(frame) = ready!(held.poll_next(cx)) {
            if frame.is_err() {
                (self.upstream, self.held) = (None, None);
            }
            return Poll::Ready(Some(Some(frame)));
        }
        let end = held.end.take();
        if is_settled || end.is_some() {
            self.held = None;
        }
        Poll::Ready(end.map(|end| end.map(|fields| fields.map(Frame::Trailers)).transpose()))
    }
}

impl Source for ReadAhead {
    fn poll_frame(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Frame, Fault>>> {
        if let Some(frame) = ready!(self.poll_held(cx)) {
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
            // Copied: a piece may be one byte, and would keep the whole buffer it was read into.
            Some(Ok(Frame::Data(data))) => self.memory.extend_from_slice(&data),
            Some(Ok(Frame::Trailers(fields))) => self.end = Some(Ok(Some(fields))),
            Some(Err(fault)) => self.end = Some(Err(fault)),
            None => self.end = Some(Ok(None)),
        }
    }

    /// Whether memory is full, or holds the rest of a body that is on disk already.
    fn is_to_be_written(&self) -> bool {
        let is_rest = self.end.is_some() && self.writer.is_some() && !self.memory.is_empty();
        self.memory.len() >= MEMORY || is_rest
    }

    fn write(&mut self, spool: &Arc<Spool>) {
        let mut writer = self.writer.take().unwrap_or_else(|| Writer::new(spool));
        let piece = std::mem::take(&mut self.memory).freeze();
        self.piece = piece.clone();
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
                self.use_again();
            }
            _ => self.full = true,
        }
        self.writer = Some(writer);
        Poll::Ready(())
    }

    /// What comes next goes where the piece was, while that is written.
    fn use_again(&mut self) {
        if let Ok(mut memory) = std::mem::take(&mut self.piece).try_into_mut() {
            memory.clear();
            self.memory = memory;
        }
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
