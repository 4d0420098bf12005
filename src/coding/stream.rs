//! A body that is compressed on its way.

use std::task::{Context, Poll};

use bytes::{Bytes, BytesMut};

use super::Encoder;
use super::fields::remove_digests;
use super::room;
use crate::http::{Cause, Fault, Frame, Source, Stream};

/// What is compressed between two looks at what came out of it.
const STEP: usize = 16 * 1024;

/// What is given on as soon as it is there, and at most at once: brotli puts out up to 256 KiB.
const PIECE: usize = 16 * 1024;
const PIECE_MAX: usize = 64 * 1024;

/// What is compressed before others have their turn: two to five milliseconds in brotli, one in the other codings.
/// Where many bodies are compressed at once, each does less.
const TURN: usize = 64 * 1024;

/// Compresses what comes.
///
/// It puts out what the encoder holds whenever nothing more is there at the moment, so that nobody waits for
/// bytes that have come; while there is more, the encoder decides, whose blocks are smaller when they are long.
pub struct Compressed {
    /// `None` once it has ended; its connection is another request's then.
    upstream: Option<Stream>,
    encoder: Encoder,
    /// Whether every piece is put out by itself.
    is_live: bool,
    /// How much is still to come, where that was announced.
    left: Option<u64>,
    input: Bytes,
    output: BytesMut,
    /// Whether the encoder holds something.
    is_dirty: bool,
    /// What was compressed since others had their turn.
    turn: usize,
    /// What comes behind the output: trailers, or why it broke off.
    last: Option<Result<Frame, Fault>>,
}

impl Compressed {
    /// `encoder` is one for the stream's length. `is_live` has each piece put out by itself: of event streams,
    /// even when several come at once.
    pub fn new(upstream: Stream, encoder: Encoder, is_live: bool) -> Self {
        Self {
            left: upstream.length,
            upstream: Some(upstream),
            encoder,
            is_live,
            input: Bytes::new(),
            output: BytesMut::new(),
            is_dirty: false,
            turn: 0,
            last: None,
        }
    }

    /// Takes in one piece, or finds that there is none.
    fn poll_input(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Fault>> {
        let Some(upstream) = &mut self.upstream else { return Poll::Ready(Ok(())) };
        let Poll::Ready(frame) = upstream.poll_frame(cx) else {
            self.flush()?;
            return Poll::Pending;
        };
        Poll::Ready(match frame {
            Some(Ok(Frame::Data(data))) => self.take(data),
            Some(Ok(Frame::Trailers(mut fields))) => {
                remove_digests(&mut fields);
                self.last = Some(Ok(Frame::Trailers(fields)));
                self.finish()
            }
            None => self.finish(),
            Some(Err(fault)) => {
                // What came before is still good for something.
                self.upstream = None;
                self.last = Some(Err(fault));
                self.flush()
            }
        })
    }

    /// The announced length does not reach the client, who therefore cannot find out that it was not kept.
    fn take(&mut self, data: Bytes) -> Result<(), Fault> {
        if let Some(left) = &mut self.left {
            *left = left
                .checked_sub(data.len() as u64)
                .ok_or_else(|| Fault::new(Cause::MalformedResponse, "more content than announced"))?;
        }
        self.input = data;
        Ok(())
    }

    fn finish(&mut self) -> Result<(), Fault> {
        self.upstream = None;
        if let Some(left @ 1..) = self.left {
            return Err(Fault::new(Cause::ResponseCutShort, format!("{left} bytes are missing")));
        }
        self.encoder.finish(&mut self.output)
    }

    fn flush(&mut self) -> Result<(), Fault> {
        if std::mem::take(&mut self.is_dirty) {
            self.encoder.flush(&mut self.output)?;
        }
        Ok(())
    }

    /// Compresses some of the input.
    fn step(&mut self) -> Result<(), Fault> {
        let piece = self.input.split_to(self.input.len().min(STEP));
        self.turn += piece.len();
        self.is_dirty = true;
        self.encoder.write(&piece, &mut self.output)?;
        if self.is_live && self.input.is_empty() {
            self.flush()?;
        }
        Ok(())
    }

    /// Whether what is there goes out before anything else is done.
    fn has_piece(&self) -> bool {
        let is_enough =
            self.output.len() >= PIECE || self.turn >= room::share(TURN, STEP) || self.upstream.is_none();
        !self.output.is_empty() && (is_enough || (self.is_live && !self.is_dirty))
    }

    fn piece(&mut self) -> Frame {
        Frame::Data(self.output.split_to(self.output.len().min(PIECE_MAX)).freeze())
    }

    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Frame, Fault>>> {
        loop {
            if self.has_piece() {
                return Poll::Ready(Some(Ok(self.piece())));
            }
            if self.turn >= room::share(TURN, STEP) {
                self.turn = 0;
                cx.waker().wake_by_ref();
                return Poll::Pending;
            }
            if !self.input.is_empty() {
                self.step()?;
            } else if self.upstream.is_none() {
                return Poll::Ready(self.last.take());
            } else if self.poll_input(cx)?.is_pending() {
                self.turn = 0;
                return if self.output.is_empty() {
                    Poll::Pending
                } else {
                    Poll::Ready(Some(Ok(self.piece())))
                };
            }
        }
    }
}

impl Source for Compressed {
    fn poll_frame(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Frame, Fault>>> {
        let polled = self.poll(cx);
        if let Poll::Ready(Some(Err(_))) = &polled {
            self.upstream = None;
        }
        polled
    }

    fn poll_ahead(&mut self, cx: &mut Context<'_>) {
        if let Some(upstream) = &mut self.upstream {
            upstream.poll_ahead(cx);
        }
    }
}

impl std::fmt::Debug for Compressed {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Compressed").field("upstream", &self.upstream).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
