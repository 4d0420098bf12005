//! The accept loops of one event loop.

use std::cell::Cell;
use std::convert::Infallible;
use std::io;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Notify;
use tower::Service;

use super::connection::{self, Shared};
use super::drain::{Accepting, Connections};
use super::io::Io;
use super::{Incoming, Settings};
use crate::http::{Connection, Response, Scheme};
use crate::net::{ListenAddr, Listener};
use crate::observe::Shard;

/// How long accepting rests when descriptors have run out.
const OUT_OF_FILES: Duration = Duration::from_millis(100);

/// Connections of one event loop, and the way to end them gracefully.
pub struct Server {
    connections: Rc<Connections>,
}

/// A listener that is being served. Dropping the handle changes nothing.
#[derive(Debug)]
pub struct Serving {
    settings: Rc<Cell<Settings>>,
    retired: Rc<Cell<bool>>,
    stop: Rc<Notify>,
}

impl std::fmt::Debug for Server {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Server").finish_non_exhaustive()
    }
}

impl Server {
    /// Counts its connections there.
    pub fn new(counts: Arc<Shard>) -> Self {
        Self { connections: Rc::new(Connections::new(counts)) }
    }

    /// Starts accepting in a task of the running event loop.
    pub fn listen<S>(
        &self,
        listener: Listener,
        configured: ListenAddr,
        service: S,
        settings: Settings,
    ) -> Serving
    where
        S: Service<Incoming, Response = Response, Error = Infallible> + Clone + 'static,
    {
        let serving = Serving {
            settings: Rc::new(Cell::new(settings)),
            retired: Rc::default(),
            stop: Rc::new(Notify::new()),
        };
        let shared = Shared {
            service,
            settings: Rc::clone(&serving.settings),
            connections: Rc::clone(&self.connections),
            retired: Rc::clone(&serving.retired),
        };
        let accept = Accept {
            listener,
            configured: Rc::new(configured),
            shared: Rc::new(shared),
            out_of_files: false,
        };
        tokio::task::spawn_local(accept.run(Rc::clone(&serving.stop), self.connections.accept()));
        serving
    }

    /// Lets idle connections end now, and busy ones with their present answer.
    pub fn drain(&self) {
        self.connections.drain();
    }

    /// Lets each connection end with its next answer: somebody else listens where its client would come back.
    pub fn drain_gently(&self) {
        self.connections.drain_gently();
    }

    /// Ready when every connection has ended.
    pub async fn ended(&self) {
        self.connections.ended().await;
    }
}

impl Serving {
    /// What holds from the next request on.
    pub fn set(&self, settings: Settings) {
        self.settings.set(settings);
    }

    /// Stops accepting and closes the socket; connections go on.
    pub fn stop(&self) {
        self.stop.notify_one();
    }

    /// Stops accepting for good: each connection has one more answer.
    pub fn retire(&self) {
        self.retired.set(true);
        self.stop();
    }
}

struct Accept<S> {
    listener: Listener,
    configured: Rc<ListenAddr>,
    shared: Rc<Shared<S>>,
    /// Logged once, not at each attempt.
    out_of_files: bool,
}

impl<S> Accept<S>
where
    S: Service<Incoming, Response = Response, Error = Infallible> + Clone + 'static,
{
    async fn run(mut self, stop: Rc<Notify>, _counted: Accepting) {
        loop {
            tokio::select! {
                biased;
                () = stop.notified() => break,
                accepted = self.listener.accept() => self.take(accepted).await,
            }
        }
        self.empty_queue();
    }

    /// Connections that the kernel has completed for us are lost with the socket: serve them first.
    fn empty_queue(&mut self) {
        use futures_util::FutureExt;
        while let Some(Ok(accepted)) = self.listener.accept().now_or_never() {
            self.serve(accepted);
        }
    }

    async fn take(&mut self, accepted: io::Result<Accepted>) {
        match accepted {
            Ok(accepted) => {
                self.out_of_files = false;
                self.serve(accepted);
            }
            Err(error) if is_exhausted(&error) => {
                if !std::mem::replace(&mut self.out_of_files, true) {
                    tracing::error!(
                        listener = %self.configured,
                        "cannot accept: {error}; raise the limit of open files (ulimit -n, LimitNOFILE=); \
                         new connections wait"
                    );
                }
                tokio::time::sleep(OUT_OF_FILES).await;
            }
            // The client left between its handshake and our call (accept(2), "Error handling").
            Err(error) => tracing::debug!(listener = %self.configured, "accept: {error}"),
        }
    }

    fn serve(&self, (stream, peer, local): Accepted) {
        let facts =
            Rc::new(Connection { peer, local, scheme: Scheme::Http, listener: Rc::clone(&self.configured) });
        tokio::task::spawn_local(connection::serve(Io::new(stream), facts, Rc::clone(&self.shared)));
    }
}

type Accepted = (crate::net::Stream, crate::net::ClientAddr, Option<std::net::SocketAddr>);

fn is_exhausted(error: &io::Error) -> bool {
    use rustix::io::Errno;
    let exhausted = [Errno::MFILE, Errno::NFILE, Errno::NOBUFS, Errno::NOMEM];
    error.raw_os_error().is_some_and(|code| exhausted.iter().any(|errno| errno.raw_os_error() == code))
}
