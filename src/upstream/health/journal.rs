//! What the operator reads of checks: each change once, with its reason.

use std::sync::Arc;

use tokio::time::Instant;

use super::Health;
use super::failure::Failure;
use super::probe::Outcome;
use super::verdict::Change;
use crate::upstream::{Endpoint, Upstream};

/// The lines about one server.
#[derive(Debug)]
pub(super) struct Journal {
    upstream: Arc<Upstream>,
    endpoint: Arc<Endpoint>,
    /// When the present state began.
    since: Instant,
}

impl Journal {
    pub(super) fn new(upstream: Arc<Upstream>, endpoint: Arc<Endpoint>) -> Self {
        Self { upstream, endpoint, since: Instant::now() }
    }

    /// `failure` is what the check that led to the change met, if it did not pass.
    pub(super) fn tell(&mut self, change: Change, failure: Option<&Failure>, health: &Health) {
        let now = Instant::now();
        let seconds = now.saturating_duration_since(self.since).as_secs_f64();
        self.since = now;
        match (change, failure) {
            (Change::Down, Some(failure)) => self.down(failure, health),
            (Change::Busy, Some(failure)) => self.busy(failure),
            (Change::Up, _) => {
                let passed = times(health.rise);
                tracing::info!("{} is up again after {seconds:.1} s: {passed} passed", self.server());
            }
            (Change::Calm, _) => {
                tracing::info!("{} is not busy any more, after {seconds:.1} s", self.server());
            }
            // Neither comes of a check that passed.
            (Change::Down | Change::Busy, None) => {}
        }
    }

    /// Every check that did not pass, for those who look for the reason of a change.
    pub(super) fn checked(&self, outcome: &Outcome) {
        let (what, failure) = match outcome {
            Outcome::Passed => return,
            Outcome::Failed(failure) => ("failed", failure),
            Outcome::Busy(failure) => ("does not count while the server is at work", failure),
            Outcome::Unknown(failure) => ("could not be made", failure),
        };
        let cause = failure.reason.name();
        tracing::debug!(cause, "a check of {} {what}: {}", self.server(), failure.detail);
    }

    fn down(&self, failure: &Failure, health: &Health) {
        let (cause, remedy) = (failure.reason.name(), failure.reason.remedy());
        let (failed, detail) = (times(health.fall), &failure.detail);
        let last = if health.fall > 1 { " in a row failed, the last" } else { " failed" };
        tracing::warn!(cause, remedy, "{} is down: {failed}{last}: {detail}", self.server());
    }

    fn busy(&self, failure: &Failure) {
        let (cause, in_flight) = (failure.reason.name(), self.endpoint.in_flight());
        let remedy = "more workers of the app server, if this is not seldom";
        let work = match in_flight {
            0 => "others' requests".to_owned(),
            1 => "1 request".to_owned(),
            count => format!("{count} requests"),
        };
        let what = if failure.is_timeout() { "checks time out" } else { "its backlog is full" };
        tracing::warn!(
            cause,
            remedy,
            "{} is busy: {what} while it is at work on {work}; others are asked first while it answers nothing",
            self.server()
        );
    }

    fn server(&self) -> String {
        format!("server {} of upstream `{}`", self.endpoint.label(), self.upstream.name)
    }
}

fn times(count: u32) -> String {
    if count == 1 { "1 check".into() } else { format!("{count} checks") }
}
