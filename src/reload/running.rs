//! What serves at the moment, and how it takes up another configuration.

mod life;

use std::io;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use futures_util::future::{join_all, try_join_all};
use tokio::sync::watch;

use super::candidate::{Candidate, Read};
use super::checks::Checks;
use super::console::{self, Console, Move, NewConsole};
use super::doors::{Doors, NewDoors};
use super::left::Left;
use super::pulse::Pulse;
use super::{Outcome, candidate, rights};
use crate::config::{Config, Watched};
use crate::handover::Inheritance;
use crate::observe::{AccessLog, ConfigurationStatus, Counters, Floods};
use crate::runtime::{self, EventLoop, Logs, Phase, Placements, Snapshot, Turn};
use crate::tls;

/// The event loops with all that they serve. Lives on the control thread, whose runtime is a local one.
#[derive(Debug)]
pub struct Running {
    force: watch::Sender<InForce>,
    loops: Vec<EventLoop>,
    pulses: Vec<Pulse>,
    /// How many there are to be, from the start.
    loops_wanted: usize,
    phase: watch::Sender<Phase>,
    doors: Doors,
    console: Option<Console>,
    /// What a service manager has bound may be asked for later too.
    inheritance: Inheritance,
    checks: Checks,
    logs: Logs,
    counters: Arc<Counters>,
    floods: Arc<Floods>,
}

/// The configuration that is served.
#[derive(Clone, Debug)]
struct InForce {
    snapshot: Arc<Snapshot>,
    status: ConfigurationStatus,
}

/// What a new configuration needs besides itself.
struct Prepared {
    doors: NewDoors,
    console: Move,
    logs: Turn,
}

impl Running {
    /// Binds everything before anything is served, so that a failure is early and leaves nothing half done.
    ///
    /// # Errors
    /// What cannot be had, with the remedy.
    pub fn bind(config: Config, mut inheritance: Inheritance) -> io::Result<Self> {
        let account = rights::account(&config);
        let owner = account.map(|account| (account.user_id, account.group_id));
        let mut logs = Logs::open(&config, owner)?;
        let tls = Arc::new(tls_process(&config)?);
        let loops_wanted = runtime::loops(&config);
        let mut doors = Doors::default();
        let new = doors.bind(&config, loops_wanted, &mut inheritance)?;
        let console = match Move::prepare(None, config.server.admin.as_ref(), &mut inheritance) {
            Ok(console) => console,
            Err(error) => {
                new.discard();
                return Err(error);
            }
        };
        // All threads, of which there is no other yet, have the rights of the one that starts them.
        let given_up = account.map_or(Ok(()), |account| rights::give_up(account, &config));
        if let Err(error) = given_up.and_then(|()| logs.start()) {
            new.discard();
            console.discard();
            return Err(error);
        }
        doors.add(new, &config);
        let (counters, floods) = (Arc::<Counters>::default(), Arc::<Floods>::default());
        let snapshot = Arc::new(Snapshot::new(config, Arc::clone(&counters), Arc::clone(&floods), tls));
        let mut running = Self {
            force: watch::Sender::new(InForce::first(snapshot)),
            loops: Vec::new(),
            pulses: Vec::new(),
            loops_wanted,
            phase: watch::Sender::new(Phase::Serving),
            doors,
            console: None,
            inheritance,
            checks: Checks::default(),
            logs,
            counters,
            floods,
        };
        running.turn_console(console);
        Ok(running)
    }

    /// Starts the event loops, and everything that goes on beside them.
    ///
    /// # Errors
    /// When the kernel gives no thread, no event queue, or no descriptor.
    pub fn serve(&mut self) -> io::Result<()> {
        self.loops = (0..self.loops_wanted).map(|index| self.start_loop(index)).collect::<io::Result<_>>()?;
        self.watch_loops();
        tokio::spawn(watch_floods(Arc::clone(&self.floods)));
        tokio::spawn(watch_expiry(self.force.subscribe()));
        tokio::spawn(runtime::watch_memory(Arc::clone(self.snapshot().room())));
        self.checks.follow(&self.snapshot());
        Ok(())
    }

    /// The configuration in force.
    pub fn snapshot(&self) -> Arc<Snapshot> {
        Arc::clone(&self.force.borrow().snapshot)
    }

    pub fn log(&self) -> &Arc<AccessLog> {
        self.logs.access()
    }

    /// Takes up what stands in the file now, or leaves everything as it was. What was read for it is to be
    /// watched in either case. It may be dropped at any time: what is in force then is one configuration or the
    /// other.
    pub async fn reload(&mut self, file: &Path) -> (Outcome, Watched) {
        let Read { candidate, watched } = candidate::read(file, self.snapshot()).await;
        let outcome = match candidate {
            Ok(candidate) => self.follow(candidate).await,
            Err(report) => self.refuse(report),
        };
        (outcome, watched)
    }

    async fn follow(&mut self, candidate: Candidate) -> Outcome {
        let Candidate { snapshot, changes, warnings } = candidate;
        for warning in warnings {
            tracing::warn!("{warning}");
        }
        let taken_up = self.take_up(snapshot).await;
        if taken_up.is_ok() {
            self.force.send_modify(|force| force.status = force.status.succeeded());
        }
        match taken_up {
            Ok(_) if changes.is_empty() => Outcome::Unchanged,
            Ok(_) => Outcome::Applied(changes),
            Err(error) => self.refuse(error.to_string()),
        }
    }

    fn refuse(&self, report: String) -> Outcome {
        self.force.send_modify(|force| force.status.refused = Some(SystemTime::now()));
        Outcome::Rejected(report)
    }

