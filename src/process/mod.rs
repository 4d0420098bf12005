//! Worker pools that rproxy runs itself: started, watched, restarted and ended with everything they forked.
//!
//! One task per pool keeps it alive ([`keeper`]); each start is one process group ([`group`]), so that a
//! stop reaches the workers as well as their master. What a pool prints goes to our log ([`output`]).

mod backoff;
mod group;
mod keeper;
mod output;
mod ready;

#[cfg(test)]
mod tests;

use std::path::PathBuf;
use std::time::Duration;

use tokio::sync::watch;
use tokio::task::JoinSet;

use crate::net::UpstreamAddr;
use keeper::Keeper;

/// What to run, and where it will be found once it is up.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProcessSpec {
    /// The upstream's name, for the log.
    pub name: String,
    /// Program and arguments. A program with a slash is relative to `directory`, one without is looked
    /// up in `PATH`.
    pub command: Vec<String>,
    pub directory: PathBuf,
    /// The pool is ready when every one of them takes connections.
    pub servers: Vec<UpstreamAddr>,
}

/// Where a pool is in its life.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// Started, not yet taking connections.
    Starting,
    Ready,
    /// It ended or could not be started, and waits for its next start.
    Down,
    Stopped,
}

/// Every pool of the configuration. Lives on a runtime with time and I/O.
///
/// Dropping it kills the pools' masters; [`Self::stop`] is the orderly way. When rproxy itself is killed
/// by SIGKILL nothing of ours runs any more, and the pools stay: asking the kernel to end them with us
/// (`PR_SET_PDEATHSIG`) has to happen between fork and exec, which cannot be written without `unsafe`.
/// The next start says so when it finds their socket taken.
#[derive(Debug)]
pub struct Supervisor {
    pools: Vec<(String, watch::Receiver<State>)>,
    stop: watch::Sender<Option<Duration>>,
    tasks: JoinSet<()>,
}

impl Supervisor {
    /// Starts every pool and returns at once; failures are logged and tried again.
    pub fn start(specs: Vec<ProcessSpec>) -> Self {
        let (stop, stop_asked) = watch::channel(None);
        let mut tasks = JoinSet::new();
        let mut pools = Vec::with_capacity(specs.len());
        for spec in specs {
            let (state, watched) = watch::channel(State::Starting);
            pools.push((spec.name.clone(), watched));
            tasks.spawn(Keeper::new(spec, state, stop_asked.clone()).run());
        }
        Self { pools, stop, tasks }
    }

    /// The state of the pool of that name, to be read or awaited.
    pub fn state(&self, name: &str) -> Option<watch::Receiver<State>> {
        self.pools.iter().find(|(pool, _)| pool == name).map(|(_, state)| state.clone())
    }

    /// Returns when every pool has been ready once.
    pub async fn ready(&self) {
        for (_, state) in &self.pools {
            // An error means that the pool was stopped: it will never be ready, and nobody waits for it.
            let _ = state.clone().wait_for(|state| *state == State::Ready).await;
        }
    }

    /// SIGTERM to every process of every pool, SIGKILL to what is left after `grace`; returns when all
    /// have ended.
    pub async fn stop(mut self, grace: Duration) {
        self.stop.send_replace(Some(grace));
        while self.tasks.join_next().await.is_some() {}
    }
}
