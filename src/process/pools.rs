//! The pools as the main process sees them: what it wants of them, and where they are found.

mod helper;

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::time::Duration;

use tokio::sync::{mpsc, oneshot};
use tokio::time::{Instant, sleep_until, timeout};

use super::ProcessSpec;
use super::backoff::Backoff;
use super::protocol::{News, Order};
use crate::net::UpstreamAddr;
use helper::{Helper, Told};

/// Its pools end within their `stop_timeout`; what it needs itself is nothing beside this.
const HELPER_STOP: Duration = Duration::from_secs(5);

/// What has happened to a pool, and is to be followed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PoolEvent {
    /// From now on requests are to go to these addresses, in the order of the upstream's servers.
    Serve {
        name: String,
        generation: u64,
        addresses: Vec<UpstreamAddr>,
        /// It goes on for those who are on their way to it: to be told [`Pools::drained`] when nobody is.
        instead_of: Option<u64>,
    },
}

/// Every pool of the configuration. Lives on a runtime with time and I/O, in a process of its own but for
/// this end of it.
///
/// The helper process is started with the first pool and ends with this value, or with this process, however
/// that ends. If it dies itself, another one takes its place, and the pools start anew.
#[derive(Debug)]
pub struct Pools {
    program: PathBuf,
    specs: Vec<ProcessSpec>,
    /// Who serves, by name.
    serving: BTreeMap<String, Serving>,
    leaving: Vec<Leaving>,
    waiting: Vec<Waiting>,
    /// Answers to those, due as soon as what came before them has been followed.
    due: Vec<(Waiting, Result<String, String>)>,
    helper: Option<Helper>,
    told: mpsc::UnboundedReceiver<Told>,
    tell: mpsc::UnboundedSender<Told>,
    /// Process groups that the helper has told of.
    groups: BTreeSet<i32>,
    /// The highest numbers so far, of generations and of orders to restart.
    last_generation: u64,
    last_ticket: u64,
    backoff: Backoff,
    /// When a helper that died is followed by another.
    next_helper: Option<Instant>,
}

#[derive(Debug)]
struct Serving {
    generation: u64,
    addresses: Vec<UpstreamAddr>,
}

/// A generation that gets no new requests.
#[derive(Debug)]
struct Leaving {
    name: String,
    generation: u64,
    /// It is retired then, whoever still waits for its answer.
    until: Instant,
}

/// Somebody who asked for a restart.
#[derive(Debug)]
struct Waiting {
    name: String,
    ticket: u64,
    answer: oneshot::Sender<Result<String, String>>,
}

impl Pools {
    /// None so far. `program` is rproxy itself, as [`executable`](super::executable) has it.
    pub fn new(program: PathBuf) -> Self {
        let (tell, told) = mpsc::unbounded_channel();
        Self {
            program,
            specs: Vec::new(),
            serving: BTreeMap::new(),
            leaving: Vec::new(),
            waiting: Vec::new(),
            due: Vec::new(),
            helper: None,
            told,
            tell,
            groups: BTreeSet::new(),
            last_generation: 0,
            last_ticket: 0,
            backoff: Backoff::new(),
            next_helper: None,
        }
    }

    /// Starts the helper, which has the rights that this process has now and may lose later.
    pub fn prepare(&mut self) {
        if self.helper.is_none() {
            self.start_helper();
        }
    }

    /// Has these pools run and no others, and returns at once; failures are logged and tried again. One whose processes would be the same goes on; one that is changed
    /// gets a new generation; one that is gone ends when it is [`drained`](Self::drained). Those are returned,
    /// as far as they have served, with their generations.
    pub fn update(&mut self, specs: Vec<ProcessSpec>) -> Vec<(String, u64)> {
        let mut removed = Vec::new();
        for old in &self.specs {
            if specs.iter().any(|spec| spec.name == old.name) {
                continue;
            }
            if let Some(Serving { generation, .. }) = self.serving.remove(&old.name) {
                let until = Instant::now() + old.stop_timeout;
                self.leaving.push(Leaving { name: old.name.clone(), generation, until });
                removed.push((old.name.clone(), generation));
            }
            let is_gone = |waiting: &mut Waiting| waiting.name == old.name;
            for waiting in self.waiting.extract_if(.., is_gone) {
                waiting.answer(Err(format!("the pool `{}` is not in the configuration any more", old.name)));
            }
        }
        self.specs = specs;
        match &self.helper {
            Some(helper) => helper.order(self.wanted()),
            None if self.specs.is_empty() || self.next_helper.is_some() => {}
            None => self.start_helper(),
        }
        removed
    }

