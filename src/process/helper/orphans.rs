//! Processes whose parent has ended: the helper has to see to their end in its place.
//!
//! What an app leaves behind stays in its group as a rule, and is reaped with that. But a pool may run for
//! months, and each orphan that has ended would be a zombie as long.

use std::collections::BTreeSet;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use nix::sys::wait::{Id, WaitPidFlag, waitid};
use rustix::process::{Pid, WaitOptions, waitpid};
use tokio::signal::unix::{SignalKind, signal};
use tokio::time::sleep;

/// Those who are waited for by name have so long to be.
const PAUSE: Duration = Duration::from_millis(100);

/// The processes that the helper itself has started.
static MASTERS: Mutex<BTreeSet<i32>> = Mutex::new(BTreeSet::new());

/// A process that is waited for by name, until the end of this value.
#[derive(Debug)]
pub(super) struct Awaited(i32);

impl Awaited {
    pub(super) fn new(master: Pid) -> Self {
        masters().insert(master.as_raw_pid());
        Self(master.as_raw_pid())
    }
}

impl Drop for Awaited {
    fn drop(&mut self) {
        masters().remove(&self.0);
    }
}

/// Reaps all others, for as long as the helper runs.
pub(super) async fn reap() {
    // Without it they are zombies until their pool ends.
    let Ok(mut ended) = signal(SignalKind::child()) else { return };
    while ended.recv().await.is_some() {
        sleep(PAUSE).await;
        while let Some(process) = first_ended() {
            if masters().contains(&process.as_raw_pid()) {
                sleep(PAUSE).await;
            } else {
                let _ = waitpid(Some(process), WaitOptions::NOHANG);
            }
        }
    }
}

/// Looks only: it remains to be reaped.
fn first_ended() -> Option<Pid> {
    let look = WaitPidFlag::WEXITED | WaitPidFlag::WNOHANG | WaitPidFlag::WNOWAIT;
    Pid::from_raw(waitid(Id::All, look).ok()?.pid()?.as_raw())
}

fn masters() -> MutexGuard<'static, BTreeSet<i32>> {
    // Nobody panics with the lock held.
    MASTERS.lock().unwrap_or_else(PoisonError::into_inner)
}
