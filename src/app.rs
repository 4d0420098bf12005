//! Assembly: load, bind, start pools, serve, drain on signal. Each step in its order, on one screen.

use std::io::{self, IsTerminal, Write};
use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::runtime::{Builder, LocalOptions};
use tokio::sync::watch;

use crate::admin::Admin;
use crate::config::{self, Config, Loaded};
use crate::net::{self, Bound, ListenAddr};
use crate::observe::{self, AccessLog, Counters, Floods};
use crate::process::Supervisor;
use crate::runtime::{self, EventLoop, Phase, Snapshot};
use crate::signals::{Signal, Signals};

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

/// `rproxy -c FILE`: serves until it is told to stop.
pub fn run(path: &Path) -> Exit {
    let Some(Loaded { config, warnings }) = load(path) else { return Exit::Configuration };
    observe::start(runtime::log_level(&config), runtime::log_format(&config));
    if !warnings.is_empty() {
        tracing::warn!("{}", warnings.render(false).trim_end());
    }
    match control(config) {
        Ok(()) => Exit::Stopped,
        Err(error) => {
            tracing::error!("cannot start: {error}");
            Exit::CannotStart
        }
    }
}

/// Runs everything but the event loops, on this thread.
fn control(config: Config) -> io::Result<()> {
    let runtime = Builder::new_current_thread().enable_all().build_local(LocalOptions::default())?;
    let result = runtime.block_on(serve(config));
    // A check may wait for the system's resolver, which cannot be interrupted.
    runtime.shutdown_background();
    result
}

fn load(path: &Path) -> Option<Loaded> {
    config::load(path)
        .map_err(|report| say(&mut io::stderr(), &report.render(io::stderr().is_terminal())))
        .ok()
}

async fn serve(config: Config) -> io::Result<()> {
    let mut signals = Signals::new()?;
    runtime::raise_file_limit();
    let log =
        Arc::new(AccessLog::open(runtime::access_log(&config)).map_err(|error| unopened(&config, &error))?);
    let loops = runtime::loops(&config);
    let listeners = runtime::listeners(&config);
    let bound = bind(&listeners, loops)?;
    let admin_addr = config.server.admin.clone();
    let admin = config.server.admin.as_ref().map(bind_admin).transpose()?;
    announce(&bound);
    let grace = config.server.shutdown_grace;
    let pools = Supervisor::start(runtime::processes(&config));
    let buffers = runtime::buffers(&config);
    let (counters, floods) = (Arc::<Counters>::default(), Arc::<Floods>::default());
    let snapshot = Arc::new(Snapshot::new(config, buffers, Arc::clone(&counters), Arc::clone(&floods)));
    if let Some(admin) = admin {
        serve_admin(admin, &snapshot, &counters, &log);
    }
    tokio::select! {
        () = pools.ready() => {}
        () = tokio::time::sleep(POOLS_READY) => tracing::warn!("serving, although not every pool is up"),
        () = until_stop(&mut signals, &log) => {
            pools.stop(POOLS_STOP).await;
            return Ok(());
        }
    }
    let (phase, told) = watch::channel(Phase::Serving);
    let running = start_loops(bound, loops, &snapshot, &log, &told)?;
    tokio::spawn(watch_floods(Arc::clone(&floods)));
    let checks = snapshot.watch();
    tracing::info!(event_loops = loops, "ready");

    until_stop(&mut signals, &log).await;
    drop((told, checks));
    drain(&phase, grace, until_stop(&mut signals, &log)).await;
    floods.tell_all(Instant::now());
    pools.stop(POOLS_STOP).await;
    for event_loop in running {
        event_loop.join().map_err(io::Error::other)?;
    }
    net::remove_socket_files(listeners.iter().chain(&admin_addr));
    tracing::info!("stopped");
    Ok(())
}

/// Failures that got no line of their own are told of within a minute and this.
const FLOODS: Duration = Duration::from_secs(10);

async fn watch_floods(floods: Arc<Floods>) {
    loop {
        tokio::time::sleep(FLOODS).await;
        floods.tell_ended(Instant::now());
    }
}

