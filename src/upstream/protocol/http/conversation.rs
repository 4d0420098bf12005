//! One exchange on one connection: what is sent, what is read, and by when.

mod limit;

use std::io;
use std::task::{Context, Poll, ready};

use ::http::header::UPGRADE;
use ::http::{Method, StatusCode};
use bytes::{Bytes, BytesMut};
use tokio::time::Instant;

use self::limit::Waiting;
use super::attended::keep_until_done;
use super::head::Asked;
use super::sender::{Progress, SendError, Sender};
use super::{fault, head};
use crate::http::wire::fields::find_head_end;
use crate::http::wire::{BodyLength, ResponseHead, WireError, check_start, framing};
use crate::http::{Fault, Interim, Request};
use crate::upstream::protocol::{Failure, interim};
use crate::upstream::{Connection, Lease, Line};

const MAX_HEAD: usize = 64 * 1024;
const MAX_INTERIM: usize = 32;
const FIRST_READ: usize = 16 * 1024;
const LARGEST_READ: usize = 64 * 1024;

/// A request being sent and its answer being read, both from one task.
#[derive(Debug)]
pub(super) struct Conversation {
    pub(super) line: Line,
    sender: Sender,
    method: Method,
    asked: Asked,
    /// What holds up sending, while it is not over.
    held_up: Waiting,
    /// Whether the deadline is set for the present wait.
    armed: bool,
    /// When the last byte of the request went out, or the exchange began.
    pub(super) sent_at: Instant,
    /// How much of the input was searched for the end of a head.
    searched: usize,
    /// Whether the server has sent anything.
    pub(super) answered: bool,
    interim: usize,
    read_size: usize,
}

impl Conversation {
    pub(super) fn begin(request: &mut Request, mut line: Line) -> Self {
        let mut out = std::mem::take(&mut line.connection.output);
        out.clear();
        let mut sender = Sender::new(std::mem::take(&mut request.body), out);
        let announced = sender.announced();
        let asked = head::asked(request);
        head::encode(sender.head(), request, asked, announced, (&line.lease).into());
        Self {
            line,
            sender,
            method: request.method.clone(),
            asked,
            held_up: Waiting::Client,
            armed: false,
            sent_at: Instant::now(),
            searched: 0,
            answered: false,
            interim: 0,
            read_size: FIRST_READ,
        }
    }

    pub(super) fn input(&mut self) -> &mut BytesMut {
        &mut self.line.connection.input
    }

    /// The final head; interim ones are passed on or skipped.
    pub(super) fn poll_head(
        &mut self,
        cx: &mut Context<'_>,
        interim: Option<&Interim>,
    ) -> Poll<Result<ResponseHead, Fault>> {
        self.send(cx)?;
        loop {
            let Poll::Ready(bytes) = self.poll_head_bytes(cx)? else { return self.poll_limit(cx).map(Err) };
            let head = ResponseHead::parse(&bytes).map_err(|error| fault::malformed(self, error, &bytes))?;
            if !head.status.is_informational() || head.status == StatusCode::SWITCHING_PROTOCOLS {
                return Poll::Ready(Ok(head));
            }
            self.interim += 1;
            if self.interim > MAX_INTERIM {
                return Poll::Ready(Err(fault::too_many_interim(self, MAX_INTERIM)));
            }
            interim::pass_on(head, interim);
        }
    }

    fn poll_head_bytes(&mut self, cx: &mut Context<'_>) -> Poll<Result<Bytes, Fault>> {
        loop {
            let input = &self.line.connection.input;
            let end =
                find_head_end(input, self.searched).map_err(|error| fault::malformed(self, error, input))?;
            if end.unwrap_or(input.len()) > MAX_HEAD {
                return Poll::Ready(Err(fault::head_too_large(self, MAX_HEAD)));
            }
            if let Some(end) = end {
                self.searched = 0;
                return Poll::Ready(Ok(self.input().split_to(end).freeze()));
            }
            check_start(input).map_err(|error| fault::malformed(self, error, input))?;
            self.searched = input.len();
            match ready!(self.poll_read(cx)) {
                Ok(0) => return Poll::Ready(Err(fault::closed(self, None))),
                Err(error) => return Poll::Ready(Err(fault::closed(self, Some(&error)))),
                Ok(_) => {}
            }
        }
    }

