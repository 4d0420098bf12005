//! One request's attempts to be answered: who was tried, what came of it, and how long it may go on.

use std::rc::Rc;

use ::http::HeaderValue;
use ::http::header::{RETRY_AFTER, SET_COOKIE};
use bytes::Bytes;
use smallvec::SmallVec;
use tokio::time::Instant;

use super::Missed;
use super::patience::{Patience, may_pass};
use super::replay;
use crate::handler::upgrade;
use crate::http::{
    Abandoned, Attempt, Cause, Fault, Request, Response, Scheme, Side, Tried, strip_response_hop_by_hop,
};
use crate::upstream::{Answer, Demands, Dialer, Lease, Place, Upstream, Wanted};

pub(super) struct Attempts<'a> {
    upstream: &'a Upstream,
    key: Bytes,
    scheme: Scheme,
    /// Servers not to be asked again in this round.
    tried: SmallVec<[usize; 4]>,
    record: Tried,
    abandoned: Rc<Abandoned>,
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
        if !self.record.is_empty() {
            self.abandoned.put(std::mem::take(&mut self.record));
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
            abandoned: Rc::clone(&request.abandoned),
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
        self.place = None;
        self.tried.push(lease.index());
        self.record.attempts.push(Attempt::begin(lease.shared_label()));
    }

    /// Waits in the queue for a server that is busy.
    pub(super) async fn wait_for_turn(&mut self, dialer: &Rc<Dialer>) -> Result<Lease, Fault> {
        let since = self.take_place()?;
        let (begin, limit) = (Instant::now(), self.upstream.settings.queue.timeout);
        let lease = dialer.wait(self.wanted(), since, since + limit).await;
        self.record.queued += begin.elapsed();
        match lease {
            Some(lease) => Ok(lease),
            None => Err(self.give_up_waiting()),
        }
    }

    /// Nobody is left to be tried in this round. Waits until another begins, if one may.
    pub(super) async fn wait_for_return(&mut self) -> Result<(), Fault> {
        if self.next != Next::AtOnce {
            let limit = match self.next {
                Next::AwaitReturn => self.upstream.settings.retry.window,
                Next::AwaitRoom => self.upstream.settings.queue.timeout,
                Next::GiveUp | Next::AtOnce => return Err(self.give_up()),
            };
            let since = self.take_place()?;
            // When checks have called all servers down for that long, nobody waits any more.
            let down = self.upstream.down_since().filter(|down| *down < since).unwrap_or(since);
            let begin = Instant::now();
            let again = self.patience.wait(down + limit, self.next == Next::AwaitRoom).await;
            self.record.queued += begin.elapsed();
            if !again {
                return Err(self.give_up());
            }
            // What the log says of one round holds for the others.
            (self.fault, self.next) = (None, Next::GiveUp);
            if self.sent == 0 {
                self.record.attempts.clear();
            }
        }
        self.next = Next::GiveUp;
        self.tried.clear();
        Ok(())
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
        response.trace.upstream = std::mem::take(&mut self.record);
        response
    }

    /// When the request began to wait for the first time: its rank among those who do.
    fn take_place(&mut self) -> Result<Instant, Fault> {
        if self.place.is_none() {
            self.place = self.upstream.place();
        }
        if self.place.is_none() {
            let (name, size) = (&self.upstream.name, self.upstream.settings.queue.size);
            self.failed(Fault::new(
                Cause::QueueFull,
                format!("{size} requests wait for upstream `{name}` already"),
            ));
            return Err(self.give_up());
        }
        Ok(self.patience.begin())
    }

    fn give_up_waiting(&mut self) -> Fault {
        let waited = self.record.queued.as_secs_f64();
        let detail = format!(
            "waited {waited:.1} s for upstream `{}`, whose servers are all at work on as many requests as they may; \
             {} wait",
            self.upstream.name,
            self.upstream.waiting()
        );
        self.failed(Fault::new(Cause::QueueTimeout, detail));
        self.give_up()
    }

    fn give_up_because(&mut self, why: &str) -> Fault {
        let mut fault = self.give_up();
        fault.detail = format!("{}; {why}", fault.detail);
        fault
    }

    fn give_up(&mut self) -> Fault {
        self.place = None;
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
