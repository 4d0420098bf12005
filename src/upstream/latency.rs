//! How long a server takes to begin its answers.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tokio::time::Instant;

/// After so long a measurement counts for a third (1/e).
const DECAY: Duration = Duration::from_secs(3);
/// Measurements that are this far apart are trials of a server that is hardly asked any more.
const RARE: Duration = Duration::from_millis(100);
/// What such a trial leaves of the average at most: a server that is quick again is believed after a few.
const KEPT_BY_TRIAL: f32 = 2.0 / 3.0;
/// What a failure counts as: answers that fail fast must not make a server look quick.
pub(super) const PENALTY: Duration = Duration::from_secs(1);

/// A moving average of the time to the first byte which follows peaks at once and forgets them slowly
/// ("peak EWMA"). All event loops write to it without a lock.
///
/// The average sinks while nothing is measured, so that a server that was slow is tried again.
#[derive(Debug)]
pub(super) struct Latency {
    /// The average in seconds as the bits of an `f32`, then the time of the latest measurement in
    /// milliseconds since `epoch`; 0 before the first.
    state: AtomicU64,
    epoch: Instant,
}

impl Latency {
    pub(super) fn new() -> Self {
        Self { state: AtomicU64::new(0), epoch: Instant::now() }
    }

    /// Seconds that the next answer is expected to take; `None` before anything was measured.
    pub(super) fn expected(&self, now: Instant) -> Option<f32> {
        let state = self.state.load(Ordering::Relaxed);
        let (average, at) = unpack(state);
        (state != 0).then(|| average * weight(self.elapsed(at, now)))
    }

    pub(super) fn measured(&self, sample: Duration, now: Instant) {
        // Never quite zero, which stands for nothing measured.
        let sample = sample.as_secs_f32().max(f32::MIN_POSITIVE);
        let update = |state| {
            let (average, at) = unpack(state);
            let elapsed = self.elapsed(at, now);
            let kept = weight(elapsed);
            let kept = if elapsed >= RARE { kept.min(KEPT_BY_TRIAL) } else { kept };
            let average = if sample >= average { sample } else { average * kept + sample * (1.0 - kept) };
            Some(pack(average.max(f32::MIN_POSITIVE), self.millis(now)))
        };
        let _ = self.state.fetch_update(Ordering::Relaxed, Ordering::Relaxed, update);
    }

    pub(super) fn failed(&self, now: Instant) {
        self.measured(PENALTY, now);
    }

    /// Nothing is known any more: the server has come back, and may be another.
    pub(super) fn forget(&self) {
        self.state.store(0, Ordering::Relaxed);
    }

    fn elapsed(&self, at: u32, now: Instant) -> Duration {
        // Another thread may have looked at its clock a little later. The counter goes round after 49
        // days: what looks like the future is an instant ago.
        let elapsed = self.millis(now).wrapping_sub(at);
        Duration::from_millis(if elapsed > u32::MAX / 2 { 0 } else { elapsed }.into())
    }

    fn millis(&self, now: Instant) -> u32 {
        let millis = now.saturating_duration_since(self.epoch).as_millis() & u128::from(u32::MAX);
        u32::try_from(millis).unwrap_or_default()
    }
}

/// How much of what was known so long ago still counts.
fn weight(elapsed: Duration) -> f32 {
    (-elapsed.as_secs_f32() / DECAY.as_secs_f32()).exp()
}

fn pack(average: f32, at: u32) -> u64 {
    u64::from(average.to_bits()) << 32 | u64::from(at)
}

fn unpack(state: u64) -> (f32, u32) {
    let half = |bits: u64| u32::try_from(bits & u64::from(u32::MAX)).unwrap_or_default();
    (f32::from_bits(half(state >> 32)), half(state))
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: Duration = Duration::from_millis(1);

    fn close(latency: &Latency, now: Instant, expected: Duration) {
        let found = latency.expected(now).unwrap();
        let expected = expected.as_secs_f32();
        assert!((found - expected).abs() <= expected * 0.02, "{found} is not about {expected}");
    }

    #[test]
    fn nothing_is_known_before_the_first_answer() {
        let latency = Latency::new();
        let now = Instant::now();
        assert_eq!(latency.expected(now), None);
        latency.measured(Duration::ZERO, now);
        assert!(latency.expected(now).is_some());
    }

    #[test]
    fn a_peak_counts_at_once_and_is_forgotten_slowly() {
        let latency = Latency::new();
        let mut now = Instant::now();
        latency.measured(10 * MS, now);
        latency.measured(1000 * MS, now);
        close(&latency, now, 1000 * MS);
        for _ in 0..300 {
            now += 10 * MS;
            latency.measured(10 * MS, now);
        }
        // 3 s later: 10 ms and a third of what lay above.
        close(&latency, now, 374 * MS);
    }

    #[test]
    fn a_server_that_is_hardly_asked_is_believed_after_a_few_answers() {
        let latency = Latency::new();
        let mut now = Instant::now();
        latency.measured(300 * MS, now);
        for _ in 0..9 {
            now += 200 * MS;
            latency.measured(5 * MS, now);
        }
        assert!(latency.expected(now).unwrap() < 0.015);
    }

    #[test]
    fn what_is_forgotten_is_unknown() {
        let latency = Latency::new();
        latency.failed(Instant::now());
        latency.forget();
        assert_eq!(latency.expected(Instant::now()), None);
    }

    #[test]
    fn a_slow_server_looks_better_while_it_is_left_alone() {
        let latency = Latency::new();
        let now = Instant::now();
        latency.measured(1000 * MS, now);
        close(&latency, now + DECAY, 368 * MS);
        assert!(latency.expected(now + 10 * DECAY).unwrap() < 0.001);
    }

    #[test]
    fn a_failure_is_worse_than_a_slow_answer() {
        let latency = Latency::new();
        let now = Instant::now();
        latency.measured(100 * MS, now);
        latency.failed(now);
        close(&latency, now, PENALTY);
    }

    #[test]
    fn clocks_that_differ_between_threads_do_no_harm() {
        let latency = Latency::new();
        let now = Instant::now() + 100 * MS;
        latency.measured(100 * MS, now);
        close(&latency, now - 50 * MS, 100 * MS);
    }
}
