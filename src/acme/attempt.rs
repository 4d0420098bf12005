//! One attempt to get a certificate: at most one of all processes makes it at a time.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use tokio::sync::Semaphore;
use tokio::time::timeout;

use super::challenge::Stage;
use super::client::Client;
use super::keeper::is_complete;
use super::order::{Issued, Ordering};
use super::store::{Folder, State};
use super::trouble::Trouble;
use super::{Wanted, account, preflight};
use crate::tls::Identity;

/// Longer than an authority may take for its decisions; what hangs for longer is begun again.
const PATIENCE: Duration = Duration::from_secs(900);

/// So often what is refused may be asked again at once: a nonce (RFC 8555 6.5), or an account that is made anew.
const CHANCES: usize = 4;

/// What attempts of all certificates share.
#[derive(Clone, Debug)]
pub(super) struct Desk {
    pub state: State,
    pub stage: Stage,
    /// How many may be made at once.
    pub room: Arc<Semaphore>,
}

/// What came of an attempt.
#[derive(Debug)]
pub(super) enum Outcome {
    /// Obtained, and stored.
    Obtained,
    /// Another process has done it meanwhile, or has failed and is to be the last for now.
    Overtaken,
}

impl Desk {
    /// Gets the certificate, unless another process has got it since what was stored at `known`. `replaces` is what the authority is told
    /// that it replaces, and `doubtful` whether to go on where only the authority can tell whether the names lead
    /// here.
    pub async fn attempt(
        &self,
        wanted: &Wanted,
        folder: &Folder,
        known: Option<SystemTime>,
        replaces: Option<Arc<Identity>>,
        doubtful: bool,
    ) -> Result<Outcome, Trouble> {
        // Never closed.
        let _place = self.room.acquire().await;
        let disk = |error| Trouble::of_disk(folder.path(), &error);
        let attempt = async {
            let _lock = folder.lock().await.map_err(disk)?;
            // Who had it may have been done before we came to ask for it.
            if is_settled(wanted, folder, known).await {
                return Ok(Outcome::Overtaken);
            }
            preflight::check(wanted, &self.stage, doubtful).await?;
            for _ in 0..CHANCES {
                match self.obtain(wanted, folder, replaces.clone()).await {
                    Err(trouble) if trouble.is_chance || trouble.is_stranger => {}
                    result => return result.map(|()| Outcome::Obtained),
                }
            }
            self.obtain(wanted, folder, replaces).await.map(|()| Outcome::Obtained)
        };
        timeout(PATIENCE, attempt).await.unwrap_or_else(|_| {
            let what = format!("nothing has come of it within {PATIENCE:?}");
            Err(Trouble::new(what, "none: it is begun again where it stands"))
        })
    }

    async fn obtain(
        &self,
        wanted: &Wanted,
        folder: &Folder,
        replaces: Option<Arc<Identity>>,
    ) -> Result<(), Trouble> {
        let disk = |error| Trouble::of_disk(folder.path(), &error);
        let untrusting = |error: std::io::Error| {
            Trouble::new(error.to_string(), "install them, or name a file by `ca` of `acme`")
        };
        let client = Client::new(wanted.authorities.clone()).await.map_err(untrusting)?;
        let account = account::account(&self.state, wanted, &client).await?;
        let (stage, pause) = (&self.stage, &client.pause());
        let ordering = Ordering { wanted, account: &account, folder, stage, pause, replaces };
        let issued = ordering.run().await;
        if issued.as_ref().is_err_and(|trouble| trouble.is_stranger) {
            account::forget(&self.state, wanted).await;
        }
        let Issued { key, chain } = issued?;
        folder.write_identity(&key, &chain).await.map_err(disk)?;
        folder.remove_order().await.map_err(disk)
    }
}

/// Whether another process that had the lock has left nothing to do.
async fn is_settled(wanted: &Wanted, folder: &Folder, known: Option<SystemTime>) -> bool {
    let now = SystemTime::now();
    if folder.pause().await.is_some_and(|pause| !pause.left(now).is_zero()) {
        return true;
    }
    match folder.newer(known).await {
        Ok(Some((_, Ok(identity)))) => is_complete(wanted, &identity) && identity.not_after > now,
        _ => false,
    }
}
