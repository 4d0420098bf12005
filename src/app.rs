//! Assembly: load, bind, start pools, serve, drain on signal. Each step in its order, on one screen.

mod certificates;
mod explain;
mod operate;
mod order;
mod pools;
mod wishes;

use std::io::{self, IsTerminal, Write};
use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use tokio::runtime::{Builder, LocalOptions};

use crate::config::{self, Config, Loaded, Report, Watched};
use crate::explain::tested;
use crate::handover::Inheritance;
use crate::observe;
use crate::process;
use crate::reload::Running;
use crate::runtime;
use crate::systemd::Notifier;

use certificates::Certificates;
pub use explain::explain;
use operate::Ended;
pub use order::order;
use pools::Managed;
use wishes::Wishes;

/// How long the first connections wait for pools that rproxy starts itself.
const POOLS_READY: Duration = Duration::from_secs(10);

/// Why the program ended, as its exit code tells.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Exit {
    /// As asked.
    Stopped = 0,
    /// The configuration is at fault.
    Configuration = 1,
    /// What was asked for cannot be asked.
    Usage = 2,
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
    let Some(Loaded { config, warnings, tests, .. }) = load(path) else { return Exit::Configuration };
    say(&mut io::stderr(), &warnings.render(io::stderr().is_terminal()));
    let text = if print { config::print(&config) } else { config::summary(&config, tests.len()) };
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
    let Some(Loaded { config, warnings, .. }) = load(path) else { return Exit::Configuration };
    observe::start(runtime::log_level(&config), runtime::log_format(&config));
    observe::log_panics();
    if !warnings.is_empty() {
        tracing::warn!("{}", warnings.render(false).trim_end());
    }
    let exit = match start(path, config, warnings.watched().clone()) {
        Ok(()) => Exit::Stopped,
        Err(error) => {
            tracing::error!("cannot start: {error}");
            if !observe::is_on_stderr() {
                say(&mut io::stderr(), &format!("rproxy cannot start: {error}\n"));
            }
            Exit::CannotStart
        }
    };
    observe::finish();
    exit
}

/// `rproxy supervise`, which rproxy starts itself: runs pools.
pub fn supervise() -> Exit {
    for_ourselves(process::supervise())
}

/// `rproxy launch`, which the former starts: becomes an app.
pub fn launch() -> Exit {
    for_ourselves(process::launch())
}

fn for_ourselves(result: io::Result<()>) -> Exit {
    match result {
        Ok(()) => Exit::Stopped,
        Err(error) => {
            let text =
                format!("this command is for rproxy itself, which starts it when it needs it: {error}\n");
            say(&mut io::stderr(), &text);
            Exit::CannotStart
        }
    }
}

/// Runs everything but the event loops, on this thread.
fn start(file: &Path, config: Config, watched: Watched) -> io::Result<()> {
    let runtime = Builder::new_current_thread().enable_all().build_local(LocalOptions::default())?;
    let result = runtime.block_on(serve(file, config, watched));
    // A check may wait for the system's resolver, which cannot be interrupted.
    runtime.shutdown_background();
    result
}

/// A file that is good, and whose tests hold.
fn load(path: &Path) -> Option<Loaded> {
    reported(config::load(path).and_then(tested))
}

fn reported(loaded: Result<Loaded, Report>) -> Option<Loaded> {
    loaded.map_err(|report| say(&mut io::stderr(), &report.render(io::stderr().is_terminal()))).ok()
}

async fn serve(file: &Path, config: Config, watched: Watched) -> io::Result<()> {
    runtime::raise_file_limit();
    // First of all: it reads and clears the environment, which no other thread may do meanwhile.
    let mut inheritance = Inheritance::receive().await?;
    let mut wishes = Wishes::new()?;
    let orders = inheritance.control();
    let mut pools = Managed::new(&config);
    let mut running = Running::bind(config, inheritance)?;
    wishes.follow(watched);
    pools.start(&running.snapshot().config);
    tokio::select! {
        () = pools.ready() => {}
        () = tokio::time::sleep(POOLS_READY) => tracing::warn!("serving, although not every pool is up"),
        () = wishes.until_stop(running.log()) => {
            pools.stop(wishes.until_stop(running.log())).await;
            return running.end();
        }
    }
    let mut certificates = Certificates::load(&running.snapshot()).await;
    let served = pools.place(&mut running).await.and_then(|_left| running.serve());
    if let Err(error) = served {
        // What was bound leaves no file behind, and what was started no process.
        pools.stop(std::future::ready(())).await;
        running.end()?;
        return Err(error);
    }
    let mut notifier = Notifier::new();
    let log = Arc::clone(running.log());
    let ended = tokio::select! {
        () = running.take_over() => {
            wishes.take_orders(file, orders);
            tracing::info!(event_loops = running.event_loops(), "ready");
            certificates.serving();
            let kept = &mut certificates;
            operate::until_stop(file, &mut running, &mut pools, kept, &mut wishes, &mut notifier).await
        }
        () = wishes.until_stop(&log) => Ended::Asked,
    };
    // Another process that takes over goes on with what is begun.
    drop(certificates);
    let at_once = operate::drain(&ended, &mut running, &mut wishes, &notifier).await;
    let second_stop = async {
        if !at_once {
            wishes.until_stop(&log).await;
        }
    };
    pools.stop(second_stop).await;
    running.end()?;
    tracing::info!("stopped");
    Ok(())
}

/// Nobody is left to be told when the terminal itself is gone.
fn say(out: &mut dyn Write, text: &str) {
    let _ = out.write_all(text.as_bytes());
}
