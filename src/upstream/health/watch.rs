//! Checks all servers, each in a time of its own.

use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use tokio::task::JoinSet;
use tokio::time::{Instant, sleep_until};

use super::Health;
use super::journal::Journal;
use super::probe::{Outcome, Prober};
use super::verdict::{Change, Sign, Verdict};
use crate::upstream::balance::Dice;
use crate::upstream::{Endpoint, Upstream};

/// Checks under way. They end when this is dropped.
#[derive(Debug)]
pub struct Watch {
    _loops: JoinSet<()>,
}

impl Watch {
    /// Begins to check the servers of these upstreams, on the current thread's runtime, which has to be a
    /// local one. A server has its own loop: nobody waits for another's check.
    pub fn start(watched: impl IntoIterator<Item = (Arc<Upstream>, Health)>) -> Self {
        let dice = Rc::new(Dice::new());
        let mut loops = JoinSet::new();
        for (upstream, health) in watched {
            let health = Rc::new(health);
            for (index, server) in upstream.servers.iter().enumerate() {
                loops.spawn_local(Watcher::new(&upstream, index, &server.endpoint, &health, &dice).run());
            }
        }
        Self { _loops: loops }
    }
}

/// Watches one server.
#[derive(Debug)]
struct Watcher {
    upstream: Arc<Upstream>,
    index: usize,
    health: Rc<Health>,
    prober: Prober,
    verdict: Verdict,
    journal: Journal,
    dice: Rc<Dice>,
}

impl Watcher {
    fn new(
        upstream: &Arc<Upstream>,
        index: usize,
        endpoint: &Arc<Endpoint>,
        health: &Rc<Health>,
        dice: &Rc<Dice>,
    ) -> Self {
        Self {
            upstream: Arc::clone(upstream),
            index,
            health: Rc::clone(health),
            prober: Prober::new(
                Arc::clone(endpoint),
                upstream.settings,
                upstream.transport.clone(),
                Rc::clone(health),
            ),
            verdict: Verdict::new(!endpoint.is_down(), health.rise, health.fall),
            journal: Journal::new(Arc::clone(upstream), Arc::clone(endpoint)),
            dice: Rc::clone(dice),
        }
    }

    /// The first check comes at any time within an interval, so that neither the servers of one process
    /// nor the processes of a site that started together beat as one.
    async fn run(mut self) {
        let mut next = Instant::now() + self.health.interval.mul_f64(self.random());
        loop {
            sleep_until(next).await;
            let outcome = self.prober.check().await;
            self.note(&outcome);
            // Counted from the beginning of this check, which may have taken up to an interval.
            next = (next + self.pause()).max(Instant::now());
        }
    }

    fn note(&mut self, outcome: &Outcome) {
        self.journal.checked(outcome);
        let (sign, failure) = match outcome {
            Outcome::Passed => (Sign::Passed, None),
            Outcome::Failed(failure) => (Sign::Failed, Some(failure)),
            Outcome::Busy(failure) => (Sign::Busy, Some(failure)),
            Outcome::Unknown(_) => return,
        };
        // Not a single answer while the check waited for its own.
        let stalled = sign == Sign::Busy && !self.prober.sees_progress();
        self.upstream.set_stalled(self.index, stalled);
        let Some(change) = self.verdict.note(sign) else { return };
        match change {
            Change::Down => self.upstream.set_down(self.index, true),
            Change::Up => self.upstream.set_down(self.index, false),
            Change::Busy | Change::Calm => {}
        }
        self.journal.tell(change, failure, &self.health);
    }

    /// An interval, give or take a tenth.
    fn pause(&self) -> Duration {
        self.health.interval.mul_f64(0.9 + 0.2 * self.random())
    }

    /// From 0 to 1.
    fn random(&self) -> f64 {
        const STEPS: u32 = 1 << 16;
        let step = u32::try_from(self.dice.roll(STEPS as usize)).unwrap_or_default();
        f64::from(step) / f64::from(STEPS)
    }
}

#[cfg(test)]
mod tests;
