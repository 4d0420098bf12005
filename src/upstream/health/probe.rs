//! One check of one server.

use std::rc::Rc;
use std::sync::Arc;

use tokio::time::{Instant, timeout_at};

use super::failure::{Failure, Reason};
use super::{Health, Question, answer};
use crate::net::Stream;
use crate::upstream::resolve::Resolver;
use crate::upstream::{Endpoint, Settings, Transport, connect};

/// What came of a check.
#[derive(Debug)]
pub(super) enum Outcome {
    Passed,
    Failed(Failure),
    /// The server is at work and has no worker left for a check.
    Busy(Failure),
    /// The check could not be made.
    Unknown(Failure),
}

/// Checks one server, each time on a connection of its own: a kept one would say little of whether more
/// can be had.
#[derive(Debug)]
pub(super) struct Prober {
    endpoint: Arc<Endpoint>,
    settings: Settings,
    transport: Transport,
    health: Rc<Health>,
    resolver: Resolver,
}

impl Prober {
    /// `settings` and `transport` are the upstream's; a check takes no longer than `health` says.
    pub(super) fn new(
        endpoint: Arc<Endpoint>,
        settings: Settings,
        transport: Transport,
        health: Rc<Health>,
    ) -> Self {
        Self { endpoint, settings, transport, health, resolver: Resolver::default() }
    }

    pub(super) async fn check(&self) -> Outcome {
        match self.attempt().await {
            Ok(()) => {
                self.endpoint.progress.answered(Instant::now());
                Outcome::Passed
            }
            Err(failure) => self.judge(failure),
        }
    }

    /// Whether the server began an answer, or to work, since a check that took all its time began.
    pub(super) fn sees_progress(&self) -> bool {
        self.endpoint.progress.within(self.health.timeout)
    }

    async fn attempt(&self) -> Result<(), Failure> {
        let limit = self.health.timeout;
        let end = Instant::now() + limit;
        let settings = Settings { connect: limit, ..self.settings };
        let stream = connect::connect(&self.endpoint, &settings, &self.transport, &self.resolver).await?;
        match &self.health.question {
            Some(question) => self.ask(stream, question, end).await,
            None => Ok(()),
        }
    }

    async fn ask(&self, stream: Stream, question: &Question, end: Instant) -> Result<(), Failure> {
        let label = self.endpoint.label();
        timeout_at(end, answer::ask(stream, label, question)).await.unwrap_or_else(|_| {
            let (path, limit) = (&question.path, self.health.timeout);
            let what = format!("{label} did not answer GET {path} within {limit:?}");
            Err(Failure::new(Reason::Timeout, what))
        })
    }

    /// A worker that is occupied answers no check, and a pool without a free one is not dead: as long as it
    /// goes on to begin answers, or has begun to work lately, its silence does not count. A server that a
    /// request would wait for in vain hangs.
    fn judge(&self, failure: Failure) -> Outcome {
        let occupied = self.endpoint.in_flight() > 0;
        let moves = self.endpoint.progress.within(self.settings.read);
        // Others may fill a backlog as well.
        let busy = (failure.is_timeout() && occupied && moves)
            || (failure.is_full_backlog() && (moves || !occupied));
        match failure {
            failure if busy => Outcome::Busy(failure),
            failure if failure.is_ours() => Outcome::Unknown(failure),
            failure => Outcome::Failed(failure),
        }
    }
}

#[cfg(test)]
mod tests;
