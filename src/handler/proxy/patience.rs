//! Waiting for servers that are about to come back, as in a restart of the application.

use std::hash::{BuildHasher, Hasher, RandomState};
use std::time::Duration;

use tokio::time::{Instant, sleep_until};

use crate::http::Cause;

const FIRST_PAUSE: Duration = Duration::from_millis(50);
const LONGEST_PAUSE: Duration = Duration::from_secs(1);
/// A backlog has room as soon as any worker takes a connection.
const LONGEST_PAUSE_FOR_ROOM: Duration = Duration::from_millis(100);

/// How long one request waits for anyone to take it. It costs nothing until the first wait.
#[derive(Debug)]
pub(super) struct Patience {
    since: Option<Instant>,
    pause: Duration,
    rounds: u32,
}

impl Default for Patience {
    fn default() -> Self {
        Self { since: None, pause: FIRST_PAUSE, rounds: 1 }
    }
}

impl Patience {
    /// When the first wait began: now, if it has not yet.
    pub(super) fn begin(&mut self) -> Instant {
        *self.since.get_or_insert_with(Instant::now)
    }

    /// Waits until the servers may be tried once more, the last time at the very `end`; false when that is
    /// over.
    pub(super) async fn wait(&mut self, end: Instant, for_room: bool) -> bool {
        let now = Instant::now();
        if now >= end {
            return false;
        }
        let longest = if for_room { LONGEST_PAUSE_FOR_ROOM } else { LONGEST_PAUSE };
        sleep_until(end.min(now + jittered(self.pause.min(longest)))).await;
        self.pause = (self.pause * 2).min(longest);
        self.rounds = self.rounds.saturating_add(1);
        true
    }

    /// What was done in vain, for the log; nothing without a wait.
    pub(super) fn summary(&self) -> Option<String> {
        let waited = self.since.filter(|_| self.rounds > 1)?.elapsed();
        Some(format!("tried {} times within {:.1} s", self.rounds, waited.as_secs_f64()))
    }
}

/// Whether a server that could not be reached may be there in a moment. Neither permissions nor names
/// mend themselves, and a connection that timed out has taken its time already.
pub(super) const fn may_pass(cause: Cause) -> bool {
    matches!(cause, Cause::ConnectRefused | Cause::SocketMissing | Cause::ResetBeforeAnswer)
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
        assert_eq!(passing.len(), 3);
        assert!(passing.iter().all(|cause| cause.retry() != Retry::Never), "{passing:?}");
    }

    /// How long each wait is until `end`.
    async fn pauses(patience: &mut Patience, end: Instant, for_room: bool) -> Vec<Duration> {
        let mut pauses = Vec::new();
        loop {
            let before = Instant::now();
            if !patience.wait(end, for_room).await {
                return pauses;
            }
            pauses.push(before.elapsed());
        }
    }

    #[tokio::test(start_paused = true)]
    async fn pauses_grow_up_to_a_second_and_end_with_the_window() {
        let mut patience = Patience::default();
        let begin = patience.begin();
        let pauses = pauses(&mut patience, begin + Duration::from_secs(10), false).await;
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
    async fn room_in_a_backlog_is_looked_for_more_often() {
        let mut patience = Patience::default();
        let begin = patience.begin();
        let pauses = pauses(&mut patience, begin + Duration::from_secs(2), true).await;
        assert!(pauses.iter().all(|pause| *pause <= LONGEST_PAUSE_FOR_ROOM + Duration::from_millis(1)));
        assert!(pauses.len() >= 20, "{pauses:?}");
    }

    #[tokio::test(start_paused = true)]
    async fn without_a_window_nothing_is_waited_for() {
        let mut patience = Patience::default();
        let begin = patience.begin();
        assert!(!patience.wait(begin, false).await);
        assert_eq!(patience.summary(), None);
    }

    #[test]
    fn pauses_differ() {
        let pauses: std::collections::BTreeSet<_> = (0..50).map(|_| jittered(LONGEST_PAUSE)).collect();
        assert!(pauses.len() > 10, "{pauses:?}");
    }
}