    /// Has the servers of upstreams where their processes are found now. The servers that nobody is sent to
    /// any more.
    ///
    /// # Errors
    /// When the event loops cannot take it up; then everything is as it was.
    pub async fn place(&mut self, placements: Placements) -> io::Result<Left> {
        let former = self.snapshot();
        // It looks at files again, and may wait for their disk.
        let next = move || Arc::new(former.succeeded_by(former.config.clone(), placements));
        let snapshot = tokio::task::spawn_blocking(next).await.map_err(io::Error::other)?;
        self.take_up(snapshot).await
    }

    /// Prepares everything that can fail, then has all of it in force.
    async fn take_up(&mut self, snapshot: Arc<Snapshot>) -> io::Result<Left> {
        let prepared = self.prepare(&snapshot)?;
        let compiled = self.compile(&snapshot, &prepared.doors).await;
        if let Err(error) = compiled {
            self.loops.iter().for_each(EventLoop::abort);
            prepared.discard();
            return Err(error);
        }
        Ok(self.commit(snapshot, prepared).await)
    }

    fn prepare(&mut self, snapshot: &Snapshot) -> io::Result<Prepared> {
        let logs = self.logs.prepare(&snapshot.config)?;
        let inheritance = &mut self.inheritance;
        let doors = self.doors.bind(&snapshot.config, self.loops_wanted, inheritance)?;
        match Move::prepare(self.console.as_ref(), snapshot.config.server.admin.as_ref(), inheritance) {
            Ok(console) => Ok(Prepared { doors, console, logs }),
            Err(error) => {
                doors.discard();
                Err(error)
            }
        }
    }

    async fn compile(&self, snapshot: &Arc<Snapshot>, doors: &NewDoors) -> io::Result<()> {
        let loops = self.loops.iter().enumerate();
        let prepared = loops.map(|(index, event_loop)| async move {
            let doors = doors.of_loop(index, snapshot)?;
            event_loop.prepare(Arc::clone(snapshot), doors).await
        });
        try_join_all(prepared).await.map(drop)
    }

    async fn commit(&mut self, snapshot: Arc<Snapshot>, prepared: Prepared) -> Left {
        // Before the loops let go of theirs: the last to do so serves who has connected meanwhile.
        let gone = self.doors.remove_all_but(&runtime::listeners(&snapshot.config));
        self.doors.add(prepared.doors, &snapshot.config);
        self.logs.commit(prepared.logs);
        let former = self.snapshot();
        self.doors.permit(&former.config, &snapshot.config);
        let left = snapshot.take_over(&former);
        self.force.send_modify(|force| force.snapshot = Arc::clone(&snapshot));
        join_all(self.loops.iter().map(EventLoop::commit)).await;
        for addr in gone {
            let scheme = runtime::scheme(&former.config, &addr);
            tracing::info!("no longer listening on {}", runtime::url(&addr, scheme));
        }
        self.turn_console(prepared.console);
        self.checks.follow(&snapshot);
        // Each loop has turned since: none is about to choose one of them.
        Left(left)
    }

    fn turn_console(&mut self, console: Move) {
        match console {
            Move::Stays => {}
            Move::Ends => self.end_console(),
            Move::To(console) => {
                self.end_console();
                self.console = Some(self.serve_console(console));
            }
        }
    }

    /// In a task of the control thread: it only reads what the event loops count.
    fn serve_console(&self, console: NewConsole) -> Console {
        let (counters, log) = (Arc::clone(&self.counters), Arc::clone(self.logs.access()));
        let force = self.force.subscribe();
        console.serve(console::look(move || {
            let InForce { snapshot, status } = force.borrow().clone();
            runtime::status(&snapshot, status, &counters, &log)
        }))
    }
}

impl InForce {
    fn first(snapshot: Arc<Snapshot>) -> Self {
        let status = ConfigurationStatus::first();
        Self { snapshot, status }
    }
}

impl Prepared {
    fn discard(self) {
        self.doors.discard();
        self.console.discard();
    }
}

/// Failures that got no line of their own are told of within a minute and this.
const FLOODS: Duration = Duration::from_secs(10);

async fn watch_floods(floods: Arc<Floods>) {
    loop {
        tokio::time::sleep(FLOODS).await;
        floods.tell_ended(Instant::now());
    }
}

/// How often certificates are looked at that nobody has replaced.
const EXPIRY: Duration = Duration::from_hours(12);

/// Tells of certificates that are about to expire: at the start, with each configuration, and twice a day.
async fn watch_expiry(mut force: watch::Receiver<InForce>) {
    loop {
        let snapshot = Arc::clone(&force.borrow_and_update().snapshot);
        runtime::tell_expiry(&snapshot.config);
        drop(snapshot);
        if let Ok(Err(_)) = tokio::time::timeout(EXPIRY, force.changed()).await {
            return;
        }
    }
}

/// What of TLS outlasts a configuration. Who reads along is said once, and loudly.
fn tls_process(config: &Config) -> io::Result<tls::Process> {
    let key_log = config.server.tls.key_log.as_deref();
    let process = tls::Process::new(key_log).map_err(|error| {
        let file = key_log.map(|file| file.display().to_string()).unwrap_or_default();
        io::Error::new(error.kind(), format!("`tls_key_log`: {file} cannot be written: {error}"))
    })?;
    if let Some(file) = key_log {
        let file = file.display();
        let remedy = "take `tls_key_log` out of `[server]` as soon as you have seen what you looked for";
        tracing::warn!(remedy, "who reads {file} can read all that is sent over TLS");
    }
    Ok(process)
}
