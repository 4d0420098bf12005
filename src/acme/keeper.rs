//! One certificate, kept as long as it is wanted.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use tokio::sync::{Notify, oneshot};

use super::Wanted;
use super::attempt::{Desk, Outcome};
use super::chance::Chance;
use super::fault::shown;
use super::renewal::Renewal;
use super::schedule::Life;
use super::store::Folder;
use super::trouble::{Trouble, back_off};
use crate::tls::Identity;

/// Between two looks at what another process may have stored, and at the clock, which may have been set.
const LOOK: Duration = Duration::from_secs(60);

/// A restart may mean that something was mended: it waits no longer, unless the authority has said so.
const PAUSE_MAX: Duration = Duration::from_secs(60);

#[derive(Debug)]
pub(super) struct Keeper {
    wanted: Wanted,
    folder: Folder,
    desk: Desk,
    /// When what is in use was stored.
    stored: Option<SystemTime>,
    chance: Chance,
    renewal: Renewal,
    failures: u32,
    not_before: Option<SystemTime>,
}

impl Keeper {
    pub fn new(wanted: Wanted, desk: Desk) -> Self {
        let folder = desk.state.folder(&wanted);
        Self {
            wanted,
            folder,
            desk,
            stored: None,
            chance: Chance::new(),
            renewal: Renewal::new(),
            failures: 0,
            not_before: None,
        }
    }

    /// Never ends. `loaded` is told when what is stored is in use, nothing is asked for before `served` is over, and
    /// `wake` tells that something may have been mended.
    pub async fn run(
        mut self,
        loaded: oneshot::Sender<()>,
        served: impl Future<Output = ()>,
        wake: Arc<Notify>,
    ) {
        self.take_stored("is stored").await;
        let _ = loaded.send(());
        served.await;
        loop {
            let pause = self.turn().await;
            tokio::select! {
                () = tokio::time::sleep(pause) => {}
                () = wake.notified() => {
                    // What the authority wants is in the folder.
                    self.not_before = None;
                }
            }
        }
    }

    /// Does what is to be done now, and says until when that is all.
    async fn turn(&mut self) -> Duration {
        self.take_stored("has been obtained by another process").await;
        if let Some(identity) = self.wanted.managed.identity() {
            self.renewal.follow(&self.desk.state, &self.wanted, &identity).await;
        }
        let now = SystemTime::now();
        let mut next = self.due();
        if next <= now {
            let paused = self.folder.pause().await.max(self.not_before).filter(|until| *until > now);
            let Some(until) = paused else {
                self.attempt().await;
                return Duration::ZERO;
            };
            next = until;
        }
        next.duration_since(now).unwrap_or_default().min(LOOK)
    }

    /// Takes up what is stored, unless it is in use already. `how` it has come there is for the log.
    async fn take_stored(&mut self, how: &str) {
        let found = match self.folder.newer(self.stored).await {
            Ok(None) => return,
            Ok(Some(found)) => found,
            Err(error) => {
                let Trouble { what, remedy, .. } = Trouble::of_disk(self.folder.path(), &error);
                tracing::warn!(remedy, "{what}");
                return;
            }
        };
        let (stored, identity) = found;
        self.stored = Some(stored);
        match identity {
            Ok(identity) => self.take_up(identity, how),
            Err(problem) => {
                let remedy = "none: another certificate is obtained";
                tracing::warn!(remedy, "a stored certificate cannot be used: {problem}");
            }
        }
    }

    fn take_up(&mut self, identity: Arc<Identity>, how: &str) {
        let (title, until) = (self.wanted.title(), shown(identity.not_after));
        tracing::info!("a certificate for {title} {how}: it is valid until {until}");
        self.chance = Chance::new();
        self.renewal = Renewal::new();
        self.wanted.managed.set_identity(identity);
        self.wanted.managed.set_trouble(None);
    }

    /// When another certificate is to be had.
    fn due(&self) -> SystemTime {
        match self.wanted.managed.identity() {
            Some(identity) if is_complete(&self.wanted, &identity) => {
                let life = Life { not_before: identity.not_before, not_after: identity.not_after };
                life.renewal(self.renewal.window, self.chance)
            }
            _ => SystemTime::UNIX_EPOCH,
        }
    }

    async fn attempt(&mut self) {
        let former = self.wanted.managed.identity();
        let replaces = former.clone().filter(|_| self.renewal.is_heeded);
        let doubtful = self.failures > 0;
        let outcome = self.desk.attempt(&self.wanted, &self.folder, former, replaces, doubtful).await;
        match outcome {
            Ok(Outcome::Overtaken) => {}
            Ok(Outcome::Obtained) => {
                self.take_stored("has been obtained").await;
                self.succeed().await;
            }
            Err(trouble) => self.fail(trouble).await,
        }
    }

    async fn succeed(&mut self) {
        (self.failures, self.not_before) = (0, None);
        if let Err(error) = self.folder.set_pause(None).await {
            tracing::warn!("{}", Trouble::of_disk(self.folder.path(), &error));
        }
        if let Some(identity) = self.wanted.managed.identity()
            && self.due() <= SystemTime::now()
        {
            let until = shown(identity.not_after);
            let what =
                format!("the authority's new certificate, valid until {until}, is to be renewed already");
            self.fail(Trouble::new(what, "see whether the clock of this machine is right")).await;
        }
    }

    /// Tells of it, and lets some time pass: others may fail at the same, and authorities count.
    async fn fail(&mut self, trouble: Trouble) {
        self.failures = self.failures.saturating_add(1);
        let now = SystemTime::now();
        let pause = back_off(self.failures);
        let pause = pause * 3 / 4 + Chance::new().of(pause / 2);
        let until = now.checked_add(pause).max(trouble.not_before).unwrap_or(now);
        self.not_before = Some(until);
        let for_all = now.checked_add(pause.min(PAUSE_MAX)).max(trouble.not_before);
        if let Err(error) = self.folder.set_pause(for_all).await {
            tracing::warn!("{}", Trouble::of_disk(self.folder.path(), &error));
        }
        // Who is refused for it may be told of before the next line is out.
        self.wanted.managed.set_trouble(Some(trouble.what.clone()));
        self.tell(&trouble, until.duration_since(now).unwrap_or_default());
    }

    fn tell(&self, trouble: &Trouble, pause: Duration) {
        let (title, remedy) = (self.wanted.title(), &trouble.remedy);
        let again = format!("it is tried again in {} s", pause.as_secs());
        match self.wanted.managed.identity() {
            Some(identity) if identity.not_after > SystemTime::now() => {
                let until = shown(identity.not_after);
                tracing::error!(
                    remedy,
                    "no new certificate for {title}, the one in use is valid until {until}: {trouble}; {again}"
                );
            }
            Some(_) => tracing::error!(
                remedy,
                "no new certificate for {title}, the one in use has expired: {trouble}; {again}"
            ),
            None => tracing::error!(remedy, "no certificate for {title}: {trouble}; {again}"),
        }
    }
}

/// Whether it is for all names that are wanted.
pub(super) fn is_complete(wanted: &Wanted, identity: &Identity) -> bool {
    wanted.names().iter().all(|name| {
        let bare = name.trim_start_matches('[').trim_end_matches(']');
        identity.names.iter().any(|of| of == bare)
    })
}
