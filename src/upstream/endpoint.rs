//! One server of an upstream and its live state, kept across reloads.

use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::time::Duration;

use tokio::time::Instant;

use super::latency::Latency;
use crate::net::UpstreamAddr;

/// The bit of [`Endpoint`]'s progress that stands for an answer.
const ANSWERED: u64 = 1;

/// A server: where it is, how many requests it is at work on, and how quickly it answers.
#[derive(Debug)]
pub struct Endpoint {
    pub addr: UpstreamAddr,
    /// The address as logs and `$upstream_addr` have it.
    label: Box<str>,
    in_flight: AtomicUsize,
    latency: Latency,
    /// Whether its checks fail.
    down: AtomicBool,
    /// When it last began to answer, or to work after that, in milliseconds since `epoch`; doubled, and one
    /// more while the latest is an answer.
    progress: AtomicU64,
    epoch: Instant,
}

impl Endpoint {
    pub fn new(addr: UpstreamAddr) -> Self {
        let label = addr.to_string().into();
        Self {
            addr,
            label,
            in_flight: AtomicUsize::new(0),
            latency: Latency::new(),
            down: AtomicBool::new(false),
            progress: AtomicU64::new(ANSWERED),
            epoch: Instant::now(),
        }
    }

    pub fn label(&self) -> &str {
        &self.label
    }

    /// Requests from the choice of this server to the end of the answer's body.
    pub fn in_flight(&self) -> usize {
        self.in_flight.load(Ordering::Relaxed)
    }

    pub(super) fn begin(&self) {
        let was_idle = self.in_flight.fetch_add(1, Ordering::Relaxed) == 0;
        // Work upon work without an answer is no progress, even if nobody waits in between.
        if was_idle && self.progress.load(Ordering::Relaxed) & ANSWERED != 0 {
            self.progress.store(self.millis(Instant::now()) * 2, Ordering::Relaxed);
        }
    }

    pub(super) fn end(&self) {
        self.in_flight.fetch_sub(1, Ordering::Relaxed);
    }

    /// Seconds to the first byte of the next answer, if there is any experience.
    pub(super) fn expected_latency(&self, now: Instant) -> Option<f32> {
        self.latency.expected(now)
    }

    /// An answer began so long after its request.
    pub(super) fn answered(&self, after: Duration) {
        let now = Instant::now();
        self.latency.measured(after, now);
        self.note_progress(now);
    }

    /// It has answered, be it a request or a check.
    pub(super) fn note_progress(&self, now: Instant) {
        self.progress.store(self.millis(now) * 2 + ANSWERED, Ordering::Relaxed);
    }

    /// Whether it began to answer, or to work after its last answer, so shortly before. A server with
    /// requests in flight is busy as long as it makes progress; without, it hangs.
    pub(super) fn progressed_within(&self, limit: Duration) -> bool {
        let since = self.progress.load(Ordering::Relaxed) / 2;
        Duration::from_millis(self.millis(Instant::now()).saturating_sub(since)) <= limit
    }

    /// Half the range is enough for any process.
    fn millis(&self, now: Instant) -> u64 {
        let millis = now.saturating_duration_since(self.epoch).as_millis();
        u64::try_from(millis).unwrap_or(u64::MAX) & (u64::MAX >> 2)
    }

    /// Whether its checks fail, so that others are asked first.
    pub fn is_down(&self) -> bool {
        self.down.load(Ordering::Relaxed)
    }

    pub(super) fn set_down(&self, down: bool) {
        self.down.store(down, Ordering::Relaxed);
    }

    /// A request brought no answer, for which the server is to blame.
    pub(super) fn failed(&self) {
        self.latency.failed(Instant::now());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    fn endpoint() -> Endpoint {
        Endpoint::new("127.0.0.1:1".parse().unwrap())
    }

    #[tokio::test(start_paused = true)]
    async fn progress_is_to_begin_an_answer_or_work_after_it() {
        let endpoint = endpoint();
        tokio::time::advance(2 * SECOND).await;
        assert!(!endpoint.progressed_within(SECOND));
        endpoint.begin();
        assert!(endpoint.progressed_within(SECOND));
        tokio::time::advance(2 * SECOND).await;
        endpoint.begin();
        assert!(!endpoint.progressed_within(SECOND), "more work is no progress");
        endpoint.answered(SECOND);
        assert!(endpoint.progressed_within(SECOND));
    }

    #[tokio::test(start_paused = true)]
    async fn requests_that_come_and_go_without_an_answer_are_no_progress() {
        let endpoint = endpoint();
        for _ in 0..3 {
            endpoint.begin();
            tokio::time::advance(SECOND).await;
            endpoint.end();
        }
        endpoint.begin();
        assert!(!endpoint.progressed_within(2 * SECOND));
        endpoint.end();
        endpoint.note_progress(Instant::now());
        tokio::time::advance(3 * SECOND).await;
        endpoint.begin();
        assert!(endpoint.progressed_within(2 * SECOND));
    }
}
