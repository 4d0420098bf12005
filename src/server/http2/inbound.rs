//! The body of a request, taken from its stream as the handler asks for it.

use std::rc::Rc;
use std::task::{Context, Poll, ready};

use ::http::StatusCode;
use h2::RecvStream;

use super::head;
use super::stream::Respond;
use crate::http::{Cause, Fault, Fields, Frame, Limits, Source};
use crate::net::Deadline;
use crate::server::inbound::{WINDOW, late, too_slow};
use crate::server::pace::Pace;

/// What the handler polls.
pub(super) struct RequestBody {
    stream: RecvStream,
    limits: Rc<Limits>,
    /// Who is told to go on, where the client waits for that (RFC 9110 10.1.1).
    awaited: Option<Respond>,
    received: u64,
    /// Of the latest piece. The client may send as much again once the next is asked for.
    held: usize,
    pace: Pace,
    limit: Deadline,
}

impl RequestBody {
    pub fn new(stream: RecvStream, limits: Rc<Limits>, awaited: Option<Respond>) -> Self {
        let (pace, limit) = (Pace::over(WINDOW), Deadline::none());
        Self { stream, limits, awaited, received: 0, held: 0, pace, limit }
    }

    fn release(&mut self) {
        let held = std::mem::take(&mut self.held);
        if held > 0 {
            // Of a stream that is gone there is nothing to release.
            let _ = self.stream.flow_control().release_capacity(held);
        }
    }

    fn count(&mut self, count: usize) -> Result<(), Fault> {
        self.held = count;
        self.received += count as u64;
        self.pace.moved(count as u64);
        if self.pace.is_below(self.limits.body_rate.get()) {
            return Err(too_slow(&self.limits));
        }
        let most = self.limits.max_body.get();
        if self.received > most {
            return Err(Fault::new(
                Cause::BodyTooLarge,
                format!("a body without a length went past {most} bytes"),
            ));
        }
        Ok(())
    }

    /// A client that waits for `100 Continue` is not asked before nothing of its body is here.
    fn ask(&mut self) {
        if let Some(respond) = self.awaited.take() {
            // Whether its stream is still there shows with the next look at it.
            let _ = respond
                .borrow_mut()
                .send_informational(head::interim(StatusCode::CONTINUE, &Fields::default()));
        }
    }
}

impl Source for RequestBody {
    fn poll_frame(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Frame, Fault>>> {
        self.release();
        let mut frame = self.stream.poll_data(cx);
        // The end may come as a piece of nothing.
        while matches!(&frame, Poll::Ready(Some(Ok(data))) if data.is_empty()) {
            frame = self.stream.poll_data(cx);
        }
        let Poll::Ready(frame) = frame else {
            self.ask();
            let late = ready!(self.pace.poll(
                cx,
                &mut self.limit,
                self.limits.body.get(),
                self.limits.body_rate.get()
            ));
            return Poll::Ready(Some(Err(self::late(late, &self.limits))));
        };
        Poll::Ready(match frame {
            Some(Ok(data)) => Some(self.count(data.len()).map(|()| Frame::Data(data))),
            Some(Err(error)) => Some(Err(broken(&error))),
            // Trailers of requests are dropped: no WSGI application could read them.
            None => None,
        })
    }
}

/// Why a stream ended early: by h2, which found it faulty, or by its client.
fn broken(error: &h2::Error) -> Fault {
    let cause = if error.is_reset() && error.is_library() { Cause::MalformedBody } else { Cause::ClientLeft };
    Fault::new(cause, error.to_string())
}