/// Ends the event loops when their requests have ended, their grace is over, or a second stop is asked for.
async fn drain(phase: &watch::Sender<Phase>, grace: Duration, second_stop: impl Future<Output = ()>) {
    tracing::info!("stopping: requests in flight have {grace:?}");
    phase.send_replace(Phase::Draining(grace));
    tokio::select! {
        () = phase.closed() => {}
        () = second_stop => {
            tracing::warn!("stopping at once");
            phase.send_replace(Phase::Stopping);
            phase.closed().await;
        }
    }
}

/// Handles signals until one asks to stop.
async fn until_stop(signals: &mut Signals, log: &AccessLog) {
    loop {
        match signals.next().await {
            Signal::Stop => return,
            Signal::ReopenLogs => log.reopen(),
            Signal::Reload => tracing::warn!("reloading is not yet supported: restart to take up changes"),
            Signal::Upgrade => tracing::warn!("handing over to a new binary is not yet supported"),
        }
    }
}

/// Binds everything before anything is served, so that a failure is early and leaves nothing half done.
fn bind(listeners: &[ListenAddr], loops: usize) -> io::Result<Vec<Bound>> {
    listeners
        .iter()
        .map(|addr| Bound::new(addr, loops).map_err(|error| unbound(addr, "listen", &error)))
        .collect()
}

fn bind_admin(addr: &ListenAddr) -> io::Result<Admin> {
    Admin::bind(addr).map_err(|error| unbound(addr, "admin", &error))
}

/// In a task of the control thread: it only reads what the event loops count.
fn serve_admin(admin: Admin, snapshot: &Arc<Snapshot>, counters: &Arc<Counters>, log: &Arc<AccessLog>) {
    tracing::info!("status page on {}", runtime::url(admin.addr()));
    let (snapshot, counters, log) = (Arc::clone(snapshot), Arc::clone(counters), Arc::clone(log));
    let look = Arc::new(move || runtime::status(&snapshot, &counters, &log));
    tokio::spawn(async move {
        if let Err(error) = admin.serve(look).await {
            tracing::error!("the status page cannot be served: {error}");
        }
    });
}

fn unbound(addr: &ListenAddr, key: &str, error: &io::Error) -> io::Error {
    let remedy = match error.kind() {
        io::ErrorKind::AddrInUse => &format!("; another process listens there: end it, or change `{key}`"),
        io::ErrorKind::AddrNotAvailable => "; no interface of this machine has that address",
        io::ErrorKind::PermissionDenied if addr.port().is_some() => {
            "; ports below 1024 need root or the capability CAP_NET_BIND_SERVICE"
        }
        io::ErrorKind::PermissionDenied => "; this user may not write to the socket's directory",
        io::ErrorKind::NotFound => "; the socket's directory does not exist",
        _ => "",
    };
    io::Error::new(error.kind(), format!("{addr} cannot be bound: {error}{remedy}"))
}

fn announce(bound: &[Bound]) {
    for listener in bound {
        tracing::info!("listening on {}", runtime::url(&listener.actual));
    }
}

fn start_loops(
    mut bound: Vec<Bound>,
    loops: usize,
    snapshot: &Arc<Snapshot>,
    log: &Arc<AccessLog>,
    phase: &watch::Receiver<Phase>,
) -> io::Result<Vec<EventLoop>> {
    (0..loops)
        .map(|index| {
            let doors = bound.iter_mut().filter_map(|bound| snapshot.door(bound)).collect();
            EventLoop::start(format!("loop-{index}"), doors, Arc::clone(snapshot), log, phase.clone())
        })
        .collect()
}

fn unopened(config: &Config, error: &io::Error) -> io::Error {
    io::Error::new(error.kind(), format!("the access log {:?} cannot be opened: {error}", config.log.access))
}

/// Nobody is left to be told when the terminal itself is gone.
fn say(out: &mut dyn Write, text: &str) {
    let _ = out.write_all(text.as_bytes());
}
