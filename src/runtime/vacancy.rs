//! When an upstream that is gone from the configuration is gone for its requests, too.

use std::sync::{Arc, Weak};
use std::time::Duration;

use super::Snapshot;
use crate::upstream::Upstream;

/// Nobody is told when the last one lets go.
const LOOK: Duration = Duration::from_millis(20);

/// An upstream of a configuration that is about to be replaced.
#[derive(Clone, Debug)]
pub struct Vacancy(Weak<Upstream>);

impl Vacancy {
    /// Waits for the end of the last request that may be given one of its servers.
    pub async fn wait(self) {
        while self.0.strong_count() > 0 {
            tokio::time::sleep(LOOK).await;
        }
    }
}

impl Snapshot {
    /// To be waited for once this is not in force any more.
    pub fn vacancy(&self, upstream: &str) -> Option<Vacancy> {
        let found = self.upstreams().find(|running| *running.name == *upstream);
        found.map(|running| Vacancy(Arc::downgrade(running)))
    }
}
