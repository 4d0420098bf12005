//! Where generations are raised: what they all have in common.

use std::time::Duration;

use tokio::sync::{mpsc, watch};
use tokio::task::JoinSet;

use super::generation::{Event, Generation};
use super::place::Place;
use super::pool::Member;
use super::reporter::Reporter;
use crate::process::ProcessSpec;

#[derive(Debug)]
pub(super) struct Nursery {
    pub(super) reporter: Reporter,
    events: mpsc::UnboundedSender<Event>,
    tasks: JoinSet<()>,
    last: u64,
}

impl Nursery {
    pub(super) fn new(reporter: Reporter) -> (Self, mpsc::UnboundedReceiver<Event>) {
        let (events, told) = mpsc::unbounded_channel();
        (Self { reporter, events, tasks: JoinSet::new(), last: 0 }, told)
    }

    /// New generations are numbered from after `last`.
    pub(super) fn count_from(&mut self, last: u64) {
        self.last = self.last.max(last);
    }

    pub(super) fn raise(
        &mut self,
        spec: &ProcessSpec,
        place: Place,
        on_trial: bool,
        ticket: Option<u64>,
    ) -> Member {
        self.last += 1;
        let number = self.last;
        let addresses = place.addresses.clone();
        let (spec, told_spec) = watch::channel(spec.clone());
        let (stop, told_stop) = watch::channel(None::<Duration>);
        let generation = Generation {
            number,
            spec: told_spec,
            place,
            stop: told_stop,
            on_trial,
            reporter: self.reporter.clone(),
            events: self.events.clone(),
        };
        self.tasks.spawn_local(generation.run());
        Member { number, spec, addresses, stop, has_answered: false, ticket }
    }

    /// Returns when every generation has ended.
    pub(super) async fn wait(&mut self) {
        while self.tasks.join_next().await.is_some() {}
    }

    /// Forgets those that have ended.
    pub(super) fn tidy(&mut self) {
        while self.tasks.try_join_next().is_some() {}
    }
}
