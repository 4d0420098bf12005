//! All certificates of the configuration in force.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{Notify, Semaphore, oneshot, watch};
use tokio::task::JoinHandle;

use super::attempt::Desk;
use super::challenge::Stage;
use super::keeper::Keeper;
use super::store::State;
use super::{Wanted, Way};
use crate::tls::Challenges;

/// So many certificates are asked for at once. Of a hundred new sites none has to be the first.
const AT_ONCE: usize = 4;

/// Clients wait so long at the start until what is stored is read.
const LOADING: Duration = Duration::from_secs(10);

/// Keeps what is wanted, one task for each certificate. To be used inside of a runtime; what it does ends with it.
#[derive(Debug)]
pub struct Manager {
    challenges: Arc<Challenges>,
    room: Arc<Semaphore>,
    /// Whether clients are served, and so authorities too.
    serving: watch::Sender<bool>,
    tasks: Vec<Task>,
}

#[derive(Debug)]
struct Task {
    state: State,
    wanted: Wanted,
    wake: Arc<Notify>,
    loaded: Option<oneshot::Receiver<()>>,
    running: JoinHandle<()>,
}

impl Manager {
    /// Nothing is wanted so far.
    pub fn new(challenges: Arc<Challenges>) -> Self {
        let (room, serving) = (Arc::new(Semaphore::new(AT_ONCE)), watch::Sender::new(false));
        Self { challenges, room, serving, tasks: Vec::new() }
    }

    /// Has these kept from now on, in `state`, and no others. What has failed before is tried again: something may
    /// have been mended.
    pub fn follow(&mut self, state: &Path, wanted: Vec<Wanted>) {
        let state = State::new(state);
        let is_http = wanted.iter().any(|wanted| wanted.way == Way::Http);
        self.challenges.look_in(is_http.then(|| state.tokens()));
        let mut former = std::mem::take(&mut self.tasks);
        for wanted in wanted {
            // Two sites may have the same names on different listeners.
            if self.tasks.iter().any(|task| Arc::ptr_eq(&task.wanted.managed, &wanted.managed)) {
                continue;
            }
            let known = former.iter().position(|task| task.state == state && task.wanted == wanted);
            if let Some(known) = known {
                let task = former.swap_remove(known);
                task.wake.notify_one();
                self.tasks.push(task);
            } else {
                self.tasks.push(self.start(state.clone(), wanted));
            }
        }
    }

    /// Returns when what is stored is in use, or takes too long.
    pub async fn loaded(&mut self) {
        let all = async {
            for loaded in self.tasks.iter_mut().filter_map(|task| task.loaded.take()) {
                let _ = loaded.await;
            }
        };
        if tokio::time::timeout(LOADING, all).await.is_err() {
            let remedy = "see whether the disk of `state` of `[server]` answers";
            tracing::warn!(remedy, "stored certificates are not read yet; handshakes fail until they are");
        }
    }

    /// Event loops answer from now on: authorities may be asked to look.
    pub fn serving(&self) {
        self.serving.send_replace(true);
    }

    fn start(&self, state: State, wanted: Wanted) -> Task {
        let desk = Desk {
            state: state.clone(),
            stage: Stage { challenges: Arc::clone(&self.challenges), tokens: state.tokens() },
            room: Arc::clone(&self.room),
        };
        let wake = Arc::new(Notify::new());
        let (tell, loaded) = oneshot::channel();
        let keeper = Keeper::new(wanted.clone(), desk);
        let mut serving = self.serving.subscribe();
        let served = async move {
            let _ = serving.wait_for(|serving| *serving).await;
        };
        let running = tokio::spawn(keeper.run(tell, served, Arc::clone(&wake)));
        Task { state, wanted, wake, loaded: Some(loaded), running }
    }
}

impl Drop for Task {
    fn drop(&mut self) {
        self.running.abort();
    }
}
