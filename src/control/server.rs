//! The control thread's side: takes orders in, and tells how they went.

use std::convert::Infallible;
use std::future::pending;
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::os::linux::net::SocketAddrExt;
use std::os::unix::net::{SocketAddr, UnixListener as StdListener};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use tokio::net::{UnixListener, UnixStream};
use tokio::sync::{Semaphore, mpsc, oneshot};
use tokio::task::JoinSet;
use tokio::time::{MissedTickBehavior, interval, sleep};

use super::peer::{self, Allowed};
use super::wire::{self, Lines, Message, ORDER_MAX};
use super::{Command, Outcome, name};

/// Clients at once; more wait in the kernel's queue.
const CLIENTS: usize = 8;
/// An order must have arrived, and a message must have been taken.
const CLIENT: Duration = Duration::from_secs(5);
/// Between two signs of life.
const WORKING: Duration = Duration::from_secs(5);
/// After an error of `accept(2)`, of which most are for want of descriptors.
const PAUSE: Duration = Duration::from_secs(1);
/// Progress that nobody reads so far; what comes on top is dropped.
const PROGRESS: usize = 64;

/// What the command line asked for, and where to say how it went.
#[derive(Debug)]
pub struct Order {
    pub command: Command,
    pub reply: Reply,
}

/// The way back to who asked. Nothing of it waits, and a client that has left changes nothing. Dropped
/// without [`Self::done`], it tells the client that nothing is known of the outcome.
#[derive(Debug)]
pub struct Reply {
    progress: mpsc::Sender<String>,
    outcome: oneshot::Sender<Outcome>,
}

impl Reply {
    /// One line of what happens meanwhile.
    pub fn progress(&self, line: impl Into<String>) {
        let _ = self.progress.try_send(line.into());
    }

    pub fn done(self, outcome: Outcome) {
        let _ = self.outcome.send(outcome);
    }
}

/// The listening sockets of one configuration file's server.
#[derive(Debug)]
pub struct Control {
    listeners: Vec<StdListener>,
    orders: mpsc::Receiver<Order>,
    /// Ended with this value; clients whose order was taken still get their answer.
    _accepting: JoinSet<Infallible>,
}

impl Control {
    /// Takes orders for the server of this configuration file from now on, in tasks of the running event loop.
    ///
    /// # Errors
    /// `AddrInUse` when another server of this file runs already, and what else `bind(2)` says.
    pub fn bind(config: &Path) -> io::Result<Self> {
        Self::adopt(config, Vec::new())
    }

    /// The same with sockets that another process of this server has listened on. What is not wanted any
    /// more is closed.
    ///
    /// # Errors
    /// As of [`Self::bind`].
    pub fn adopt(config: &Path, inherited: Vec<OwnedFd>) -> io::Result<Self> {
        let mut inherited: Vec<StdListener> = inherited.into_iter().map(StdListener::from).collect();
        let mut listeners = Vec::new();
        for name in name::names(config)? {
            let is_it = |listener: &StdListener| {
                listener.local_addr().is_ok_and(|local| local.as_abstract_name() == Some(name.as_bytes()))
            };
            listeners.push(match inherited.iter().position(is_it) {
                Some(at) => inherited.swap_remove(at),
                None => StdListener::bind_addr(&SocketAddr::from_abstract_name(&name)?)?,
            });
        }
        Self::listen(listeners)
    }

    /// As [`Self::adopt`], but a server works without orders too: what stands in their way is logged.
    pub fn open(config: &Path, inherited: Vec<OwnedFd>) -> Self {
        Self::adopt(config, inherited).unwrap_or_else(|error| {
            let remedy = match error.kind() {
                io::ErrorKind::AddrInUse => "another server of this configuration file runs and gets them",
                _ => "use signals instead",
            };
            tracing::warn!("orders of the command line (rproxy reload) cannot be taken: {error}; {remedy}");
            Self::none()
        })
    }

