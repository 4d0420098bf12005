//! One server of an upstream and its live state, kept across reloads.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::Duration;

use tokio::time::Instant;

use super::latency::Latency;
use crate::net::UpstreamAddr;

/// A server: where it is, how many requests it is at work on, and how quickly it answers.
#[derive(Debug)]
pub struct Endpoint {
    pub addr: UpstreamAddr,
    /// The address as logs and `$upstream_addr` have it.
    label: Arc<str>,
    in_flight: AtomicUsize,
    /// Attempts since the start, and those it failed.
    requests: AtomicU64,
    failures: AtomicU64,
    latency: Latency,
}

impl Endpoint {
    pub fn new(addr: UpstreamAddr) -> Self {
        let label = addr.to_string().into();
        Self {
            addr,
            label,
            in_flight: AtomicUsize::new(0),
            requests: AtomicU64::new(0),
            failures: AtomicU64::new(0),
            latency: Latency::new(),
        }
    }

    pub fn label(&self) -> &str {
        &self.label
    }

    /// The same for whoever keeps it: every attempt does, until its line is written.
    pub fn shared_label(&self) -> Arc<str> {
        Arc::clone(&self.label)
    }

    /// Requests from the choice of this server to the end of the answer's body.
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

    pub(super) fn begin(&self) {
        self.in_flight.fetch_add(1, Ordering::Relaxed);
        self.requests.fetch_add(1, Ordering::Relaxed);
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
        self.latency.measured(after, Instant::now());
    }

    /// A request brought no answer, for which the server is to blame.
    pub(super) fn failed(&self) {
        self.failures.fetch_add(1, Ordering::Relaxed);
        self.latency.failed(Instant::now());
    }
}
