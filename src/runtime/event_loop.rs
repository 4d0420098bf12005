//! One event loop: a thread with its own listeners, its own copy of the compiled configuration and its
//! own pools, which nobody else touches. It does what it is told by messages.

mod worker;

use std::future::pending;
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;

use socket2::Socket;
use tokio::runtime::{Builder, LocalOptions, LocalRuntime};
use tokio::sync::{mpsc, oneshot, watch};

use self::worker::Worker;
use super::Snapshot;
use crate::net::ListenAddr;
use crate::observe::AccessLog;
use crate::server::Settings;
use crate::tls::Acceptor;

/// What all loops are told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Phase {
    Serving,
    /// Take no more connections; what is in flight may go on for as long as the grace says.
    Draining(Duration),
    /// The same, but another process listens on: kept connections end with one more answer, since their
    /// clients may just be sending.
    HandingOver(Duration),
    /// End now.
    Stopping,
}

/// Listening sockets on their way into a loop, with what holds on its connections before a site is known.
#[derive(Debug)]
pub struct Door {
    pub configured: ListenAddr,
    pub sockets: Vec<Socket>,
    pub settings: Settings,
    /// Where TLS is spoken.
    pub tls: Option<Arc<Acceptor>>,
}

/// A running loop.
#[derive(Debug)]
pub struct EventLoop {
    thread: JoinHandle<()>,
    orders: mpsc::UnboundedSender<Order>,
    /// Closed when the thread is about to end, however that came.
    alive: watch::Receiver<()>,
}

/// Shows whether a loop turns.
#[derive(Clone, Debug)]
pub struct Beat(mpsc::UnboundedSender<Order>);

impl Beat {
    /// Returns when the loop has turned once more. A loop that has ended never does.
    pub async fn turn(&self) {
        let (done, turned) = oneshot::channel();
        let _ = self.0.send(Order::Beat { done });
        if turned.await.is_err() {
            pending::<()>().await;
        }
    }
}

/// What one loop is told.
#[derive(Debug)]
enum Order {
    /// Compile this configuration and take these sockets, so that nothing can fail any more. Nobody sees
    /// anything of it yet.
    Prepare { snapshot: Arc<Snapshot>, doors: Vec<Door>, done: oneshot::Sender<io::Result<()>> },
    /// Serve what was prepared last.
    Commit { done: oneshot::Sender<()> },
    /// Forget what was prepared.
    Abort,
    /// Show that the loop turns.
    Beat { done: oneshot::Sender<()> },
    #[cfg(test)]
    Panic,
    #[cfg(test)]
    Stall(Duration),
}

impl EventLoop {
    /// Starts the thread and returns once it serves.
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
        let (orders, received) = mpsc::unbounded_channel();
        let (living, alive) = watch::channel(());
        let (started, outcome) = std::sync::mpsc::sync_channel(1);
        let thread = std::thread::Builder::new().name(name).spawn(move || {
            let _living = living;
            let runtime = match build_runtime() {
                Ok(runtime) => runtime,
                Err(error) => return drop(started.send(Err(error))),
            };
            let served = catch_unwind(AssertUnwindSafe(|| {
                runtime.block_on(async move {
                    match Worker::open(doors, &snapshot, &log) {
                        Ok(worker) => {
                            // Those it serves first keep what they need of it.
                            drop(snapshot);
                            drop(started.send(Ok(())));
                            run(worker, received, phase).await;
                        }
                        Err(error) => drop(started.send(Err(error))),
                    }
                });
            }));
            // Reads from a mount that hangs would hold the process for ever, and nobody wants them now.
            runtime.shutdown_background();
            if let Err(panic) = served {
                resume_unwind(panic);
            }
        })?;
        outcome.recv().unwrap_or_else(|_| Err(io::Error::other("the event loop ended while it started")))?;
        Ok(Self { thread, orders, alive })
    }

    /// Has everything made ready that [`Self::commit`] then puts into force.
    ///
    /// # Errors
    /// When the loop refuses a socket, or is no more.
    pub async fn prepare(&self, snapshot: Arc<Snapshot>, doors: Vec<Door>) -> io::Result<()> {
        let (done, outcome) = oneshot::channel();
        self.tell(Order::Prepare { snapshot, doors, done });
        outcome.await.unwrap_or_else(|_| Err(io::Error::other("an event loop has ended")))
    }

    /// Returns when the loop serves what was prepared. One that has ended serves nothing, and is started anew
    /// with it.
    pub async fn commit(&self) {
        let (done, outcome) = oneshot::channel();
        self.tell(Order::Commit { done });
        let _ = outcome.await;
    }

    /// Has it forget what was prepared.
    pub fn abort(&self) {
        self.tell(Order::Abort);
    }

    /// The way to see whether it turns.
    pub fn beat(&self) -> Beat {
        Beat(self.orders.clone())
    }

    /// Ready when the thread has ended, or is about to. Can be dropped and called again.
    pub async fn ended(&self) {
        let mut alive = self.alive.clone();
        while alive.changed().await.is_ok() {}
    }

    /// Waits for the thread's end.
    ///
    /// # Errors
    /// When the loop panicked.
    pub fn join(self) -> Result<(), &'static str> {
        self.thread.join().map_err(|_| "an event loop panicked")
    }

    /// Makes the loop fail as by a bug in it.
    #[cfg(test)]
    pub fn panic(&self) {
        self.tell(Order::Panic);
    }

    /// Makes the loop stand still as by a call that blocks.
    #[cfg(test)]
    pub fn stall(&self, time: Duration) {
        self.tell(Order::Stall(time));
    }

    /// One that has ended needs to be told nothing.
    fn tell(&self, order: Order) {
        let _ = self.orders.send(order);
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

/// Serves until told otherwise, then drains until the last connection has ended, time is up, or a second
/// word says that there is none.
async fn run(
    mut worker: Worker,
    mut orders: mpsc::UnboundedReceiver<Order>,
    mut phase: watch::Receiver<Phase>,
) {
    let grace = loop {
        tokio::select! {
            biased;
            next = changed(&mut phase, |phase| phase != Phase::Serving) => match next {
                Phase::Draining(grace) => {
                    worker.drain();
                    break grace;
                }
                Phase::HandingOver(grace) => {
                    worker.hand_over();
                    break grace;
                }
                Phase::Serving | Phase::Stopping => return,
            },
            Some(order) = orders.recv() => worker.obey(order),
        }
    };
    tokio::select! {
        () = worker.ended() => {}
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
