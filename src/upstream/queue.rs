//! Where requests wait while every server has as many as it may.
//!
//! One queue per upstream for all event loops, in the order in which the requests began to wait. Nobody
//! polls: whoever leaves a server gives its place to the first who can use it. A request that is given up
//! leaves the queue by being dropped, and hands on a place it was given meanwhile. An upstream that is changed
//! by a reload keeps its queue: who waits in it goes on, for the servers there were when the request came.

use std::collections::BTreeMap;
use std::ops::Bound;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use smallvec::SmallVec;
use tokio::sync::oneshot;
use tokio::time::{Instant, sleep_until};

use super::Upstream;
use super::claim::Claim;
use super::turn::{Turn, Wanted};

/// By when a request began to wait, and its number among those of the same instant.
type Rank = (Instant, u64);

#[derive(Debug)]
pub(super) struct Queue {
    /// Of all who wait, those included who wait for a server to come back.
    places: Arc<Places>,
    /// Those in `waiters`, to be read without the lock.
    waiting: AtomicUsize,
    waiters: Mutex<BTreeMap<Rank, Waiter>>,
    numbers: AtomicU64,
}

#[derive(Debug)]
struct Waiter {
    /// As it was configured when the request came.
    upstream: Arc<Upstream>,
    tried: SmallVec<[usize; 4]>,
    key: Bytes,
    grant: oneshot::Sender<Claim>,
}

#[derive(Debug, Default)]
struct Places {
    taken: AtomicUsize,
    /// How many were given back, and how long they had been taken for, all together.
    given_back: AtomicU64,
    microseconds: AtomicU64,
}

/// One of the queue's places; a request keeps it for as long as it waits, whatever for.
#[derive(Debug)]
pub struct Place {
    places: Arc<Places>,
    since: Instant,
}

impl Place {
    pub fn waited(&self) -> Duration {
        self.since.elapsed()
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let Places { taken, given_back, microseconds } = &*self.places;
        let waited = u64::try_from(self.waited().as_micros()).unwrap_or(u64::MAX);
        taken.fetch_sub(1, Ordering::Relaxed);
        given_back.fetch_add(1, Ordering::Relaxed);
        microseconds.fetch_add(waited, Ordering::Relaxed);
    }
}

impl Queue {
    pub(super) fn new() -> Self {
        Self {
            places: Arc::default(),
            waiting: AtomicUsize::new(0),
            waiters: Mutex::default(),
            numbers: AtomicU64::new(0),
        }
    }

    /// `None` when `most` wait, or more.
    pub(super) fn place(&self, most: usize) -> Option<Place> {
        let one_more = |count: usize| (count < most).then(|| count + 1);
        let taken = self.places.taken.fetch_update(Ordering::Relaxed, Ordering::Relaxed, one_more);
        taken.ok().map(|_| Place { places: Arc::clone(&self.places), since: Instant::now() })
    }

    /// How many wait.
    pub(super) fn len(&self) -> usize {
        self.places.taken.load(Ordering::Relaxed)
    }

    /// How many have waited, and how long all together.
    pub(super) fn waits(&self) -> (u64, Duration) {
        let Places { given_back, microseconds, .. } = &*self.places;
        let time = Duration::from_micros(microseconds.load(Ordering::Relaxed));
        (given_back.load(Ordering::Relaxed), time)
    }

    /// Whether anyone waits for a busy server. The order against the count of a server's requests decides
    /// whether either side sees the other.
    pub(super) fn has_waiters(&self) -> bool {
        self.waiting.load(Ordering::SeqCst) > 0
    }

    fn lock(&self) -> Waiters<'_> {
        // A panic with the lock held leaves a map that is whole.
        Waiters { map: self.waiters.lock().unwrap_or_else(PoisonError::into_inner), waiting: &self.waiting }
    }
}

/// The locked map, whose length is told when it is let go.
struct Waiters<'a> {
    map: MutexGuard<'a, BTreeMap<Rank, Waiter>>,
    waiting: &'a AtomicUsize,
}

