//! One request's attempts to be answered: who was tried, what came of it, and how long it may go on.

mod waiting;

use std::rc::Rc;

use ::http::HeaderValue;
use ::http::header::{RETRY_AFTER, SET_COOKIE};
use bytes::Bytes;
use smallvec::SmallVec;

use super::Missed;
use super::patience::{Patience, may_pass};
use super::replay;
use crate::handler::upgrade;
use crate::http::{
    Attempt, Cause, Fault, Handling, Request, Response, Scheme, Side, Tried, strip_response_hop_by_hop,
};
use crate::upstream::{Answer, Demands, Lease, Place, Upstream, Wanted};

pub(super) struct Attempts<'a> {
    upstream: &'a Upstream,
    key: Bytes,
    scheme: Scheme,
    /// Servers not to be asked again in this round.
    tried: SmallVec<[usize; 4]>,
    record: Tried,
    handling: Rc<Handling>,
    /// The latest cause, with what was seen of all of this round.
    fault: Option<Fault>,
    /// How often the request was sent.
    sent: u32,
    next: Next,
    patience: Patience,
    /// Held while the request waits, for whatever.
    place: Option<Place>,
}

/// Its client left: what is known by then is for the log.
impl Drop for Attempts<'_> {
    fn drop(&mut self) {
        if let Some(place) = &self.place {
            self.record.queued = self.record.queued.max(place.waited());
        }
        self.leave_place();
        if !self.record.is_empty() {
            self.handling.put(std::mem::take(&mut self.record));
        }
    }
}

/// What follows a round in which nobody answered. The greatest counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Next {
    GiveUp,
    /// One that could not be reached may come back in a moment.
    AwaitReturn,
    /// One has a full backlog, and so will have room.
    AwaitRoom,
    /// The request is sent again, to a server that was tried already if there is no other.
    AtOnce,
}

impl<'a> Attempts<'a> {
    pub(super) fn new(upstream: &'a Upstream, request: &Request) -> Self {
        Self {
            upstream,
            key: upstream.key(request),
            scheme: request.client.scheme,
            tried: SmallVec::new(),
            record: Tried::default(),
            handling: Rc::clone(&request.handling),
            fault: None,
            sent: 0,
            next: Next::GiveUp,
            patience: Patience::default(),
            place: None,
        }
    }

    pub(super) fn wanted(&self) -> Wanted<'_> {
        Wanted { tried: &self.tried, key: &self.key }
    }

    /// What an answer has to be to count. The last one counts whatever it is.
    pub(super) fn demands(&self, request: &Request) -> Demands {
        let rules = &self.upstream.settings.retry;
        let again = self.sent + 1 < rules.attempts
            && replay::is_repeatable(request, rules)
            && self.upstream.may_repeat();
        if again {
            Demands { refused: rules.on.statuses, whole: rules.on.closed }
        } else {
            Demands::default()
        }
    }

    pub(super) fn begin(&mut self, lease: &Lease) {
        self.leave_place();
        self.tried.push(lease.index());
        self.record.attempts.push(Attempt::begin(lease.shared_label()));
    }

    /// Takes note of an attempt without an answer; the fault if there is to be no other.
    pub(super) fn missed(&mut self, missed: Missed) -> Result<(), Fault> {
        match missed {
            Missed::Unsent(fault) => {
                let next = match fault.cause {
                    Cause::BacklogFull => Next::AwaitRoom,
                    cause if may_pass(cause) => Next::AwaitReturn,
                    _ => Next::GiveUp,
                };
                self.failed(fault);
                self.next = self.next.max(next);
                if self.upstream.settings.retry.on.connect { Ok(()) } else { Err(self.give_up()) }
            }
            Missed::Repeatable(fault, status) => {
                self.failed(fault);
                if let (Some(status), Some(attempt)) = (status, self.record.attempts.last_mut()) {
                    attempt.status = Some(status);
                }
                self.repeat()
            }
            Missed::Final(fault) => {
                self.failed(fault);
                Err(self.give_up())
            }
        }
    }

    /// The request was sent, and is to be sent once more.
    fn repeat(&mut self) -> Result<(), Fault> {
        self.sent += 1;
        self.next = Next::AtOnce;
        if self.sent >= self.upstream.settings.retry.attempts {
            let times = self.sent;
            return Err(self.give_up_because(&format!("sent {times} times, as `retry.attempts` allows")));
        }
        if !self.upstream.spend_repetition() {
            return Err(self.give_up_because("not sent again, since `retry.budget` is used up"));
        }
        Ok(())
    }

    fn failed(&mut self, mut fault: Fault) {
        if let Some(attempt) = self.record.attempts.last_mut() {
            attempt.failed((fault.cause.side() == Side::Upstream).then(|| fault.status()));
        }
        if let Some(before) = &self.fault {
            fault.detail = format!("{}; {}", before.detail, fault.detail);
        }
        self.fault = Some(fault);
    }

    pub(super) fn answered(mut self, answer: Answer) -> Response {
        let mut response = match answer {
            Answer::Response(mut response) => {
                strip_response_hop_by_hop(&mut response.headers);
                response
            }
            Answer::Switched { head, line, early } => upgrade::switch(head, line, early),
        };
        if let Some(attempt) = self.record.attempts.last_mut() {
            attempt.answered(response.status, &mut response.body);
        }
        let secure = self.scheme == Scheme::Https;
        let server = self.tried.last();
        if let Some(cookie) = server.and_then(|index| self.upstream.binding(*index, &self.key, secure)) {
            response.headers.append(SET_COOKIE, cookie);
        }
        response.trace.upstream = Some(Box::new(std::mem::take(&mut self.record)));
        response
    }

    fn give_up_because(&mut self, why: &str) -> Fault {
        let mut fault = self.give_up();
        fault.detail = format!("{}; {why}", fault.detail);
        fault
    }

    fn give_up(&mut self) -> Fault {
        self.leave_place();
        let name = &self.upstream.name;
        let none =
            || Fault::new(Cause::NoServer, format!("upstream `{name}` has no server that may be asked"));
        let mut fault = self.fault.take().unwrap_or_else(none);
        if let Some(summary) = self.patience.summary() {
            fault.detail = format!("{}; {summary}", fault.detail);
        }
        if matches!(fault.cause, Cause::QueueFull | Cause::QueueTimeout | Cause::BacklogFull) {
            let seconds = self.upstream.settings.queue.timeout.as_secs().max(1);
            fault = fault.with_header(RETRY_AFTER, HeaderValue::from(seconds));
        }
        fault.upstream = Some(Box::new(std::mem::take(&mut self.record)));
        fault
    }
}
