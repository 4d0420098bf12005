//! One server of an upstream and its live state.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::Duration;

use tokio::time::Instant;

use super::latency::Latency;
use super::progress::Progress;
use super::standing::Standing;
use crate::http::{Cause, Fault};
use crate::net::UpstreamAddr;

/// A server: where it is, how many requests it is at work on, how quickly it answers, and how well.
#[derive(Debug)]
pub struct Endpoint {
    pub addr: UpstreamAddr,
    /// The address as logs and `$upstream_addr` have it.
    label: Arc<str>,
    /// The address as it is configured: what clients are bound to by cookies and hashes.
    identity: Arc<str>,
    in_flight: AtomicUsize,
    /// Attempts since the start, and those it failed.
    requests: AtomicU64,
    failures: AtomicU64,
    /// More requests at once than this made its backlog overflow; `usize::MAX` until then.
    room: AtomicUsize,
    latency: Latency,
    pub(super) progress: Progress,
    pub(super) standing: Standing,
}

impl Endpoint {
    pub fn new(addr: UpstreamAddr) -> Self {
        let identity = addr.to_string().into();
        Self::standing_for(identity, addr)
    }

    /// One that is found elsewhere than where it is configured, since it is not the first of its kind.
    pub fn standing_for(identity: Arc<str>, addr: UpstreamAddr) -> Self {
        let label = addr.to_string().into();
        Self {
            addr,
            label,
            identity,
            in_flight: AtomicUsize::new(0),
            requests: AtomicU64::new(0),
            failures: AtomicU64::new(0),
            room: AtomicUsize::new(usize::MAX),
            latency: Latency::new(),
            progress: Progress::new(),
            standing: Standing::new(),
        }
    }

    pub fn label(&self) -> &str {
        &self.label
    }

    pub fn identity(&self) -> &str {
        &self.identity
    }

    /// The same for whoever keeps it: every attempt does, until its line is written.
    pub fn shared_label(&self) -> Arc<str> {
        Arc::clone(&self.label)
    }

    /// Requests from the choice of this server to the last byte of its answer.
    pub fn in_flight(&self) -> usize {
        self.in_flight.load(Ordering::Relaxed)
    }

    /// Attempts since the start.
    pub fn requests(&self) -> u64 {
        self.requests.load(Ordering::Relaxed)
    }

    /// Attempts that it failed.
    pub fn failures(&self) -> u64 {
        self.failures.load(Ordering::Relaxed)
    }

    /// Whether one more request would be more than `most`, or than its backlog takes.
    pub(super) fn is_full(&self, most: usize) -> bool {
        self.in_flight() >= self.limit(most)
    }

    /// Counts a request, unless there are `most` of them.
    pub(super) fn try_begin(&self, most: usize) -> bool {
        let limit = self.limit(most);
        let one_more = |count: usize| (count < limit).then(|| count + 1);
        let before = if limit == usize::MAX {
            Ok(self.in_flight.fetch_add(1, Ordering::Relaxed))
        } else {
            self.in_flight.fetch_update(Ordering::SeqCst, Ordering::Relaxed, one_more)
        };
        if before == Ok(0) {
            self.progress.began();
        }
        if before.is_ok() {
            self.requests.fetch_add(1, Ordering::Relaxed);
        }
        before.is_ok()
    }

    /// The order against the queue's own counter decides whether a waiter sees the place that is free now.
    pub(super) fn end(&self) {
        self.in_flight.fetch_sub(1, Ordering::SeqCst);
    }

    fn limit(&self, most: usize) -> usize {
        most.min(self.room.load(Ordering::Relaxed))
    }

