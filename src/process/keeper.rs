//! Keeps one pool alive until it is asked to stop.

use std::io;
use std::time::Duration;

use tokio::sync::watch;
use tokio::time::{Instant, sleep};

use super::backoff::Backoff;
use super::group::{End, Group};
use super::{ProcessSpec, State, ready};

#[derive(Debug)]
pub(super) struct Keeper {
    spec: ProcessSpec,
    state: watch::Sender<State>,
    stop: watch::Receiver<Option<Duration>>,
}

/// How one start of the pool went.
enum Life {
    /// It ended by itself after being ready for so long.
    Ended(Duration),
    Stopped,
}

impl Keeper {
    pub(super) fn new(
        spec: ProcessSpec,
        state: watch::Sender<State>,
        stop: watch::Receiver<Option<Duration>>,
    ) -> Self {
        Self { spec, state, stop }
    }

    pub(super) async fn run(mut self) {
        let mut backoff = Backoff::new();
        while let Life::Ended(healthy) = self.live().await {
            self.state.send_replace(State::Down);
            let delay = backoff.delay(healthy);
            tracing::info!(target: "process", name = self.spec.name, "starting again in {delay:?}");
            tokio::select! {
                () = sleep(delay) => {}
                _ = stop_asked(&mut self.stop) => break,
            }
        }
        self.state.send_replace(State::Stopped);
    }

    /// From one start to its end.
    async fn live(&mut self) -> Life {
        self.state.send_replace(State::Starting);
        self.prepare_sockets().await;
        match Group::spawn(&self.spec) {
            Ok(group) => self.watch_over(group).await,
            Err(error) => {
                tracing::error!(target: "process", name = self.spec.name, "{}", explain(&self.spec, &error));
                Life::Ended(Duration::ZERO)
            }
        }
    }

    async fn prepare_sockets(&self) {
        let name = &self.spec.name;
        for server in &self.spec.servers {
            match ready::prepare(server).await {
                Ok(false) => {}
                Ok(true) => tracing::warn!(target: "process", name,
                    "something answers on {server} already, perhaps a pool left from before; end it if the app cannot bind"),
                Err(error) => tracing::error!(target: "process", name,
                    "cannot make room for the socket {server}: {error}; give rproxy's user access to its directory"),
            }
        }
    }

    async fn watch_over(&mut self, mut group: Group) -> Life {
        let name = &self.spec.name;
        tracing::info!(target: "process", name, pid = group.id(), "started `{}`", self.spec.command.join(" "));
        let started = Instant::now();
        let mut ready_since = None;
        let mut ready = std::pin::pin!(ready::wait_for(&self.spec.servers));
        loop {
            tokio::select! {
                () = &mut ready, if ready_since.is_none() => {
                    ready_since = Some(Instant::now());
                    tracing::info!(target: "process", name, "app is ready after {:.1?}", started.elapsed());
                    self.state.send_replace(State::Ready);
                }
                status = group.wait() => {
                    self.state.send_replace(State::Down);
                    group.sweep().await;
                    match status {
                        Ok(status) => tracing::error!(target: "process", name, "app ended ({status}); its last lines are above"),
                        Err(error) => tracing::error!(target: "process", name, "lost sight of the app: {error}"),
                    }
                    return Life::Ended(ready_since.map_or(Duration::ZERO, |since| since.elapsed()));
                }
                grace = stop_asked(&mut self.stop) => {
                    match group.stop(grace).await {
                        End::Orderly => tracing::info!(target: "process", name, "app stopped"),
                        End::Killed => tracing::warn!(target: "process", name,
                            "app had not stopped after {grace:?} and was killed; give `shutdown_grace` more time if it needs it"),
                    }
                    return Life::Stopped;
                }
            }
        }
    }
}

/// Waits for the order to stop, and says how long the pool may take. A supervisor that was dropped
/// leaves none.
async fn stop_asked(stop: &mut watch::Receiver<Option<Duration>>) -> Duration {
    match stop.wait_for(Option::is_some).await {
        Ok(grace) => grace.unwrap_or_default(),
        Err(_) => Duration::ZERO,
    }
}

/// Why the program could not be started, and what to do about it.
pub(super) fn explain(spec: &ProcessSpec, error: &io::Error) -> String {
    let program = spec.command.first().map_or("", String::as_str);
    let directory = spec.directory.display();
    match error.kind() {
        io::ErrorKind::NotFound if !spec.directory.is_dir() => {
            format!("cannot start `{program}`: its directory {directory} is not there")
        }
        io::ErrorKind::NotFound if program.contains('/') => format!(
            "cannot start `{program}`: there is no such file (or its #! interpreter is missing); relative paths are taken from {directory}"
        ),
        io::ErrorKind::NotFound => format!(
            "cannot start `{program}`: it is not in PATH ({}); install it, or write its path, like \"venv/bin/{program}\"",
            std::env::var("PATH").unwrap_or_default()
        ),
        io::ErrorKind::PermissionDenied => {
            format!(
                "cannot start `{program}`: it may not be executed ({error}); check its permissions (chmod +x)"
            )
        }
        _ => format!("cannot start `{program}` in {directory}: {error}"),
    }
}