    /// Replaces a pool by a new generation. The future says what came of it, when that serves or has failed;
    /// it wants [`Self::next`] to be called meanwhile.
    pub fn restart(&mut self, name: &str) -> impl Future<Output = Result<String, String>> + use<> {
        let (answer, answered) = oneshot::channel();
        self.last_ticket += 1;
        let waiting = Waiting { name: name.to_owned(), ticket: self.last_ticket, answer };
        if !self.specs.iter().any(|spec| spec.name == name) {
            waiting.answer(Err(self.no_such_pool(name)));
        } else if let Some(helper) = &self.helper {
            helper.order(Order::Restart { name: name.to_owned(), ticket: self.last_ticket });
            self.waiting.push(waiting);
        } else {
            waiting.answer(Err("the process that runs the pools is just being started again".into()));
        }
        async { answered.await.unwrap_or_else(|_| Err("rproxy stops".into())) }
    }

    /// What is to be followed next, before this is called again. May be dropped and called again.
    pub async fn next(&mut self) -> PoolEvent {
        loop {
            for (waiting, outcome) in self.due.drain(..) {
                waiting.answer(outcome);
            }
            let deadline = self.leaving.iter().map(|leaving| leaving.until).chain(self.next_helper).min();
            tokio::select! {
                Some(told) = self.told.recv() => {
                    if let Some(event) = self.note(told) {
                        return event;
                    }
                }
                () = sleep_until(deadline.unwrap_or_else(Instant::now)), if deadline.is_some() => self.catch_up(),
            }
        }
    }

    /// Returns when every pool has answered once.
    pub async fn ready(&mut self) {
        while !self.specs.iter().all(|spec| self.serving.contains_key(&spec.name)) {
            self.next().await;
        }
    }

    /// Where pools are found that are not where their upstreams' servers are written, by name and in the order
    /// of those.
    pub fn placements(&self) -> BTreeMap<String, Vec<UpstreamAddr>> {
        self.serving.iter().map(|(name, serving)| (name.clone(), serving.addresses.clone())).collect()
    }

    /// No request is on its way to this generation any more.
    pub fn drained(&mut self, name: &str, generation: u64) {
        let is_it = |leaving: &mut Leaving| leaving.name == name && leaving.generation == generation;
        for leaving in self.leaving.extract_if(.., is_it).collect::<Vec<_>>() {
            self.retire(leaving);
        }
    }

    /// SIGTERM to every process of every pool, SIGKILL to what is left after `at_most` or its own
    /// `stop_timeout`; returns when all have ended. Dropped and called again, it may leave them less time.
    pub async fn stop(&mut self, at_most: Duration) {
        let Some(helper) = &self.helper else { return };
        helper.order(Order::Stop { at_most });
        let longest = self.specs.iter().map(|spec| spec.stop_timeout).max().unwrap_or_default();
        let ended = async { while !matches!(self.told.recv().await, Some(Told::Gone(_)) | None) {} };
        if timeout(longest.min(at_most) + HELPER_STOP, ended).await.is_err() {
            tracing::warn!(target: "process", "the process that runs the pools does not end; it is left behind");
        }
        self.helper = None;
    }

    fn note(&mut self, told: Told) -> Option<PoolEvent> {
        match told {
            Told::News(News::Started { group, generation, .. }) => {
                self.groups.insert(group);
                self.last_generation = self.last_generation.max(generation);
            }
            Told::News(News::Ended { group }) => _ = self.groups.remove(&group),
            Told::News(News::Ready { name, generation, addresses, after, ticket }) => {
                let outcome = format!("generation {generation} of `{name}` serves after {after:.1?}");
                self.answer(&name, ticket, &Ok(outcome));
                return self.serve(name, generation, addresses);
            }
            Told::News(News::Failed { name, reason, lines, ticket, .. }) => {
                let lines = lines.iter().map(|line| format!("\n  {line}"));
                self.answer(&name, ticket, &Err(reason + &lines.collect::<String>()));
            }
            Told::News(News::Down { .. } | News::Line { .. }) => {}
            Told::Gone(how) => self.mourn(&how),
        }
        None
    }

