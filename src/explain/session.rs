//! A configuration that is asked, on a thread of its own.

use std::io;
use std::time::Duration;

use tokio::runtime::{Builder, LocalOptions};
use tokio::time::timeout;
use tracing::subscriber::{NoSubscriber, with_default};

use super::arrival::Arrival;
use super::story::Story;
use super::{Explanation, Question};
use crate::config::Loaded;
use crate::router::{self, Router};
use crate::runtime::Rehearsal;

/// A disk or a mount that takes longer does not answer clients either.
const PATIENCE: Duration = Duration::from_secs(10);

/// What questions are asked of.
pub(super) struct Session<'a> {
    pub loaded: &'a Loaded,
    /// The same search as the stack's, to be asked for its reasons.
    pub router: Router<()>,
    rehearsal: Rehearsal,
}

/// Opens a session and has it asked. The caller may be in a runtime, whose thread waits meanwhile.
///
/// # Errors
/// When the machine gives no thread or no event queue.
pub(super) fn run<T: Send>(
    loaded: &Loaded,
    work: impl AsyncFnOnce(&Session<'_>) -> T + Send,
) -> io::Result<T> {
    std::thread::scope(|scope| {
        let thread = std::thread::Builder::new().name("explain".into()).spawn_scoped(scope, || {
            let runtime = Builder::new_current_thread().enable_all().build_local(LocalOptions::default())?;
            // What is asked is no request: the log of those that are served has nothing of it.
            let result = with_default(NoSubscriber::default(), || {
                runtime.block_on(async {
                    let session = Session::open(loaded)?;
                    Ok(work(&session).await)
                })
            });
            // Somebody may still wait for a disk.
            runtime.shutdown_background();
            result
        })?;
        thread.join().unwrap_or_else(|_| Err(io::Error::other("the question could not be answered")))
    })
}

impl<'a> Session<'a> {
    fn open(loaded: &'a Loaded) -> io::Result<Self> {
        let sites = loaded.config.sites.iter().map(|site| router::Site {
            listen: site.listen.clone(),
            hosts: site.hosts.clone(),
            locations: site.locations.iter().map(|location| (location.pattern.clone(), ())).collect(),
        });
        Ok(Self { loaded, router: Router::new(sites), rehearsal: Rehearsal::new(loaded.config.clone())? })
    }

    pub async fn explain(&self, question: &Question) -> Explanation {
        let config = &self.loaded.config;
        let arrival = Arrival::of(question, config, &self.router);
        let head = question.head(&arrival.host);
        let rehearsed = timeout(PATIENCE, self.rehearsal.ask(&head, &arrival.connection)).await;
        Story::new(self, question, &arrival).tell(rehearsed.ok())
    }
}
