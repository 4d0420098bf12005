//! Assembly: load, bind, start pools, serve, drain on signal. Each step in its order, on one screen.

mod order;

use std::cell::Cell;
use std::io::{self, IsTerminal, Write};
use std::ops::ControlFlow;
use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;

use std::time::Duration;

use tokio::runtime::{Builder, LocalOptions};

use crate::config::{self, Config, Loaded, Report};
use crate::observe::{self, AccessLog};
use crate::process::Supervisor;
use crate::reload::{Outcome, Running};
use crate::runtime::{self, Phase};
use crate::signals::{Signal, Signals};

pub use order::order;

/// How long the first connections wait for pools that rproxy starts itself.
const POOLS_READY: Duration = Duration::from_secs(10);
/// How long a pool may take to end before it is killed.
const POOLS_STOP: Duration = Duration::from_secs(10);

/// Why the program ended, as its exit code tells.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Exit {
    /// As asked.
    Stopped = 0,
    /// The configuration is at fault.
    Configuration = 1,
    /// An address cannot be bound, or something else that is needed at the start cannot be had.
    CannotStart = 3,
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit as u8)
    }
}

/// `rproxy check`: the report of a bad file, or one line about a good one.
pub fn check(path: &Path, print: bool) -> Exit {
    let Some(Loaded { config, warnings }) = load(path) else { return Exit::Configuration };
    say(&mut io::stderr(), &warnings.render(io::stderr().is_terminal()));
    let text = if print { config::print(&config) } else { config::summary(&config) };
    say(&mut io::stdout(), text.trim_end());
    say(&mut io::stdout(), "\n");
    Exit::Stopped
}

/// `rproxy diff NEW`: what changes when `new` takes the place of `old`, or the reports of bad files.
pub fn diff(old: &Path, new: &Path) -> Exit {
    let loaded = [config::load(old), config::load_in_place_of(new, old)].map(reported);
    let [Some(old), Some(new)] = loaded else { return Exit::Configuration };
    say(&mut io::stdout(), &format!("{}\n", config::diff(&old.config, &new.config)));
    Exit::Stopped
}

/// `rproxy -c FILE`: serves until it is told to stop.
pub fn run(path: &Path) -> Exit {
    let Some(Loaded { config, warnings }) = load(path) else { return Exit::Configuration };
    observe::start(runtime::log_level(&config), runtime::log_format(&config));
    observe::log_panics();
    if !warnings.is_empty() {
        tracing::warn!("{}", warnings.render(false).trim_end());
    }
    match start(path, config) {
        Ok(()) => Exit::Stopped,
        Err(error) => {
            tracing::error!("cannot start: {error}");
            Exit::CannotStart
        }
    }
}

/// Runs everything but the event loops, on this thread.
fn start(file: &Path, config: Config) -> io::Result<()> {
    let runtime = Builder::new_current_thread().enable_all().build_local(LocalOptions::default())?;
    let result = runtime.block_on(serve(file, config));
    // A check may wait for the system's resolver, which cannot be interrupted.
    runtime.shutdown_background();
    result
}

fn load(path: &Path) -> Option<Loaded> {
    reported(config::load(path))
}

fn reported(loaded: Result<Loaded, Report>) -> Option<Loaded> {
    loaded.map_err(|report| say(&mut io::stderr(), &report.render(io::stderr().is_terminal()))).ok()
}

async fn serve(file: &Path, config: Config) -> io::Result<()> {
    let mut signals = Signals::new()?;
    runtime::raise_file_limit();
    let grace = config.server.shutdown_grace;
    let processes = runtime::processes(&config);
    let mut running = Running::bind(config)?;
    let log = Arc::clone(running.log());
    let pools = Supervisor::start(processes);
    tokio::select! {
        () = pools.ready() => {}
        () = tokio::time::sleep(POOLS_READY) => tracing::warn!("serving, although not every pool is up"),
        () = until_stop(&mut signals, &log, || {}) => {
            pools.stop(POOLS_STOP).await;
            return running.end();
        }
    }
    running.serve()?;
    control(file, &mut running, &mut signals).await?;
    drain(&mut running, grace, &mut signals).await;
    pools.stop(POOLS_STOP).await;
    running.end()?;
    tracing::info!("stopped");
    Ok(())
}

/// Does what is asked for until that is to stop.
async fn control(file: &Path, running: &mut Running, signals: &mut Signals) -> io::Result<()> {
    loop {
        tokio::select! {
            signal = signals.next() => match signal {
                Signal::Stop => return Ok(()),
                Signal::ReopenLogs => running.log().reopen(),
                Signal::Reload => {
                    if reload(file, running, signals).await.is_break() {
                        return Ok(());
                    }
                }
                Signal::Upgrade => tracing::warn!("handing over to a new binary is not yet supported"),
            },
            index = running.failed() => running.restart(index)?,
        }
    }
}

/// Takes up the file as it is now, and once more if that is asked for meanwhile. Broken off by a stop.
async fn reload(file: &Path, running: &mut Running, signals: &mut Signals) -> ControlFlow<()> {
    let again = Cell::new(true);
    while again.take() {
        let log = Arc::clone(running.log());
        let outcome = tokio::select! {
            outcome = running.reload(file) => outcome,
            () = until_stop(signals, &log, || again.set(true)) => return ControlFlow::Break(()),
        };
        tell(&outcome);
    }
    ControlFlow::Continue(())
}

fn tell(outcome: &Outcome) {
    match outcome {
        Outcome::Applied(changes) => {
            tracing::info!("reload: the new configuration is in force:\n{}", changes.join("\n"));
        }
        Outcome::Unchanged => tracing::info!("reload: no change"),
        Outcome::Rejected(report) => tracing::error!(
            "reload: refused, and the old configuration goes on serving:\n{}",
            report.trim_end()
        ),
    }
}

/// Ends the event loops when their requests have ended, their grace is over, or a second stop is asked for.
async fn drain(running: &mut Running, grace: Duration, signals: &mut Signals) {
    tracing::info!("stopping: requests in flight have {grace:?}");
    let log = Arc::clone(running.log());
    let stopped = tokio::select! {
        () = running.drain(Phase::Draining(grace)) => false,
        () = until_stop(signals, &log, || {}) => true,
    };
    if stopped {
        tracing::warn!("stopping at once");
        running.stop().await;
    }
}

/// Handles signals until one asks to stop; reloads are left to `reload`.
async fn until_stop(signals: &mut Signals, log: &AccessLog, reload: impl Fn()) {
    loop {
        match signals.next().await {
            Signal::Stop => return,
            Signal::ReopenLogs => log.reopen(),
            Signal::Reload => reload(),
            Signal::Upgrade => tracing::warn!("handing over to a new binary is not yet supported"),
        }
    }
}

/// Nobody is left to be told when the terminal itself is gone.
fn say(out: &mut dyn Write, text: &str) {
    let _ = out.write_all(text.as_bytes());
}
