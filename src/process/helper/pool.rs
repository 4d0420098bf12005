//! One pool: the generation that serves, perhaps one on trial that is to take over, and those that leave.

use std::time::Duration;

use tokio::sync::watch;

use super::generation::{Event, Failure, What};
use super::nursery::Nursery;
use super::place::{self, Place};
use crate::net::UpstreamAddr;
use crate::process::ProcessSpec;
use crate::process::protocol::{Level, News};

#[derive(Debug)]
pub(super) struct Pool {
    name: String,
    /// `None` once the configuration has it no more.
    wanted: Option<ProcessSpec>,
    serving: Option<Member>,
    candidate: Option<Member>,
    /// They are asked to stop, or will be as soon as nobody asks them any more.
    leaving: Vec<Member>,
    /// A new generation is to have addresses that one of those who leave still has.
    waits: Option<Waiting>,
}

/// The ticket of the one who waits for it.
#[derive(Clone, Copy, Debug)]
struct Waiting(Option<u64>);

/// A generation as its pool sees it.
#[derive(Debug)]
pub(super) struct Member {
    pub(super) number: u64,
    pub(super) spec: watch::Sender<ProcessSpec>,
    pub(super) addresses: Vec<UpstreamAddr>,
    pub(super) stop: watch::Sender<Option<Duration>>,
    /// Requests may be on their way to it.
    pub(super) has_answered: bool,
    /// The last order to restart that it is to fulfil.
    pub(super) ticket: Option<u64>,
}

impl Member {
    fn runs_like(&self, spec: &ProcessSpec) -> bool {
        self.spec.borrow().runs_like(spec)
    }

    fn stop(&self, at_most: Duration) {
        let grace = self.spec.borrow().stop_timeout.min(at_most);
        self.stop.send_if_modified(|stop| {
            let is_less = stop.is_none_or(|before| grace < before);
            if is_less {
                *stop = Some(grace);
            }
            is_less
        });
    }
}

impl Pool {
    pub(super) fn new(name: &str) -> Self {
        Self {
            name: name.to_owned(),
            wanted: None,
            serving: None,
            candidate: None,
            leaving: Vec::new(),
            waits: None,
        }
    }

    /// Whether nothing of it is left, nor wanted.
    pub(super) fn is_over(&self) -> bool {
        self.wanted.is_none() && self.members().next().is_none()
    }

    /// What a process sees of a change takes a new generation; what it does not see is taken over.
    pub(super) async fn want(&mut self, spec: ProcessSpec, nursery: &mut Nursery) {
        let before = self.wanted.replace(spec.clone());
        for member in self.members().filter(|member| member.runs_like(&spec)) {
            member.spec.send_replace(spec.clone());
        }
        let is_running = |member: &Option<Member>| member.as_ref().is_some_and(|one| one.runs_like(&spec));
        if before.is_some_and(|before| before.runs_like(&spec)) || is_running(&self.candidate) {
            return;
        }
        if is_running(&self.serving) {
            if let Some(ticket) = self.give_up_candidate() {
                self.failed(Some(ticket), 0, "the pool's change was taken back".into(), nursery).await;
            }
            // One that was removed may come back before it has ended.
            self.announce(Duration::ZERO, nursery).await;
            return;
        }
        self.replace(None, nursery).await;
    }

    /// The configuration has it no more. What serves goes on until nobody asks it any more.
    pub(super) fn remove(&mut self) {
        (self.wanted, self.waits) = (None, None);
        self.give_up_candidate();
        if let Some(unasked) = self.serving.take_if(|serving| !serving.has_answered) {
            unasked.stop(Duration::MAX);
            self.leaving.push(unasked);
        }
    }

    /// Starts a new generation, which takes over as soon as it answers; or, where it has to have the same
    /// addresses, once the old one has ended.
    pub(super) async fn replace(&mut self, ticket: Option<u64>, nursery: &mut Nursery) {
        let Some(wanted) = self.wanted.clone() else { return };
        let given_up = self.give_up_candidate();
        let ticket = ticket.or(given_up).or(self.waits.take().and_then(|waits| waits.0));
        let fits = wanted.moves() || !wanted.servers.iter().any(|server| self.taken().contains(server));
        match self.serving.take() {
            Some(serving) if serving.has_answered && fits => {
                self.serving = Some(serving);
                self.candidate = self.begin(&wanted, true, ticket, nursery).await;
                return;
            }
            Some(serving) => {
                serving.stop(Duration::MAX);
                self.leaving.push(serving);
            }
            None => {}
        }
        if fits {
            self.serving = self.begin(&wanted, false, ticket, nursery).await;
        } else {
            let text = "its addresses stand in its command, so the old generation ends before the new one starts; \
                        write `{socket}`, `{port}` or `{fd}` for them, and requests need not wait";
            nursery.reporter.say(Level::Info, &self.name, text).await;
            self.waits = Some(Waiting(ticket));
            self.begin_if_possible(nursery).await;
        }
    }

    /// Nobody asks this generation any more.
    pub(super) fn retire(&mut self, generation: u64) {
        if self.wanted.is_none()
            && let Some(removed) = self.serving.take_if(|serving| serving.number == generation)
        {
            self.leaving.push(removed);
        }
        if let Some(leaving) = self.leaving.iter().find(|leaving| leaving.number == generation) {
            leaving.stop(Duration::MAX);
        }
    }

