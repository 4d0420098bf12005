//! Health checks from one configuration to the next.

use std::sync::Arc;

use crate::runtime::Snapshot;
use crate::upstream::{Upstream, Watch};

/// Checks under way, of each upstream that has them. Lives on the control thread, whose runtime is local.
#[derive(Debug, Default)]
pub(super) struct Checks(Vec<(Arc<Upstream>, Watch)>);

impl Checks {
    /// Goes on with the checks of upstreams that are as before, and begins anew with the others.
    pub fn follow(&mut self, snapshot: &Snapshot) {
        let mut former = std::mem::take(&mut self.0);
        for (upstream, health) in snapshot.watched() {
            let known = former.iter().position(|(known, _)| Arc::ptr_eq(known, upstream));
            let watch = match known {
                Some(index) => former.swap_remove(index).1,
                None => Watch::start([(Arc::clone(upstream), health)]),
            };
            self.0.push((Arc::clone(upstream), watch));
        }
    }

    /// Ends them all.
    pub fn stop(&mut self) {
        self.0.clear();
    }
}
