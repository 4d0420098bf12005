//! Keeps one generation of a pool alive until it is asked to stop.

use std::io;
use std::time::Duration;

use tokio::sync::{mpsc, watch};
use tokio::time::{Instant, sleep, sleep_until};

use super::group::{End, Group};
use super::place::Place;
use super::ready;
use super::reporter::Reporter;
use crate::process::ProcessSpec;
use crate::process::backoff::Backoff;
use crate::process::protocol::{Level, News};

#[derive(Debug)]
pub(super) struct Generation {
    pub(super) number: u64,
    pub(super) spec: watch::Receiver<ProcessSpec>,
    pub(super) place: Place,
    pub(super) stop: watch::Receiver<Option<Duration>>,
    /// It has to answer in its first start, or is given up: another one serves meanwhile.
    pub(super) on_trial: bool,
    pub(super) reporter: Reporter,
    pub(super) events: mpsc::UnboundedSender<Event>,
}

/// What becomes of a generation.
#[derive(Debug)]
pub(super) struct Event {
    pub(super) name: String,
    pub(super) generation: u64,
    pub(super) what: What,
}

#[derive(Debug)]
pub(super) enum What {
    /// It answers, so long after its start.
    Ready(Duration),
    /// It did not come to answer: why, and what it printed last.
    Failed(Failure),
    /// It had answered, and has ended by itself.
    Down,
    /// Nothing is left of it.
    Over,
}

#[derive(Debug, Default)]
pub(super) struct Failure {
    pub(super) reason: String,
    pub(super) lines: Vec<String>,
}

/// How one start went.
enum Life {
    Failed(Failure),
    /// It ended by itself after being ready for so long.
    Ended(Duration),
    Stopped,
}

impl Generation {
    pub(super) async fn run(mut self) {
        let mut backoff = Backoff::new();
        loop {
            let healthy = match self.live().await {
                Life::Stopped => break,
                Life::Failed(failure) => {
                    self.tell(What::Failed(failure));
                    if self.on_trial {
                        break;
                    }
                    Duration::ZERO
                }
                Life::Ended(healthy) => {
                    self.on_trial = false;
                    healthy
                }
            };
            let delay = backoff.delay(healthy);
            self.say(Level::Info, format!("starting again in {delay:?}")).await;
            tokio::select! {
                () = sleep(delay) => {}
                _ = stop_asked(&mut self.stop) => break,
            }
        }
        let Self { place, events, number: generation, spec, .. } = self;
        place.give_up();
        let _ = events.send(Event { name: spec.borrow().name.clone(), generation, what: What::Over });
    }

    /// From one start to its end.
    async fn live(&mut self) -> Life {
        let spec = self.spec.borrow_and_update().clone();
        if let Err(error) = self.place.prepare(&spec) {
            return failed(format!("cannot make room for its sockets: {error}; rproxy's user needs access"));
        }
        let spec = self.place.filled_in(&spec);
        let command = spec.command.join(" ");
        let spawned = tokio::select! {
            spawned = Group::spawn(&spec, &self.place.sockets, &self.reporter) => spawned,
            _ = stop_asked(&mut self.stop) => return Life::Stopped,
        };
        let mut group = match spawned {
            Ok(group) => group,
            Err(error) => return failed(cannot_start(&spec, &error)),
        };
        let (name, generation, group_id) = (spec.name.clone(), self.number, group.id());
        self.reporter.tell(News::Started { name, generation, group: group_id, command }).await;
        let life = self.watch_over(&mut group, &spec).await;
        self.reporter.tell(News::Ended { group: group_id }).await;
        life
    }

    async fn watch_over(&mut self, group: &mut Group, spec: &ProcessSpec) -> Life {
        let started = Instant::now();
        let mut ready_since: Option<Instant> = None;
        let addresses = self.place.addresses.clone();
        let end = started + spec.start_timeout;
        let mut ready = std::pin::pin!(ready::wait_for(&addresses, &spec.check, end));
        loop {
            tokio::select! {
                answered = &mut ready, if ready_since.is_none() => {
                    if let Err(last) = answered {
                        group.stop(sleep(spec.stop_timeout)).await;
                        return too_late(group, spec, &last);
                    }
                    ready_since = Some(Instant::now());
                    self.tell(What::Ready(started.elapsed()));
                }
                status = group.wait() => {
                    if ready_since.is_some() {
                        self.tell(What::Down);
                    }
                    group.sweep().await;
                    return self.ended(group, status, ready_since).await;
                }
                _ = stop_asked(&mut self.stop) => {
                    self.end(group).await;
                    return Life::Stopped;
                }
            }
        }
    }

    async fn ended(
        &self,
        group: &Group,
        status: io::Result<std::process::ExitStatus>,
        ready: Option<Instant>,
    ) -> Life {
        let how = match status {
            Ok(status) => format!("app ended ({status})"),
            Err(error) => format!("lost sight of the app: {error}"),
        };
        match ready {
            Some(since) => {
                self.say(Level::Error, format!("{how}; its last lines are above")).await;
                Life::Ended(since.elapsed())
            }
            None => Life::Failed(Failure {
                reason: format!("{how} before it answered"),
                lines: group.last_lines(),
            }),
        }
    }

    async fn end(&mut self, group: &mut Group) {
        let started = Instant::now();
        match group.stop(patience(&mut self.stop)).await {
            End::Orderly => self.say(Level::Info, "app stopped").await,
            End::Killed => {
                let text = format!(
                    "app had not stopped after {:.1?} and was killed; give `stop_timeout` more time if it needs it",
                    started.elapsed()
                );
                self.say(Level::Warn, text).await;
            }
        }
    }

    async fn say(&self, level: Level, text: impl Into<String>) {
        let name = self.spec.borrow().name.clone();
        self.reporter.say(level, &name, text).await;
    }

    fn tell(&self, what: What) {
        let name = self.spec.borrow().name.clone();
        // The helper listens as long as it has generations.
        let _ = self.events.send(Event { name, generation: self.number, what });
    }
}

fn failed(reason: String) -> Life {
    Life::Failed(Failure { reason, lines: Vec::new() })
}

fn too_late(group: &Group, spec: &ProcessSpec, last: &str) -> Life {
    let (path, limit) = (&spec.check.path, spec.start_timeout);
    let reason = format!(
        "app did not answer GET {path} within {limit:?} and was ended: {last}; give `start_timeout` more time if it needs it"
    );
    Life::Failed(Failure { reason, lines: group.last_lines() })
}

fn cannot_start(spec: &ProcessSpec, error: &io::Error) -> String {
    let program = spec.command.first().map_or("", String::as_str);
    format!("cannot start `{program}`: {error}")
}

/// Waits for the order to stop, and says how long the app may take. A helper that is gone leaves none.
async fn stop_asked(stop: &mut watch::Receiver<Option<Duration>>) -> Duration {
    match stop.wait_for(Option::is_some).await {
        Ok(grace) => grace.unwrap_or_default(),
        Err(_) => Duration::ZERO,
    }
}

/// Lasts as long as an app may take to end. That may be made less meanwhile.
async fn patience(stop: &mut watch::Receiver<Option<Duration>>) {
    let since = Instant::now();
    loop {
        let grace = stop.borrow_and_update().unwrap_or_default();
        tokio::select! {
            () = sleep_until(since + grace) => return,
            changed = stop.changed() => if changed.is_err() { return },
        }
    }
}
