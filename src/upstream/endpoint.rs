//! One server of an upstream and its live state, kept across reloads.

use std::sync::atomic::{AtomicUsize, Ordering};

use crate::net::UpstreamAddr;

/// A server: where it is, and how many requests it is at work on.
#[derive(Debug)]
pub struct Endpoint {
    pub addr: UpstreamAddr,
    /// The address as logs and `$upstream_addr` have it.
    label: Box<str>,
    in_flight: AtomicUsize,
}

impl Endpoint {
    pub fn new(addr: UpstreamAddr) -> Self {
        let label = addr.to_string().into();
        Self { addr, label, in_flight: AtomicUsize::new(0) }
    }

    pub fn label(&self) -> &str {
        &self.label
    }

    /// Requests from the choice of this server to the end of the answer's body.
    pub fn in_flight(&self) -> usize {
        self.in_flight.load(Ordering::Relaxed)
    }

    pub(super) fn begin(&self) {
        self.in_flight.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn end(&self) {
        self.in_flight.fetch_sub(1, Ordering::Relaxed);
    }
}