impl Waiters<'_> {
    fn insert(&mut self, rank: Rank, waiter: Waiter) {
        self.map.insert(rank, waiter);
        self.waiting.store(self.map.len(), Ordering::SeqCst);
    }

    fn remove(&mut self, rank: Rank) -> Option<Waiter> {
        let removed = self.map.remove(&rank);
        self.waiting.store(self.map.len(), Ordering::SeqCst);
        removed
    }

    fn behind(&self, rank: Option<Rank>) -> Option<(Rank, &Waiter)> {
        let from = rank.map_or(Bound::Unbounded, Bound::Excluded);
        self.map.range((from, Bound::Unbounded)).next().map(|(rank, waiter)| (*rank, waiter))
    }
}

impl Upstream {
    /// Gives places that are free to those who wait, first come, first served.
    pub(super) fn serve_waiters(self: &Arc<Self>) {
        if !self.queue.has_waiters() {
            return;
        }
        let mut refused = Vec::new();
        let mut waiters = self.queue.lock();
        let mut last = None;
        let mut exhausted: SmallVec<[*const Self; 2]> = SmallVec::new();
        while let Some((rank, waiter)) = waiters.behind(last) {
            last = Some(rank);
            let wanted = Wanted { tried: &waiter.tried, key: &waiter.key };
            let generation = Arc::as_ptr(&waiter.upstream);
            if exhausted.contains(&generation) {
                continue;
            }
            match waiter.upstream.turn(wanted) {
                Turn::Server(claim) => {
                    let grant = waiters.remove(rank).map(|waiter| waiter.grant.send(claim));
                    refused.extend(grant.and_then(Result::err));
                }
                // If there is nothing for one who would take anything, there is nothing for anyone who may
                // have the same servers.
                Turn::Busy if waiter.upstream.is_open_to_any(wanted) => exhausted.push(generation),
                Turn::Busy | Turn::Nobody => {}
            }
        }
        // A claim that is dropped comes back here, which it must not with the lock held.
        drop(waiters);
        drop(refused);
    }

    /// Waits for a place at any server that is wanted; `None` when there is none until `deadline`.
    ///
    /// `since` ranks the request: one that waits again keeps its rank.
    pub(super) async fn wait(
        self: &Arc<Self>,
        wanted: Wanted<'_>,
        since: Instant,
        deadline: Instant,
    ) -> Option<Claim> {
        let mut ticket = Ticket::new(self, wanted, since);
        // Between the look that found all busy and now one may have become free.
        self.serve_waiters();
        loop {
            // Nobody announces the end of an ejection.
            let look = self.next_recall().filter(|at| *at < deadline);
            tokio::select! {
                biased;
                claim = &mut ticket.grant => return claim.ok(),
                () = sleep_until(look.unwrap_or(deadline)) => {
                    look?;
                    self.serve_waiters();
                }
            }
        }
    }
}

/// A request's stay in the queue.
struct Ticket {
    upstream: Arc<Upstream>,
    rank: Rank,
    grant: oneshot::Receiver<Claim>,
}

impl Ticket {
    fn new(upstream: &Arc<Upstream>, wanted: Wanted<'_>, since: Instant) -> Self {
        let (sender, grant) = oneshot::channel();
        let rank = (since, upstream.queue.numbers.fetch_add(1, Ordering::Relaxed));
        let waiter = Waiter {
            upstream: Arc::clone(upstream),
            tried: wanted.tried.into(),
            key: Bytes::copy_from_slice(wanted.key),
            grant: sender,
        };
        upstream.queue.lock().insert(rank, waiter);
        Self { upstream: Arc::clone(upstream), rank, grant }
    }
}

impl Drop for Ticket {
    /// Out of the queue first: nobody gives a place to a receiver that is gone.
    fn drop(&mut self) {
        let removed = self.upstream.queue.lock().remove(self.rank);
        // Without the lock: it may be the last to hold its upstream.
        drop(removed);
    }
}

/// At least this long between two looks at servers that come back.
pub(super) const SHORTEST_LOOK: Duration = Duration::from_millis(50);

#[cfg(test)]
mod tests;
