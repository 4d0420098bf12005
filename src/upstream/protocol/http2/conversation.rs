//! One exchange on one stream: what is sent, what is read, and by when.

mod limit;

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use ::http::header::UPGRADE;
use ::http::{Method, StatusCode, Version};
use bytes::Bytes;
use h2::RecvStream;
use h2::client::{ResponseFuture, SendRequest};
use tokio::time::Instant;

use self::limit::{Timer, Waiting};
use super::sender::{Progress, SendError, Sender};
use super::session::Share;
use super::{fault, head};
use crate::http::wire::ResponseHead;
use crate::http::{Cause, Fault, Interim, Request};
use crate::upstream::Lease;
use crate::upstream::protocol::{Failure, interim};

const MAX_INTERIM: usize = 32;

/// A request being sent and its answer being read, both from one task.
#[derive(Debug)]
pub(super) struct Conversation {
    pub(super) lease: Lease,
    pub(super) share: Share,
    sender: Sender,
    opening: Opening,
    response: ResponseFuture,
    pub(super) method: Method,
    takes_trailers: bool,
    /// What holds up sending, while it is not over.
    held_up: Waiting,
    timer: Timer,
    /// When the last byte of the request went out, or the exchange began.
    pub(super) sent_at: Instant,
    /// What the connection had written before.
    written: u64,
    /// Whether the server has sent anything of an answer.
    pub(super) answered: bool,
    interim: usize,
    /// What the server said of the request where it did not take it.
    untouched: bool,
}

/// A server takes so many streams at once, and may have one wait.
#[derive(Debug)]
struct Opening {
    opener: SendRequest<Bytes>,
    is_over: bool,
}

impl Opening {
    /// Whether the stream has just been opened, or failed.
    fn ends(&mut self, cx: &mut Context<'_>) -> bool {
        let ends = !self.is_over && self.opener.poll_ready(cx).is_ready();
        self.is_over |= ends;
        ends
    }
}

impl Conversation {
    /// Opens a stream with the head of `request`. Its body is taken.
    pub(super) fn begin(request: &mut Request, share: Share, lease: Lease) -> Result<Self, Box<Failure>> {
        let takes_trailers = request.version == Version::HTTP_2 || head::asks_for_trailers(request);
        let mut sender = Sender::new(std::mem::take(&mut request.body));
        let head = prepared(request, &lease, sender.length());
        let written = share.written();
        let begun = head.map_err(|fault| (fault, false)).and_then(|head| {
            let mut opener = share.opener().ok_or_else(|| (fault::gone(lease.label(), &share), true))?;
            let (response, stream) = opener
                .send_request(head, sender.length() == Some(0))
                .map_err(|error| (fault::unopened(lease.label(), &share, &error), true))?;
            Ok((opener, response, stream))
        });
        let (opener, response, stream) = match begun {
            Ok(begun) => begun,
            Err((fault, untouched)) => {
                lease.failed(&fault);
                let body = sender.reclaim().filter(|_| untouched);
                return Err(Box::new(Failure {
                    fault,
                    untouched,
                    answered: false,
                    status: None,
                    body,
                    lease,
                }));
            }
        };
        sender.begin(stream);
        Ok(Self {
            lease,
            share,
            sender,
            opening: Opening { opener, is_over: false },
            response,
            method: request.method.clone(),
            takes_trailers,
            held_up: Waiting::Client,
            timer: Timer::none(),
            sent_at: Instant::now(),
            written,
            answered: false,
            interim: 0,
            untouched: false,
        })
    }

    /// The final head with what follows it; interim ones are passed on or skipped.
    pub(super) fn poll_head(
        &mut self,
        cx: &mut Context<'_>,
        interim: Option<&Interim>,
    ) -> Poll<Result<(ResponseHead, RecvStream), Fault>> {
        self.send(cx)?;
        loop {
            match self.response.poll_informational(cx) {
                Poll::Pending => return self.poll_limit(cx).map(Err),
                Poll::Ready(Some(Ok(response))) => {
                    self.note_interim(response.into_parts().0, interim)?;
                    continue;
                }
                Poll::Ready(Some(Err(error))) => return Poll::Ready(Err(self.broken(&error))),
                Poll::Ready(None) => {}
            }
            let response = match Pin::new(&mut self.response).poll(cx) {
                Poll::Pending => return self.poll_limit(cx).map(Err),
                Poll::Ready(response) => response.map_err(|error| self.broken(&error))?,
            };
            self.note_progress();
            let (parts, body) = response.into_parts();
            let head = head::decode(parts).map_err(|misfit| fault::misfit(self, &misfit))?;
            return Poll::Ready(Ok((head, body)));
        }
    }