    /// Waits until so much of the body is there.
    pub(super) fn poll_whole(&mut self, cx: &mut Context<'_>, size: u64) -> Poll<Result<(), Fault>> {
        self.send(cx)?;
        loop {
            let got = self.line.connection.input.len() as u64;
            let Some(left) = size.checked_sub(got).filter(|left| *left > 0) else {
                return Poll::Ready(Ok(()));
            };
            let error = match self.poll_read(cx) {
                Poll::Pending => return self.poll_limit(cx).map(Err),
                Poll::Ready(Ok(0)) => None,
                Poll::Ready(Ok(_)) => continue,
                Poll::Ready(Err(error)) => Some(error),
            };
            return Poll::Ready(Err(fault::cut_short(self, error.as_ref(), got, Some(left))));
        }
    }

    /// Sends what can be sent.
    ///
    /// A server that takes no more of the request may have answered already (413 for one): what it
    /// said is read before anything is concluded.
    pub(super) fn send(&mut self, cx: &mut Context<'_>) -> Result<(), Fault> {
        if self.sender.is_over() {
            return Ok(());
        }
        let before = (self.sender.accepted, self.held_up);
        match self.sender.poll(cx, &self.line.connection.stream) {
            Ok(Progress::Blocked) => self.held_up = Waiting::Send,
            Ok(Progress::Starved) => self.held_up = Waiting::Client,
            Ok(Progress::Sent) => {}
            Err(SendError::Server(error)) if self.sender.accepted == 0 => {
                return Err(fault::closed(self, Some(&error)));
            }
            Err(SendError::Server(_)) => self.sender.refuse(),
            Err(SendError::Client(fault)) => return Err(fault),
        }
        if self.sender.is_over() && before.0 > 0 {
            self.sent_at = Instant::now();
        }
        self.armed &= before == (self.sender.accepted, self.held_up) && !self.sender.is_over();
        Ok(())
    }

    /// Reads into the input, as much at once as the answer's pace makes worth while.
    pub(super) fn poll_read(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<usize>> {
        let Connection { stream, input, .. } = &mut *self.line.connection;
        let count = ready!(stream.poll_read(cx, input, self.read_size))?;
        self.armed = false;
        self.answered |= count > 0;
        if input.len() == input.capacity() {
            self.read_size = (self.read_size * 2).min(LARGEST_READ);
        }
        Poll::Ready(Ok(count))
    }

    pub(super) fn body_length(&self, head: &ResponseHead) -> Result<BodyLength, Fault> {
        framing::of_response(&self.method, head.status, head.version, &head.headers)
            .map_err(|error: WireError| fault::malformed(self, error, b""))
    }

    /// Whether a 101 answers what was asked (RFC 9110 15.2.2): an upgrade, with all of the request sent.
    pub(super) fn may_switch(&self, head: &ResponseHead) -> bool {
        self.asked.upgrade && head.headers.contains_key(UPGRADE) && self.sender.is_sent()
    }

    pub(super) fn takes_trailers(&self) -> bool {
        self.asked.trailers
    }

    pub(super) fn unasked_upgrade(&self) -> Fault {
        fault::unasked_upgrade(self)
    }

    pub(super) fn lease(&self) -> &Lease {
        &self.line.lease
    }

    pub(super) fn is_sent(&self) -> bool {
        self.sender.is_sent()
    }

    pub(super) fn is_reused(&self) -> bool {
        self.line.connection.reused
    }

    /// An answer is there: whatever comes now, the request is not sent again.
    pub(super) fn commit(&mut self) {
        self.sender.keep_no_copy();
    }

    pub(super) fn into_line(self) -> Line {
        self.line
    }

    /// Ends an exchange whose answer is whole: the connection is kept if nothing is left on it that
    /// could be mistaken for part of the next one.
    pub(super) fn finish(self, persists: bool) {
        let mut line = self.line;
        if !(persists && self.sender.is_sent() && line.connection.input.is_empty()) {
            return;
        }
        line.connection.output = self.sender.into_memory();
        if line.connection.input.capacity() > FIRST_READ {
            line.connection.input = BytesMut::new();
        }
        line.give_back();
    }

    /// Nobody waits for the answer any more.
    pub(super) fn abandon(self) {
        let Line { connection, lease } = self.line;
        if lease.is_limited() && self.sender.accepted > 0 {
            keep_until_done(connection.stream, lease);
        }
    }

    pub(super) fn fail(self, fault: Fault) -> Failure {
        let (untouched, answered) = (self.sender.accepted == 0, self.answered);
        self.line.lease.failed(&fault);
        Failure {
            fault,
            untouched,
            answered,
            status: None,
            body: self.sender.reclaim(),
            lease: self.line.lease,
        }
    }

    /// Ends an exchange whose answer counts as none.
    pub(super) fn refuse(self, status: StatusCode) -> Failure {
        let fault = fault::refused(&self, status);
        Failure { status: Some(status), ..self.fail(fault) }
    }
}
