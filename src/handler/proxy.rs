//! Gives requests to the servers of an upstream.
//!
//! A request is prepared once, then attempts are made: a server is picked, a connection to it found
//! or made, the request spoken. What failed before a byte of the request was sent is tried at the
//! next server, and a little later again when none could be reached; what failed later only where RFC
//! 9110 9.2.2 lets it be repeated.

mod patience;

use std::rc::Rc;

use smallvec::SmallVec;

use self::patience::{Patience, may_pass};
use super::{Outcome, prepare, upgrade};
use crate::http::{
    Attempt, Body, Cause, Fault, HeaderRules, Request, Response, Retry, Side, Tried,
    strip_response_hop_by_hop,
};
use crate::upstream::{Answer, Dialer, Failure, Lease, Line, exchange};

/// The handler of a `proxy` location, on one event loop.
#[derive(Debug)]
pub struct Proxy {
    dialer: Rc<Dialer>,
    headers: HeaderRules,
}

/// Servers tried so far, and what came of the last of them.
#[derive(Debug, Default)]
struct Attempts {
    indexes: SmallVec<[usize; 8]>,
    tried: Tried,
    fault: Option<Fault>,
    /// Whether any of them may be reached in a moment.
    may_pass: bool,
}

/// How an attempt without an answer ends.
enum Missed {
    /// The server has not read the request, or may be given it twice: the next one may have it.
    Unsent(Fault),
    Final(Fault),
}

impl Proxy {
    pub fn new(dialer: Rc<Dialer>, headers: HeaderRules) -> Self {
        Self { dialer, headers }
    }

    /// The answer of the first server that gives one.
    pub async fn handle(&self, mut request: Box<Request>) -> Result<Outcome, Fault> {
        // Before anything is changed: the key is made of what the client sent.
        let key = self.dialer.upstream().key(&request);
        prepare::prepare(&mut request, &self.headers);
        let mut patience = Patience::new(self.dialer.upstream().settings.retry_window);
        loop {
            let mut attempts = Attempts::default();
            if let Some(answer) = self.round(&mut request, &key, &mut attempts).await {
                return Ok(Outcome::Response(attempts.answered(answer)));
            }
            // Nobody waits for a client that has left: its request is dropped with this future.
            if !attempts.may_pass || !Box::pin(patience.wait()).await {
                return Err(attempts.give_up(&self.dialer.upstream().name, patience.summary()));
            }
        }
    }

    /// Tries every server until one answers.
    async fn round(&self, request: &mut Request, key: &[u8], attempts: &mut Attempts) -> Option<Answer> {
        while let Some(lease) = self.dialer.pick(&attempts.indexes, key) {
            attempts.begin(&lease);
            match attempt(request, lease).await {
                Ok(answer) => return Some(answer),
                Err(Missed::Unsent(fault)) => {
                    attempts.may_pass |= may_pass(fault.cause);
                    attempts.failed(fault);
                }
                Err(Missed::Final(fault)) => {
                    attempts.may_pass = false;
                    attempts.failed(fault);
                    break;
                }
            }
        }
        None
    }
}

/// Speaks to one server: over a kept connection if there is one, and once more over a new one if it
/// turns out to have been closed meanwhile.
async fn attempt(request: &mut Request, mut lease: Lease) -> Result<Answer, Missed> {
    let mut kept = lease.reuse(is_repeatable(request));
    loop {
        let is_kept = kept.is_some();
        let connection = match kept.take() {
            Some(connection) => connection,
            // Boxed, so that a request which need not connect carries no room for it.
            None => Box::pin(lease.connect()).await.map_err(Missed::Unsent)?,
        };
        match exchange(request, Line { connection, lease }).await {
            Ok(answer) => return Ok(answer),
            Err(failure) if is_kept && may_repeat(request, &failure) => {
                request.body = failure.body.unwrap_or_default();
                lease = failure.lease;
            }
            Err(failure) if !is_kept && (may_repeat(request, &failure) || is_unsent(&failure)) => {
                request.body = failure.body.unwrap_or_default();
                return Err(Missed::Unsent(failure.fault));
            }
            Err(failure) => return Err(Missed::Final(failure.fault)),
        }
    }
}

/// Whether a request can be spoken again even after a server may have seen it (RFC 9110 9.2.2).
fn is_repeatable(request: &Request) -> bool {
    request.method.is_idempotent() && !matches!(request.body, Body::Stream(_))
}

/// Whether a request may be spoken again after a connection failed it.
fn may_repeat(request: &Request, failure: &Failure) -> bool {
    let allowed = match failure.fault.cause.retry() {
        Retry::Safe => true,
        Retry::IfIdempotent => failure.untouched || request.method.is_idempotent(),
        Retry::Never => false,
    };
    allowed && failure.body.is_some()
}

/// Whether all of the request is still here, and nothing of it anywhere else.
fn is_unsent(failure: &Failure) -> bool {
    failure.untouched && failure.body.is_some()
}

impl Attempts {
    fn begin(&mut self, lease: &Lease) {
        self.indexes.push(lease.index());
        self.tried.attempts.push(Attempt::begin(lease.shared_label()));
    }

    /// The latest cause counts; the log tells of every server.
    fn failed(&mut self, mut fault: Fault) {
        if let Some(attempt) = self.tried.attempts.last_mut() {
            attempt.failed((fault.cause.side() == Side::Upstream).then(|| fault.status()));
        }
        if let Some(before) = &self.fault {
            fault.detail = format!("{}; {}", before.detail, fault.detail);
        }
        self.fault = Some(fault);
    }

    fn answered(mut self, answer: Answer) -> Response {
        let mut response = match answer {
            Answer::Response(mut response) => {
                strip_response_hop_by_hop(&mut response.headers);
                response
            }
            Answer::Switched { head, line, early } => upgrade::switch(head, line, early),
        };
        if let Some(attempt) = self.tried.attempts.last_mut() {
            attempt.answered(response.status, &mut response.body);
        }
        response.trace.upstream = self.tried;
        response
    }

    fn give_up(self, upstream: &str, summary: Option<String>) -> Fault {
        let mut fault = self
            .fault
            .unwrap_or_else(|| Fault::new(Cause::NoServer, format!("upstream `{upstream}` has no server")));
        if let Some(summary) = summary {
            fault.detail = format!("{}; {summary}", fault.detail);
        }
        fault.upstream = Some(Box::new(self.tried));
        fault
    }
}

#[cfg(test)]
mod tests;