    /// What a new connection says of the backlog's room. When it is full, as many requests as are at work now
    /// are enough, until connections are taken again.
    pub(super) fn note_connect<T>(&self, connected: &Result<T, Fault>) {
        let room = self.room.load(Ordering::Relaxed);
        match connected {
            Err(fault) if fault.cause == Cause::BacklogFull => {
                // Nobody else is at work: others have filled it, and nobody would tell when there is room.
                let others = self.in_flight().saturating_sub(1);
                self.room.store(if others > 0 { others } else { usize::MAX }, Ordering::Relaxed);
            }
            Ok(_) if room != usize::MAX => {
                let more = |room: usize| Some(room.saturating_add(1));
                let _ = self.room.fetch_update(Ordering::Relaxed, Ordering::Relaxed, more);
            }
            _ => {}
        }
    }

    /// Seconds to the first byte of the next answer, if there is any experience: at least as long as the
    /// requests at work have been waiting for any.
    pub(super) fn expected_latency(&self, now: Instant) -> Option<f32> {
        let known = self.latency.expected(now)?;
        let silence = if self.in_flight() > 0 { self.progress.since(now) } else { Duration::ZERO };
        Some(known.max(silence.as_secs_f32()))
    }

    /// An answer began so long after its request.
    pub(super) fn answered(&self, after: Duration) {
        let now = Instant::now();
        self.latency.measured(after, now);
        self.progress.answered(now);
    }

    /// It has come back: how quick it was before says nothing.
    pub(super) fn returned(&self) {
        self.latency.forget();
    }

    /// Forgets what those have said of it who judge it no longer: nobody would ever take it back.
    pub fn pardon(&self, checked: bool, ejected: bool) {
        self.standing.pardon(checked, ejected);
    }

    /// Whether active checks call it down.
    pub fn is_down(&self) -> bool {
        self.standing.down_since().is_some()
    }

    /// A request brought no answer, for which the server is to blame.
    pub(super) fn failed(&self) {
        self.failures.fetch_add(1, Ordering::Relaxed);
        self.latency.failed(Instant::now());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn endpoint() -> Endpoint {
        Endpoint::new(UpstreamAddr::Tcp(([127, 0, 0, 1], 8000).into()))
    }

    #[test]
    fn no_more_requests_begin_than_may() {
        let endpoint = endpoint();
        assert!(endpoint.try_begin(2) && !endpoint.is_full(2) && endpoint.try_begin(2));
        assert!(endpoint.is_full(2) && !endpoint.try_begin(2));
        endpoint.end();
        assert!(endpoint.try_begin(2));
        assert!(endpoint.try_begin(usize::MAX), "without a limit there is always room");
    }

    const FULL: Result<(), Fault> =
        Err(Fault { cause: Cause::BacklogFull, detail: String::new(), header: None, upstream: None });

    #[test]
    fn a_backlog_that_overflowed_limits_until_connections_are_taken() {
        let endpoint = endpoint();
        (0..3).for_each(|_| assert!(endpoint.try_begin(usize::MAX)));
        endpoint.note_connect(&FULL);
        endpoint.end();
        assert!(!endpoint.try_begin(usize::MAX), "two are at work, and there was no room for a third");
        endpoint.note_connect(&Ok(()));
        assert!(endpoint.try_begin(usize::MAX));
    }

    #[test]
    fn whoever_is_alone_with_a_full_backlog_may_try_again() {
        let endpoint = endpoint();
        assert!(endpoint.try_begin(usize::MAX));
        endpoint.note_connect(&FULL);
        endpoint.end();
        assert!(endpoint.try_begin(usize::MAX));
    }

    #[test]
    fn many_threads_never_pass_the_limit() {
        let endpoint = endpoint();
        let most = std::sync::atomic::AtomicUsize::new(0);
        std::thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| {
                    for _ in 0..10_000 {
                        if endpoint.try_begin(3) {
                            most.fetch_max(endpoint.in_flight(), Ordering::Relaxed);
                            endpoint.end();
                        }
                    }
                });
            }
        });
        assert!(most.into_inner() <= 3);
        assert_eq!(endpoint.in_flight(), 0);
    }
}
