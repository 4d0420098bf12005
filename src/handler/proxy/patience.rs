//! Waiting for servers that are about to come back, as in a restart of the application.

use std::hash::{BuildHasher, Hasher, RandomState};
use std::time::Duration;

use tokio::time::{Instant, sleep};

use crate::http::Cause;

const FIRST_PAUSE: Duration = Duration::from_millis(50);
const LONGEST_PAUSE: Duration = Duration::from_secs(1);

/// How long one request waits for anyone to take it. It costs nothing until the first wait.
#[derive(Debug)]
pub(super) struct Patience {
    window: Duration,
    since: Option<Instant>,
    pause: Duration,
    rounds: u32,
}

impl Patience {
    pub(super) fn new(window: Duration) -> Self {
        Self { window, since: None, pause: FIRST_PAUSE, rounds: 1 }
    }

    /// Waits until the servers may be tried once more, the last time at the window's very end;
    /// false when that is over.
    pub(super) async fn wait(&mut self) -> bool {
        let now = Instant::now();
        let since = *self.since.get_or_insert(now);
        let left = self.window.saturating_sub(now.saturating_duration_since(since));
        if left.is_zero() {
            return false;
        }
        sleep(jittered(self.pause).min(left)).await;
        self.pause = (self.pause * 2).min(LONGEST_PAUSE);
        self.rounds = self.rounds.saturating_add(1);
        true
    }

    /// What was done in vain, for the log; nothing without a wait.
    pub(super) fn summary(&self) -> Option<String> {
        let waited = self.since.filter(|_| self.rounds > 1)?.elapsed();
        Some(format!("tried {} times within {:.1} s", self.rounds, waited.as_secs_f64()))
    }
}

/// Whether a server that could not be reached, or that was just stopping, may be there in a moment. Neither permissions nor names
/// mend themselves, and a connection that timed out has taken its time already.
pub(super) const fn may_pass(cause: Cause) -> bool {
    matches!(
        cause,
        Cause::ConnectRefused
            | Cause::SocketMissing
            | Cause::BacklogFull
            | Cause::ProcessNotReady
            | Cause::ResetBeforeAnswer
    )
}

/// Between half of it and all: requests that failed together must not come back together.
fn jittered(pause: Duration) -> Duration {
    let half = pause / 2;
    let [random, ..] = RandomState::new().build_hasher().finish().to_le_bytes();
    half + half * u32::from(random) / u32::from(u8::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::Retry;

    #[test]
    fn only_what_may_be_tried_again_may_pass() {
        let passing: Vec<_> = Cause::ALL.iter().filter(|cause| may_pass(**cause)).collect();
        assert_eq!(passing.len(), 5);
        assert!(passing.iter().all(|cause| cause.retry() != Retry::Never), "{passing:?}");
    }

    #[tokio::test(start_paused = true)]
    async fn pauses_grow_up_to_a_second_and_end_with_the_window() {
        let mut patience = Patience::new(Duration::from_secs(10));
        let begin = Instant::now();
        let mut pauses = Vec::new();
        loop {
            let before = Instant::now();
            if !patience.wait().await {
                break;
            }
            pauses.push(before.elapsed());
        }
        assert_eq!(begin.elapsed().as_secs(), 10);
        assert!(pauses.len() < 30, "{pauses:?}");
        let limits = [50, 100, 200, 400, 800, 1000].map(Duration::from_millis);
        for (pause, limit) in pauses.iter().zip(limits) {
            // Timers have the grain of a millisecond.
            assert!((limit / 2..=limit + Duration::from_millis(1)).contains(pause), "{pause:?} of {limit:?}");
        }
        assert!(patience.summary().unwrap().contains("within 10.0 s"));
    }

    #[tokio::test(start_paused = true)]
    async fn without_a_window_nothing_is_waited_for() {
        let mut patience = Patience::new(Duration::ZERO);
        assert!(!patience.wait().await);
        assert_eq!(patience.summary(), None);
    }

    #[test]
    fn pauses_differ() {
        let pauses: std::collections::BTreeSet<_> = (0..50).map(|_| jittered(LONGEST_PAUSE)).collect();
        assert!(pauses.len() > 10, "{pauses:?}");
    }
}