    /// A generation that came back serves where it did.
    fn serve(&mut self, name: String, generation: u64, addresses: Vec<UpstreamAddr>) -> Option<PoolEvent> {
        let Some(spec) = self.specs.iter().find(|spec| spec.name == name) else {
            // It was removed while it said so: nobody has been sent there, and nobody will be.
            let until = Instant::now();
            self.retire(Leaving { name, generation, until });
            return None;
        };
        // It may have been on its way out when its pool was written again.
        self.leaving.retain(|leaving| leaving.name != name || leaving.generation != generation);
        let now = Serving { generation, addresses: addresses.clone() };
        let before = self.serving.insert(name.clone(), now);
        if before.as_ref().is_some_and(|before| before.generation == generation) {
            return None;
        }
        let instead_of = before.map(|before| before.generation);
        if let Some(generation) = instead_of {
            let until = Instant::now() + spec.stop_timeout;
            self.leaving.push(Leaving { name: name.clone(), generation, until });
        }
        Some(PoolEvent::Serve { name, generation, addresses, instead_of })
    }

    /// It is the answer to all whose order came no later than that of this ticket.
    fn answer(&mut self, name: &str, ticket: Option<u64>, outcome: &Result<String, String>) {
        let is_due = |waiting: &mut Waiting| {
            waiting.name == name && ticket.is_some_and(|ticket| waiting.ticket <= ticket)
        };
        self.due.extend(self.waiting.extract_if(.., is_due).map(|waiting| (waiting, outcome.clone())));
    }

    /// What was due at a time.
    fn catch_up(&mut self) {
        let now = Instant::now();
        for leaving in self.leaving.extract_if(.., |leaving| leaving.until <= now).collect::<Vec<_>>() {
            tracing::warn!(target: "process", name = leaving.name, generation = leaving.generation,
                "some requests have taken longer than `stop_timeout` since the new generation serves: it is ended now");
            self.retire(leaving);
        }
        if self.next_helper.take_if(|at| *at <= now).is_some() {
            self.start_helper();
        }
    }

    fn retire(&self, Leaving { name, generation, .. }: Leaving) {
        if let Some(helper) = &self.helper {
            helper.order(Order::Retire { name, generation });
        }
    }

    /// The helper has died, and with it what was known of its pools.
    fn mourn(&mut self, how: &str) {
        let delay = self.backoff.delay(Duration::ZERO);
        tracing::error!(target: "process",
            "the process that runs the pools has ended ({how}); the pools start anew in {delay:?}");
        self.helper = None;
        self.serving.clear();
        self.leaving.clear();
        for waiting in self.waiting.drain(..) {
            waiting.answer(Err(format!("the process that runs the pools has ended ({how})")));
        }
        self.next_helper = Some(Instant::now() + delay);
    }

    fn start_helper(&mut self) {
        match Helper::start(&self.program, self.tell.clone()) {
            Ok(helper) => {
                let groups = std::mem::take(&mut self.groups).into_iter().collect();
                helper.order(Order::Sweep { groups });
                helper.order(self.wanted());
                self.helper = Some(helper);
            }
            Err(error) => {
                let delay = self.backoff.delay(Duration::ZERO);
                tracing::error!(target: "process",
                    "the process that runs the pools cannot be started: {error}; trying again in {delay:?}");
                self.next_helper = Some(Instant::now() + delay);
            }
        }
    }

    fn wanted(&self) -> Order {
        Order::Want { pools: self.specs.clone(), last: self.last_generation }
    }

    fn no_such_pool(&self, name: &str) -> String {
        let names: Vec<String> = self.specs.iter().map(|spec| format!("`{}`", spec.name)).collect();
        let others =
            if names.is_empty() { String::new() } else { format!("; {} can be restarted", names.join(", ")) };
        format!("the upstream `{name}` has no `process` that rproxy runs{others}")
    }
}

impl Waiting {
    fn answer(self, outcome: Result<String, String>) {
        // Whoever asked may have left.
        let _ = self.answer.send(outcome);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::process::spec::tests::spec;

    #[tokio::test]
    async fn a_pool_that_is_removed_while_it_becomes_ready_is_ended() {
        let mut pools = Pools::new("/nowhere".into());
        let (helper, mut heard) = Helper::that_listens();
        pools.helper = Some(helper);
        pools.update(vec![spec(&["app"], &["unix:/a"])]);
        assert_eq!(pools.update(Vec::new()), []);
        let (name, after) = ("app".to_owned(), Duration::ZERO);
        let ready = News::Ready { name: name.clone(), generation: 7, addresses: vec![], after, ticket: None };
        assert_eq!(pools.note(Told::News(ready)), None);
        let orders: Vec<Order> = std::iter::from_fn(|| heard.try_recv().ok()).collect();
        assert_eq!(orders.last(), Some(&Order::Retire { name, generation: 7 }));
    }
}
