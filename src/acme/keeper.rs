//! One certificate, kept as long as it is wanted.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use tokio::sync::{Notify, oneshot};

use super::Wanted;
use super::attempt::{Desk, Outcome};
use super::chance::Chance;
use super::fault::shown;
use super::renewal::Renewal;
use super::schedule::{Embargo, Life};
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
    pause: Option<Embargo>,
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
            pause: None,
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
                    self.pause = None;
                }
            }
        }
    }

    /// Does what is to be done now, and says until when that is all.
    async fn turn(&mut self) -> Duration {
        self.take_stored("has been obtained by another process").await;
        if let Some(identity) = self.own() {
            self.renewal.follow(&self.desk.state, &self.wanted, &identity).await;
        }
        let now = SystemTime::now();
        if let Ok(left) = self.due().duration_since(now)
            && !left.is_zero()
        {
            return left.min(LOOK);
        }
        let pauses = [self.folder.pause().await, self.pause].into_iter().flatten();
        let left = pauses.map(|pause| pause.left(now)).max().unwrap_or_default();
        if left.is_zero() {
            self.attempt().await;
        } else {
            self.tell_of_pause(now, left);
        }
        left.min(LOOK)
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

    /// What clients are shown, unless another certificate fills in for this one.
    fn own(&self) -> Option<Arc<Identity>> {
        let file = self.folder.identity_file();
        self.wanted.managed.identity().filter(|identity| identity.cert == file)
    }

    /// When another certificate is to be had.
    fn due(&self) -> SystemTime {
        match self.own() {
            Some(identity) if is_complete(&self.wanted, &identity) => {
                let life = Life { not_before: identity.not_before, not_after: identity.not_after };
                life.renewal(self.renewal.window, self.chance)
            }
            _ => SystemTime::UNIX_EPOCH,
        }
    }

    async fn attempt(&mut self) {
        let former = self.own();
        let replaces = former.clone().filter(|_| self.renewal.is_heeded);
        let doubtful = self.failures > 0;
        let outcome = self.desk.attempt(&self.wanted, &self.folder, self.stored, replaces, doubtful).await;
        match outcome {
            Ok(Outcome::Overtaken) => {}
            Ok(Outcome::Obtained) => {
                self.take_stored("has been obtained").await;
                let obtained = self.own().filter(|identity| former.as_ref() != Some(identity));
                self.conclude(obtained).await;
            }
            Err(trouble) => self.fail(trouble).await,
        }
    }

    /// What was `obtained` ends the matter if it is of use; otherwise the next one is not ordered at once.
    async fn conclude(&mut self, obtained: Option<Arc<Identity>>) {
        let Some(identity) = obtained else {
            let what = "the authority's new certificate cannot be used";
            self.fail(Trouble::new(what, "see the line before, which says why")).await;
            return;
        };
        if self.due() <= SystemTime::now() {
            let until = shown(identity.not_after);
            let what =
                format!("the authority's new certificate, valid until {until}, is to be renewed already");
            self.fail(Trouble::new(what, "see whether the clock of this machine is right")).await;
            return;
        }
        (self.failures, self.pause) = (0, None);
        if let Err(error) = self.folder.set_pause(None).await {
            tracing::warn!("{}", Trouble::of_disk(self.folder.path(), &error));
        }
    }

    /// Tells of it, and lets some time pass: others may fail at the same, and authorities count.
    async fn fail(&mut self, trouble: Trouble) {
        self.failures = self.failures.saturating_add(1);
        let now = SystemTime::now();
        let pause = back_off(self.failures);
        let pause = pause * 3 / 4 + Chance::new().of(pause / 2);
        let until = now.checked_add(pause).max(trouble.not_before).unwrap_or(now);
        let told = Embargo { since: now, until };
        self.pause = Some(told);
        let for_all = now.checked_add(pause.min(PAUSE_MAX)).max(trouble.not_before);
        if let Err(error) = self.folder.set_pause(for_all).await {
            tracing::warn!("{}", Trouble::of_disk(self.folder.path(), &error));
        }
        // Who is refused for it may be told of before the next line is out.
        self.wanted.managed.set_trouble(Some(trouble.what.clone()));
        self.tell(&trouble, told.left(now));
    }

    /// Of a failure that this process has not seen: there would be no certificate, and nobody would know why.
    fn tell_of_pause(&self, now: SystemTime, left: Duration) {
        let is_served = self.own().is_some_and(|identity| identity.not_after > now);
        if is_served || self.wanted.managed.trouble().is_some() {
            return;
        }
        let until = shown(now.checked_add(left).unwrap_or(now));
        let what = format!("not asked for before {until}, as an attempt of another process has failed");
        let remedy = format!(
            "see the log of then for the reason; once that is mended, and unless the authority wants to be left \
             alone, `rm {}` has it tried within a minute",
            self.folder.pause_file().display()
        );
        self.wanted.managed.set_trouble(Some(what.clone()));
        self.tell(&Trouble::new(what, remedy), left);
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

#[cfg(test)]
mod tests {
    use std::path::Path;

    use tokio::sync::Semaphore;

    use super::*;
    use crate::acme::challenge::Stage;
    use crate::acme::store::State;
    use crate::acme::testing;

    const HOUR: Duration = Duration::from_secs(3600);

    fn keeper(folder: &Path) -> Keeper {
        let stage = Stage { challenges: Arc::default(), tokens: folder.to_owned() };
        let desk = Desk { state: State::new(folder), stage, room: Arc::new(Semaphore::new(1)) };
        Keeper::new(testing::wanted("a.test"), desk)
    }

    async fn store(folder: &Folder) {
        let (key, chain) = testing::pem("a.test");
        folder.write_identity(&key, &chain).await.unwrap();
    }

    /// It is what clients are shown until this authority's is there.
    #[tokio::test]
    async fn another_authoritys_certificate_is_no_reason_to_wait() {
        let state = tempfile::tempdir().unwrap();
        let mut keeper = keeper(state.path());
        keeper.wanted.managed.set_identity(Arc::new(testing::identity("a.test")));
        assert_eq!(keeper.due(), SystemTime::UNIX_EPOCH);
        store(&keeper.folder).await;
        keeper.take_stored("is stored").await;
        assert!(keeper.due() > SystemTime::now());
    }

    #[tokio::test]
    async fn a_certificate_of_no_use_is_a_failure_as_any_other() {
        let state = tempfile::tempdir().unwrap();
        let mut keeper = keeper(state.path());
        for failures in 1..=3 {
            keeper.conclude(None).await;
            assert_eq!(keeper.failures, failures);
        }
        let now = SystemTime::now();
        assert!(keeper.pause.unwrap().left(now) > Duration::from_secs(150));
        assert!(!keeper.folder.pause().await.unwrap().left(now).is_zero());
        let trouble = keeper.wanted.managed.trouble().unwrap();
        assert_eq!(trouble, "the authority's new certificate cannot be used");
    }

    #[tokio::test]
    async fn a_pause_of_another_process_is_told() {
        let state = tempfile::tempdir().unwrap();
        let mut keeper = keeper(state.path());
        keeper.folder.set_pause(SystemTime::now().checked_add(HOUR)).await.unwrap();
        assert_eq!(keeper.turn().await, LOOK);
        let trouble = keeper.wanted.managed.trouble().unwrap();
        assert!(trouble.starts_with("not asked for before "), "{trouble}");
    }

    #[tokio::test]
    async fn what_another_process_has_stored_is_not_ordered_again() {
        let state = tempfile::tempdir().unwrap();
        let keeper = keeper(state.path());
        store(&keeper.folder).await;
        let attempt = keeper.desk.attempt(&keeper.wanted, &keeper.folder, None, None, false);
        assert!(matches!(attempt.await, Ok(Outcome::Overtaken)));
    }
}
