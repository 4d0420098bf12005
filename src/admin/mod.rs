//! The operator's door: a status page, `/metrics` for Prometheus, and the same as JSON.
//!
//! It is served on the control thread by hyper, and only reads: it can neither slow the event loops nor
//! change anything, so it asks nobody for a password. Who may look is said by its address: a loopback one or
//! a Unix socket. A web page elsewhere cannot look by way of a visitor's browser (DNS rebinding), since
//! only hosts that no name server can forge are answered; see [`host`].

mod answer;
mod escape;
mod host;
mod json;
mod metrics;
mod page;
#[cfg(test)]
mod testing;

use std::convert::Infallible;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::sync::Semaphore;

use crate::net::{Bound, Listener, Stream};
use crate::observe::Status;

/// Connections at once; more wait in the kernel's queue.
const CONNECTIONS: usize = 64;
/// A whole head must have arrived.
const HEADER: Duration = Duration::from_secs(10);
/// The longest that a connection is kept. Scrapes come more often than this and find a new one cheap.
const CONNECTION: Duration = Duration::from_secs(60);
/// The least that hyper takes; heads of browsers fit.
const BUFFER: usize = 16 * 1024;
/// After an error of `accept(2)`, of which most are for want of descriptors.
const PAUSE: Duration = Duration::from_secs(1);

/// Looks at the process.
pub type Look = Arc<dyn Fn() -> Status + Send + Sync>;

/// The listener, bound and not yet serving.
#[derive(Debug)]
pub struct Admin(Bound);

impl Admin {
    pub fn new(bound: Bound) -> Self {
        Self(bound)
    }

    pub fn bound(&self) -> &Bound {
        &self.0
    }

    /// Leaves all as if it had never been there.
    pub fn discard(self) {
        self.0.discard();
    }

    /// What serves until it is dropped, in the running event loop.
    ///
    /// # Errors
    /// When the event loop refuses the socket.
    pub fn serve(&self, look: Look) -> io::Result<impl Future<Output = ()> + use<>> {
        let listener = Listener::adopt(&self.0.configured, self.0.sockets(0)?)?;
        let door = if listener.is_unix() { Door::Unix } else { Door::Tcp };
        Ok(serve(listener, door, look))
    }
}

async fn serve(mut listener: Listener, door: Door, look: Look) {
    let places = Arc::new(Semaphore::new(CONNECTIONS));
    while let Ok(place) = Arc::clone(&places).acquire_owned().await {
        match listener.accept().await {
            Ok((stream, ..)) => {
                let served = connection(stream, door, Arc::clone(&look));
                tokio::spawn(async move {
                    served.await;
                    drop(place);
                });
            }
            Err(error) => {
                tracing::debug!("admin: accept: {error}");
                tokio::time::sleep(PAUSE).await;
            }
        }
    }
}

/// What a request came in by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Door {
    Tcp,
    /// Its permissions say who may come in, and browsers cannot.
    Unix,
}

async fn connection(stream: Stream, door: Door, look: Look) {
    let service = service_fn(|request| {
        let answer = answer::answer(&request, door, &*look);
        async { Ok::<_, Infallible>(answer) }
    });
    let served = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEADER)
        .max_buf_size(BUFFER)
        .serve_connection(TokioIo::new(stream), service);
    if let Ok(Err(error)) = tokio::time::timeout(CONNECTION, served).await {
        tracing::debug!("admin: {error}");
    }
}