    fn note_interim(
        &mut self,
        parts: ::http::response::Parts,
        interim: Option<&Interim>,
    ) -> Result<(), Fault> {
        self.note_progress();
        self.interim += 1;
        if self.interim > MAX_INTERIM {
            return Err(fault::too_many_interim(self, MAX_INTERIM));
        }
        let head = head::decode(parts).map_err(|misfit| fault::misfit(self, &misfit))?;
        if head.status == StatusCode::SWITCHING_PROTOCOLS {
            return Err(fault::switched(self));
        }
        interim::pass_on(head, interim);
        Ok(())
    }

    /// Sends what can be sent.
    ///
    /// A server that takes no more of the request may have answered already (413 for one): what it
    /// said is read before anything is concluded.
    pub(super) fn send(&mut self, cx: &mut Context<'_>) -> Result<(), Fault> {
        if self.opening.ends(cx) {
            self.timer.disarm();
            self.sent_at = Instant::now();
        }
        if self.sender.is_over() {
            return Ok(());
        }
        let before = (self.sender.accepted, self.held_up);
        match self.sender.poll(cx) {
            Ok(Progress::Blocked) => self.held_up = Waiting::Send,
            Ok(Progress::Starved) => self.held_up = Waiting::Client,
            Ok(Progress::Sent) => {}
            Err(SendError::Server) => self.sender.refuse(),
            Err(SendError::Client(fault)) => return Err(fault),
        }
        if self.sender.is_over() {
            self.sent_at = Instant::now();
        }
        if before != (self.sender.accepted, self.held_up) || self.sender.is_over() {
            self.timer.disarm();
        }
        Ok(())
    }

    /// Something of the answer came.
    pub(super) fn note_progress(&mut self) {
        self.share.progressed();
        self.answered = true;
        self.timer.disarm();
    }

    /// Why the stream ended before its answer, as the server has it.
    fn broken(&mut self, error: &h2::Error) -> Fault {
        let refused = error.is_reset() && error.reason() == Some(h2::Reason::REFUSED_STREAM);
        let dismissed = error.is_go_away();
        self.untouched = error.is_remote() && (refused || dismissed);
        if refused {
            self.share.retire();
        }
        fault::before_head(self, error)
    }

    pub(super) fn takes_trailers(&self) -> bool {
        self.takes_trailers
    }

    pub(super) fn is_sent(&self) -> bool {
        self.sender.is_sent()
    }

    /// An answer is there: whatever comes now, the request is not sent again.
    pub(super) fn commit(&mut self) {
        self.sender.keep_no_copy();
    }

    pub(super) fn fail(self, fault: Fault) -> Failure {
        let nothing_left = !self.opening.is_over || self.share.written() == self.written;
        self.lease.failed(&fault);
        Failure {
            fault,
            untouched: self.untouched || nothing_left,
            answered: self.answered,
            status: None,
            body: self.sender.reclaim(),
            lease: self.lease,
        }
    }

    /// Ends an exchange whose answer counts as none.
    pub(super) fn refuse(self, status: StatusCode) -> Failure {
        let fault = fault::refused(&self, status);
        Failure { status: Some(status), ..self.fail(fault) }
    }
}

/// The head of a request that HTTP/2 can carry.
fn prepared(request: &Request, lease: &Lease, length: Option<u64>) -> Result<::http::Request<()>, Fault> {
    if request.headers.contains_key(UPGRADE) {
        let what = format!("{} is spoken to by HTTP/2, which has no Upgrade", lease.label());
        return Err(Fault::new(Cause::NoUpgrade, what));
    }
    head::encode(request, lease.label(), lease.transport().scheme(), length)
}

/// Polls a step of an exchange, and gives the exchange back with its result.
///
/// Dropped before, the stream ends with CANCEL, and the server knows that nobody waits any more.
pub(super) fn attended<R, F>(conversation: Conversation, step: F) -> Attended<F>
where
    F: FnMut(&mut Conversation, &mut Context<'_>) -> Poll<R> + Unpin,
{
    Attended { conversation: Some(conversation), step }
}

pub(super) struct Attended<F> {
    /// Taken when the step is done.
    conversation: Option<Conversation>,
    step: F,
}

impl<R, F> Future for Attended<F>
where
    F: FnMut(&mut Conversation, &mut Context<'_>) -> Poll<R> + Unpin,
{
    type Output = (Conversation, R);

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let Self { conversation, step } = self.get_mut();
        let Some(attended) = conversation else { return Poll::Pending };
        let result = ready!(step(attended, cx));
        conversation.take().map_or(Poll::Pending, |conversation| Poll::Ready((conversation, result)))
    }
}