    /// Takes no orders.
    pub fn none() -> Self {
        Self { listeners: Vec::new(), orders: mpsc::channel(1).1, _accepting: JoinSet::new() }
    }

    fn listen(listeners: Vec<StdListener>) -> io::Result<Self> {
        let (sender, orders) = mpsc::channel(CLIENTS);
        let (allowed, places) = (Allowed::now(), Arc::new(Semaphore::new(CLIENTS)));
        let mut accepting = JoinSet::new();
        for listener in &listeners {
            // Also for those that listen already: it is the last listen(2) whose process clients are shown.
            rustix::net::listen(listener.as_fd(), 128)?;
            listener.set_nonblocking(true)?;
            let listener = UnixListener::from_std(listener.try_clone()?)?;
            accepting.spawn(accept(listener, allowed, sender.clone(), Arc::clone(&places)));
        }
        Ok(Self { listeners, orders, _accepting: accepting })
    }

    /// The next order. Can be dropped and called again.
    pub async fn next(&mut self) -> Order {
        match self.orders.recv().await {
            Some(order) => order,
            None => pending().await,
        }
    }

    /// Copies for a process that is to take over.
    ///
    /// # Errors
    /// When descriptors have run out.
    pub fn sockets(&self) -> io::Result<Vec<OwnedFd>> {
        self.listeners.iter().map(|listener| listener.try_clone().map(OwnedFd::from)).collect()
    }
}

async fn accept(
    listener: UnixListener,
    allowed: Allowed,
    orders: mpsc::Sender<Order>,
    places: Arc<Semaphore>,
) -> Infallible {
    loop {
        let Ok(place) = Arc::clone(&places).acquire_owned().await else { return pending().await };
        match listener.accept().await {
            Ok((stream, _)) => {
                let orders = orders.clone();
                tokio::spawn(async move {
                    if let Err(error) = serve(stream, allowed, orders).await {
                        tracing::debug!("control: {error}");
                    }
                    drop(place);
                });
            }
            Err(error) => {
                tracing::debug!("control: accept: {error}");
                sleep(PAUSE).await;
            }
        }
    }
}

/// One client, from its order to the outcome.
async fn serve(mut stream: UnixStream, allowed: Allowed, orders: mpsc::Sender<Order>) -> io::Result<()> {
    if let Some(refusal) = allowed.refusal(peer::of(&stream)?) {
        tracing::warn!("control: an order was denied: {refusal}");
        return wire::send(&mut stream, &Message::Denied(refusal), CLIENT).await;
    }
    let command = match Lines::new(&mut stream, ORDER_MAX).next(CLIENT).await {
        Ok(Some(command)) => command,
        Ok(None) => return Ok(()),
        Err(error) => {
            let denial =
                format!("this rproxy {} does not know such orders: {error}", env!("CARGO_PKG_VERSION"));
            return wire::send(&mut stream, &Message::Denied(denial), CLIENT).await;
        }
    };
    let (progress, lines) = mpsc::channel(PROGRESS);
    let (outcome, end) = oneshot::channel();
    // Without a receiver the reply is dropped, which `follow` tells the client.
    let _ = orders.send(Order { command, reply: Reply { progress, outcome } }).await;
    follow(stream, lines, end).await
}

/// Passes on what is told of an order until it is done.
async fn follow(
    mut stream: UnixStream,
    mut lines: mpsc::Receiver<String>,
    mut end: oneshot::Receiver<Outcome>,
) -> io::Result<()> {
    let mut working = interval(WORKING);
    working.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        let message = tokio::select! {
            biased;
            Some(line) = lines.recv() => Message::Progress(line),
            outcome = &mut end => {
                let last = outcome.map_or_else(
                    |_| Message::Denied("the server ended, or dropped the order, before it was done".into()),
                    Message::Outcome,
                );
                return wire::send(&mut stream, &last, CLIENT).await;
            }
            _ = working.tick() => Message::Working,
        };
        wire::send(&mut stream, &message, CLIENT).await?;
    }
}
