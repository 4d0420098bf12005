//! Servers that get no more requests, until they have answered those they have.

use std::sync::Arc;
use std::time::Duration;

use crate::net::UpstreamAddr;
use crate::upstream::Endpoint;

/// Between two looks: nobody on a request's way says when a count becomes 0.
const LOOK: Duration = Duration::from_millis(20);

/// Servers in whose place others have come.
#[derive(Debug, Default)]
pub struct Left(pub(super) Vec<Arc<Endpoint>>);

impl Left {
    /// Where they are.
    pub fn addresses(&self) -> impl Iterator<Item = &UpstreamAddr> {
        self.0.iter().map(|endpoint| &endpoint.addr)
    }

    /// Returns when nothing is in flight to any of them.
    pub async fn idle(&self) {
        while self.0.iter().any(|endpoint| endpoint.in_flight() > 0) {
            tokio::time::sleep(LOOK).await;
        }
    }
}
