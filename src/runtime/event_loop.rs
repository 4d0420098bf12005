//! One event loop: a thread with its own listeners, its own copy of the compiled configuration and its
//! own pools, which nobody else touches.

use std::future::pending;
use std::io;
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;

use socket2::Socket;
use tokio::runtime::{Builder, LocalOptions, LocalRuntime};
use tokio::sync::watch;

use super::Snapshot;
use crate::net::{ListenAddr, Listener};
use crate::observe::AccessLog;
use crate::server::{Server, Settings};

/// What all loops are told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Phase {
    Serving,
    /// Take no more connections; what is in flight may go on for as long as the grace says.
    Draining(Duration),
    /// End now.
    Stopping,
}

/// A listening socket on its way into a loop, with what holds on its connections before a site is known.
#[derive(Debug)]
pub struct Door {
    pub configured: ListenAddr,
    pub socket: Socket,
    pub settings: Settings,
}

/// A running loop.
#[derive(Debug)]
pub struct EventLoop(JoinHandle<()>);

impl EventLoop {
    /// Starts the thread and returns once its runtime exists.
    ///
    /// # Errors
    /// When the kernel gives no thread, no event queue, or refuses a socket in it.
    pub fn start(
        name: String,
        doors: Vec<Door>,
        snapshot: Arc<Snapshot>,
        log: &Arc<AccessLog>,
        phase: watch::Receiver<Phase>,
    ) -> io::Result<Self> {
        let log = Arc::clone(log);
        let (started, outcome) = std::sync::mpsc::sync_channel(1);
        let thread = std::thread::Builder::new().name(name).spawn(move || {
            let runtime = match build_runtime() {
                Ok(runtime) => runtime,
                Err(error) => return drop(started.send(Err(error))),
            };
            runtime.block_on(async move {
                match open(doors, &snapshot, &log) {
                    Ok(server) => {
                        drop(started.send(Ok(())));
                        until_ended(&server, phase).await;
                    }
                    Err(error) => drop(started.send(Err(error))),
                }
            });
            // Reads from a mount that hangs would hold the process for ever, and nobody wants them now.
            runtime.shutdown_background();
        })?;
        outcome.recv().unwrap_or_else(|_| Err(io::Error::other("the event loop ended while it started")))?;
        Ok(Self(thread))
    }

    /// Waits for the thread's end.
    ///
    /// # Errors
    /// When the loop panicked.
    pub fn join(self) -> Result<(), &'static str> {
        self.0.join().map_err(|_| "an event loop panicked")
    }
}

/// Threads for what may block: disk calls, compressing whole files, and looking up names. Without a bound there
/// would soon be hundreds, since a call that ends lets the next one begin before its thread is free again. Who
/// may wait for ever, as on a mount that hangs, has a bound of its own far below this.
const BLOCKING_THREADS: usize = 64;

fn build_runtime() -> io::Result<LocalRuntime> {
    Builder::new_current_thread()
        .enable_all()
        .max_blocking_threads(BLOCKING_THREADS)
        .build_local(LocalOptions::default())
}

fn open(doors: Vec<Door>, snapshot: &Snapshot, log: &AccessLog) -> io::Result<Server> {
    let counts = snapshot.counts();
    let stack = snapshot.stack(log.lines(), Arc::clone(&counts));
    let server = Server::new(counts);
    for door in doors {
        let listener = Listener::adopt(&door.configured, door.socket)?;
        server.listen(listener, door.configured, stack.clone(), door.settings);
    }
    Ok(server)
}

/// Serves until told otherwise, then drains until the last connection has ended, time is up, or a second
/// word says that there is none.
async fn until_ended(server: &Server, mut phase: watch::Receiver<Phase>) {
    let grace = match changed(&mut phase, |phase| phase != Phase::Serving).await {
        Phase::Draining(grace) => grace,
        Phase::Serving | Phase::Stopping => return,
    };
    server.drain();
    tokio::select! {
        () = server.ended() => {}
        () = tokio::time::sleep(grace) => tracing::warn!("requests were cut off: they went on past {grace:?}"),
        _ = changed(&mut phase, |phase| phase == Phase::Stopping) => {}
    }
}

async fn changed(phase: &mut watch::Receiver<Phase>, wanted: impl Fn(Phase) -> bool) -> Phase {
    match phase.wait_for(|phase| wanted(*phase)).await {
        Ok(phase) => *phase,
        // The control thread is gone without a word: that is no reason to drop requests.
        Err(_) => pending().await,
    }
}
