//! Has the event loops send requests to where pools are, and pools end when nobody asks them any more.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::mpsc;

use crate::config::Config;
use crate::control::{Outcome, Reply};
use crate::privileges::Account;
use crate::process::{self, PoolEvent, Pools};
use crate::reload::{Left, Running};
use crate::runtime::{self, Snapshot, Vacancy};

/// When the event loops could not take up where a pool is.
const TRY_AGAIN: Duration = Duration::from_secs(1);

/// Who is asked to stop twice leaves the pools so long.
const AT_ONCE: Duration = Duration::from_secs(1);

/// The pools of the configuration in force, and who is still on the way to generations that leave.
#[derive(Debug)]
pub(super) struct Managed {
    pools: Pools,
    /// Whom they run as that do not say it themselves: as it was at the start, like rproxy's own.
    account: Option<Account>,
    /// Moves that the event loops have not taken up yet.
    open: Vec<Move>,
    vacated: mpsc::UnboundedReceiver<(String, u64)>,
    tell: mpsc::UnboundedSender<(String, u64)>,
}

/// A pool is somewhere else now, perhaps instead of a generation that leaves.
#[derive(Debug)]
pub(super) struct Move {
    name: String,
    instead_of: Option<u64>,
}

/// Upstreams of a configuration that is about to be replaced.
#[derive(Debug)]
pub(super) struct Former(Vec<(String, Vacancy)>);

impl Former {
    pub(super) fn of(snapshot: &Snapshot) -> Self {
        let known = runtime::pool_names(&snapshot.config)
            .filter_map(|name| Some((name.to_owned(), snapshot.vacancy(name)?)));
        Self(known.collect())
    }

    fn of_upstream(&self, name: &str) -> Option<Vacancy> {
        self.0.iter().find(|(known, _)| known == name).map(|(_, vacancy)| vacancy.clone())
    }
}

impl Managed {
    /// None runs so far. Before rproxy gives up its rights, as pools may need them.
    pub(super) fn new(config: &Config) -> Self {
        let (tell, vacated) = mpsc::unbounded_channel();
        let mut pools = Pools::new(process::executable());
        if runtime::wants_accounts(config) {
            pools.prepare();
        }
        Self { pools, account: runtime::own_account(config), open: Vec::new(), vacated, tell }
    }

    pub(super) fn start(&mut self, config: &Config) {
        self.pools.update(runtime::processes(config, self.account.as_ref()));
    }

    /// Returns when every pool has answered once.
    pub(super) async fn ready(&mut self) {
        self.pools.ready().await;
    }

    /// Has the event loops that are about to start know where the pools are.
    ///
    /// # Errors
    /// As of [`Running::place`].
    pub(super) async fn place(&mut self, running: &mut Running) -> io::Result<Left> {
        let placements = self.pools.placements();
        if *running.snapshot().placements() == placements {
            return Ok(Left::default());
        }
        running.place(placements).await
    }

    /// What [`Self::follow`] is to be told next. May be dropped and called again.
    pub(super) async fn next(&mut self) -> Option<Move> {
        loop {
            tokio::select! {
                PoolEvent::Serve { name, instead_of, .. } = self.pools.next() => {
                    return Some(Move { name, instead_of });
                }
                Some((name, generation)) = self.vacated.recv() => self.pools.drained(&name, generation),
                () = tokio::time::sleep(TRY_AGAIN), if !self.open.is_empty() => return None,
            }
        }
    }

    /// Sends requests to where the pools are now.
    pub(super) async fn follow(&mut self, next: Option<Move>, running: &mut Running) {
        self.open.extend(next);
        let left = match self.place(running).await {
            Ok(left) => Arc::new(left),
            Err(error) => {
                tracing::error!("requests cannot be sent to where the pools are now: {error}; trying again");
                return;
            }
        };
        for Move { name, instead_of } in std::mem::take(&mut self.open) {
            if let Some(generation) = instead_of {
                let left = Arc::clone(&left);
                self.tell_after(async move { left.idle().await }, name, generation);
            }
        }
    }

    /// Another configuration is in force.
    pub(super) async fn update(&mut self, former: &Former, running: &mut Running) {
        let wanted = runtime::processes(&running.snapshot().config, self.account.as_ref());
        let removed = self.pools.update(wanted);
        for (name, generation) in removed {
            if let Some(vacancy) = former.of_upstream(&name) {
                self.tell_after(vacancy.wait(), name, generation);
            }
        }
        self.follow(None, running).await;
    }

    /// Replaces a pool by a new generation, and tells what came of it. Everything else goes on meanwhile.
    pub(super) fn restart(&mut self, name: &str, reply: Reply) {
        let outcome = self.pools.restart(name);
        tokio::spawn(async move {
            reply.done(match outcome.await {
                Ok(line) => Outcome::Done(vec![line]),
                Err(report) => Outcome::Rejected(report),
            });
        });
    }

    /// Ends all of them, at once if `second_stop` comes meanwhile.
    pub(super) async fn stop(mut self, second_stop: impl Future<Output = ()>) {
        tokio::select! {
            () = self.pools.stop(Duration::MAX) => return,
            () = second_stop => tracing::warn!("stopping the pools at once"),
        }
        self.pools.stop(AT_ONCE).await;
    }

    /// Tells when nobody is on the way to that generation any more.
    fn tell_after(&self, idle: impl Future<Output = ()> + Send + 'static, name: String, generation: u64) {
        let tell = self.tell.clone();
        tokio::spawn(async move {
            idle.await;
            let _ = tell.send((name, generation));
        });
    }
}
