//! Watches that every event loop turns: one that stands still keeps all its clients waiting, and says nothing.

use std::time::{Duration, Instant};

use tokio::task::AbortHandle;
use tokio::time::{sleep, timeout};

use crate::runtime::Beat;

/// Between two looks.
const PAUSE: Duration = Duration::from_secs(1);
/// A loop that takes longer for what takes microseconds is told of. Less than this is also what a busy machine
/// takes to give a thread its turn.
const LIMIT: Duration = Duration::from_secs(1);

/// The watch over one event loop, for as long as this is kept.
#[derive(Debug)]
pub(super) struct Pulse(AbortHandle);

impl Pulse {
    /// In a task of the control thread.
    pub fn watch(index: usize, beat: Beat) -> Self {
        Self(tokio::spawn(watch(index, beat)).abort_handle())
    }
}

impl Drop for Pulse {
    fn drop(&mut self) {
        self.0.abort();
    }
}

async fn watch(index: usize, beat: Beat) {
    loop {
        sleep(PAUSE).await;
        let asked = Instant::now();
        let mut turn = std::pin::pin!(beat.turn());
        if timeout(LIMIT, turn.as_mut()).await.is_ok() {
            continue;
        }
        tracing::warn!(
            event_loop = index,
            remedy = "give rproxy more processor time; if it has enough, this is a bug: please report it",
            "an event loop has not turned for {LIMIT:?}, and keeps its clients waiting"
        );
        turn.await;
        tracing::warn!(event_loop = index, "it turns again after {:.1?}", asked.elapsed());
    }
}
