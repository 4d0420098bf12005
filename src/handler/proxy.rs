//! Gives requests to the servers of an upstream.
//!
//! A request is prepared once, then attempts are made: a server is picked, a connection to it found
//! or made, the request spoken. Where every server is busy, the request waits in the upstream's queue; where
//! none can be reached, for one to come back. What failed before a byte of the request was sent is tried at
//! the next server; what failed later only where [`replay`] lets it be.

mod attempts;
mod leftover;
mod patience;
mod replay;

use std::rc::Rc;

use ::http::StatusCode;

use self::attempts::Attempts;
use self::replay::Verdict;
use super::Outcome;
use super::prepare::{self, Before};
use crate::http::accel::Accel;
use crate::http::{Fault, HeaderRules, Request, Response};
use crate::upstream::{Answer, Demands, Dialer, Lease, Picked, RetryRules, exchange};

/// The handler of a `proxy` location, on one event loop.
#[derive(Debug)]
pub struct Proxy {
    dialer: Rc<Dialer>,
    headers: HeaderRules,
    accel: bool,
}

/// How an attempt without an answer ends.
enum Missed {
    /// The server has seen nothing of the request.
    Unsent(Fault),
    /// It may have, and the request may be given to a server again all the same. With the status of an
    /// answer that counts as none.
    Repeatable(Fault, Option<StatusCode>),
    Final(Fault),
}

impl Proxy {
    /// `accel` says whether an answer may have another location answer: not one of a stranger.
    pub fn new(dialer: Rc<Dialer>, headers: HeaderRules, accel: bool) -> Self {
        Self { dialer, headers, accel }
    }

    /// The answer of the first server that gives one.
    ///
    /// Nobody waits for a client that has left: its request is dropped with this future, and leaves the
    /// queue.
    pub async fn handle(&self, mut request: Box<Request>) -> Result<Outcome, Fault> {
        let upstream = self.dialer.upstream();
        // Before anything is changed: the key is made of what the client sent.
        let mut attempts = Attempts::new(upstream, &request);
        let before = prepare::prepare(&mut request, &self.headers);
        upstream.earn_repetition();
        loop {
            let lease = match self.dialer.pick(attempts.wanted()) {
                Picked::Server(lease) => lease,
                // Boxed, both, so that a request which need not wait carries no room for it.
                Picked::Busy => Box::pin(attempts.wait_for_turn(&self.dialer)).await?,
                Picked::Nobody => {
                    Box::pin(attempts.wait_for_return()).await?;
                    continue;
                }
            };
            attempts.begin(&lease);
            let demands = attempts.demands(&request);
            match attempt(&mut request, lease, &upstream.settings.retry, demands).await {
                Ok(answer) => return Ok(self.outcome(request, before, attempts.answered(answer))),
                Err(missed) => attempts.missed(missed)?,
            }
        }
    }

    /// The answer for the client, unless it has another location answer.
    fn outcome(&self, mut request: Box<Request>, before: Option<Before>, mut response: Response) -> Outcome {
        let said = Accel::take(&mut response.headers).filter(|_| self.accel);
        let Some(handover) = said.and_then(|accel| accel.apply(&mut response)) else {
            return Outcome::Response(response);
        };
        leftover::finish(response.body);
        if let Some(before) = before {
            before.restore(&mut request, &self.headers);
        }
        request.without_body();
        Outcome::Handover(request, Box::new(handover))
    }
}

/// Speaks to one server: over a kept connection if there is one, and once more over a new one if it
/// turns out to have been closed meanwhile.
async fn attempt(
    request: &mut Request,
    mut lease: Lease,
    rules: &RetryRules,
    demands: Demands,
) -> Result<Answer, Missed> {
    let mut kept = lease.reuse(replay::is_repeatable(request, rules));
    loop {
        let is_kept = kept.is_some();
        let channel = match kept.take() {
            Some(channel) => channel,
            // Boxed, so that a request which need not connect carries no room for it.
            None => Box::pin(lease.connect()).await.map_err(Missed::Unsent)?,
        };
        let failure = match exchange(request, channel, lease, demands).await {
            Ok(answer) => return Ok(answer),
            Err(failure) => failure,
        };
        let verdict = replay::judge(&request.method, &failure, is_kept, rules);
        request.body = failure.body.unwrap_or_default();
        match verdict {
            Verdict::NewConnection => lease = failure.lease,
            Verdict::Unsent => return Err(Missed::Unsent(failure.fault)),
            Verdict::Repeatable => return Err(Missed::Repeatable(failure.fault, failure.status)),
            Verdict::Final => return Err(Missed::Final(failure.fault)),
        }
    }
}

#[cfg(test)]
mod tests;