    /// Ends all of it.
    pub(super) fn stop(&mut self, at_most: Duration) {
        self.waits = None;
        self.members().for_each(|member| member.stop(at_most));
    }

    /// Takes the links away that lead to nothing any more.
    pub(super) fn unlink(&self) {
        let written = self.wanted.iter().flat_map(|spec| &spec.servers);
        written.for_each(|written| place::link(written, None));
    }

    /// What has become of one of its generations.
    pub(super) async fn note(&mut self, event: Event, nursery: &mut Nursery) {
        match event.what {
            What::Ready(after) => self.ready(event.generation, after, nursery).await,
            What::Failed(failure) => self.note_failure(event.generation, failure, nursery).await,
            What::Down => {
                let (name, generation) = (event.name, event.generation);
                nursery.reporter.tell(News::Down { name, generation }).await;
            }
            What::Over => {
                self.leaving.retain(|member| member.number != event.generation);
                self.serving.take_if(|member| member.number == event.generation);
                self.begin_if_possible(nursery).await;
                self.link();
            }
        }
    }

    async fn ready(&mut self, generation: u64, after: Duration, nursery: &Nursery) {
        if let Some(candidate) = self.candidate.take_if(|candidate| candidate.number == generation) {
            self.leaving.extend(self.serving.replace(candidate));
        }
        let Some(serving) = self.serving.as_mut().filter(|serving| serving.number == generation) else {
            return;
        };
        serving.has_answered = true;
        self.announce(after, nursery).await;
        self.link();
    }

    /// Tells where the one that serves is found.
    async fn announce(&mut self, after: Duration, nursery: &Nursery) {
        let Some(serving) = self.serving.as_mut().filter(|serving| serving.has_answered) else { return };
        let news = News::Ready {
            name: self.name.clone(),
            generation: serving.number,
            addresses: serving.addresses.clone(),
            after,
            ticket: serving.ticket.take(),
        };
        nursery.reporter.tell(news).await;
    }

    async fn note_failure(&mut self, generation: u64, failure: Failure, nursery: &Nursery) {
        let candidate = self.candidate.take_if(|candidate| candidate.number == generation);
        let serving = self.serving.as_mut().filter(|serving| serving.number == generation);
        let ticket = match (&candidate, serving) {
            (Some(candidate), _) => candidate.ticket,
            (None, Some(serving)) => serving.ticket.take(),
            (None, None) => None,
        };
        self.leaving.extend(candidate);
        let Failure { reason, lines } = failure;
        let name = self.name.clone();
        nursery.reporter.tell(News::Failed { name, generation, reason, lines, ticket }).await;
    }

    /// Where nothing came so far as to have a generation's number, that is 0.
    async fn failed(&self, ticket: Option<u64>, generation: u64, reason: String, nursery: &Nursery) {
        let name = self.name.clone();
        nursery.reporter.tell(News::Failed { name, generation, reason, lines: Vec::new(), ticket }).await;
    }

    /// Returns its ticket.
    fn give_up_candidate(&mut self) -> Option<u64> {
        let candidate = self.candidate.take()?;
        candidate.stop(Duration::MAX);
        let ticket = candidate.ticket;
        self.leaving.push(candidate);
        ticket
    }

    async fn begin_if_possible(&mut self, nursery: &mut Nursery) {
        if !self.leaving.is_empty() {
            return;
        }
        if let (Some(Waiting(ticket)), Some(wanted)) = (self.waits.take(), self.wanted.clone()) {
            self.serving = self.begin(&wanted, false, ticket, nursery).await;
        }
    }

    async fn begin(
        &self,
        spec: &ProcessSpec,
        on_trial: bool,
        ticket: Option<u64>,
        nursery: &mut Nursery,
    ) -> Option<Member> {
        let place = match Place::find(spec, &self.taken()).await {
            Ok((place, occupied)) => {
                for address in occupied {
                    let text = format!(
                        "something answers on {address} already, perhaps a pool of another rproxy; end it if it is not meant to be there"
                    );
                    nursery.reporter.say(Level::Warn, &self.name, text).await;
                }
                place
            }
            Err(error) if on_trial => {
                let reason = format!("there is no address for a new generation: {error}");
                self.failed(ticket, 0, reason, nursery).await;
                return None;
            }
            // It says itself what keeps it from its addresses, whenever it is started again.
            Err(_) => Place::written(spec),
        };
        Some(nursery.raise(spec, place, on_trial, ticket))
    }

    fn taken(&self) -> Vec<UpstreamAddr> {
        self.members().flat_map(|member| &member.addresses).cloned().collect()
    }

    fn members(&self) -> impl Iterator<Item = &Member> {
        self.serving.iter().chain(&self.candidate).chain(&self.leaving)
    }

    /// Written paths that no generation has lead to the one that serves.
    fn link(&self) {
        let Some(spec) = &self.wanted else { return };
        let taken = self.taken();
        for (index, written) in
            spec.servers.iter().enumerate().filter(|(_, written)| !taken.contains(written))
        {
            let serving = self.serving.as_ref().and_then(|serving| serving.addresses.get(index));
            place::link(written, serving);
        }
    }
}
