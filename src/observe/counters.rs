//! What is counted of all requests. Each event loop counts for itself; who reads adds up.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::SystemTime;

use crate::http::Cause;

/// Counts of the whole process, kept for as long as it runs.
#[derive(Debug)]
pub struct Counters {
    started: SystemTime,
    shards: Mutex<Vec<Arc<Shard>>>,
}

/// One event loop's share. Nobody else writes to it, so that counting is an addition, without a lock on the
/// bus.
#[derive(Debug)]
pub struct Shard {
    /// Answers by the first digit of their status, from 1.
    classes: [AtomicU64; 5],
    bytes_sent: AtomicU64,
    connections: AtomicU64,
    refused: AtomicU64,
    /// In the order of [`Handshake`].
    handshakes: [AtomicU64; 3],
    causes: [AtomicU64; Cause::ALL.len()],
}

/// How a client's attempt to agree on keys ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Handshake {
    Full,
    /// With the keys of an earlier connection.
    Resumed,
    Failed,
}

impl Handshake {
    pub const ALL: [Self; 3] = [Self::Full, Self::Resumed, Self::Failed];

    pub const fn name(self) -> &'static str {
        match self {
            Self::Full => "full",
            Self::Resumed => "resumed",
            Self::Failed => "failed",
        }
    }
}

/// What was counted up to now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Counts {
    /// Requests by the first digit of their status, from 1.
    pub classes: [u64; 5],
    /// Heads and bodies of answers.
    pub bytes_sent: u64,
    /// Of clients, open now.
    pub connections: u64,
    /// Connections that there was no room for.
    pub refused: u64,
    /// In the order of [`Handshake`].
    pub handshakes: [u64; 3],
    causes: [u64; Cause::ALL.len()],
}

impl Default for Counters {
    fn default() -> Self {
        Self { started: SystemTime::now(), shards: Mutex::default() }
    }
}

impl Counters {
    /// Since when there are counts.
    pub fn started(&self) -> SystemTime {
        self.started
    }

    /// For one event loop.
    pub fn shard(&self) -> Arc<Shard> {
        let shard = Arc::new(Shard {
            classes: Default::default(),
            bytes_sent: AtomicU64::new(0),
            connections: AtomicU64::new(0),
            refused: AtomicU64::new(0),
            handshakes: Default::default(),
            causes: [const { AtomicU64::new(0) }; Cause::ALL.len()],
        });
        // Nobody panics with the lock held; if it were so, the list would still be whole.
        self.shards.lock().unwrap_or_else(PoisonError::into_inner).push(Arc::clone(&shard));
        shard
    }

    /// The sum over all event loops.
    pub fn read(&self) -> Counts {
        let mut sum = Counts {
            classes: [0; 5],
            bytes_sent: 0,
            connections: 0,
            refused: 0,
            handshakes: [0; 3],
            causes: [0; Cause::ALL.len()],
        };
        for shard in self.shards.lock().unwrap_or_else(PoisonError::into_inner).iter() {
            sum_up(&mut sum.classes, &shard.classes);
            sum_up(&mut sum.causes, &shard.causes);
            sum_up(&mut sum.handshakes, &shard.handshakes);
            sum.bytes_sent += shard.bytes_sent.load(Ordering::Relaxed);
            sum.connections += shard.connections.load(Ordering::Relaxed);
            sum.refused += shard.refused.load(Ordering::Relaxed);
        }
        sum
    }
}

/// For the only writer; readers see one value or the other.
fn add(count: &AtomicU64, more: u64) {
    count.store(count.load(Ordering::Relaxed).wrapping_add(more), Ordering::Relaxed);
}

fn sum_up(sums: &mut [u64], counts: &[AtomicU64]) {
    for (sum, count) in sums.iter_mut().zip(counts) {
        *sum += count.load(Ordering::Relaxed);
    }
}

impl Shard {
    /// A client has connected.
    pub fn connected(&self) {
        add(&self.connections, 1);
    }

    pub fn disconnected(&self) {
        let connections = self.connections.load(Ordering::Relaxed);
        self.connections.store(connections.saturating_sub(1), Ordering::Relaxed);
    }

    /// A client has connected for whom there was no room.
    pub fn refused(&self) {
        add(&self.refused, 1);
    }

    /// A client has come over TLS, or has not come in.
    pub fn handshake(&self, handshake: Handshake) {
        if let Some(count) = self.handshakes.get(handshake as usize) {
            add(count, 1);
        }
    }

    /// One request is over.
    pub fn request(&self, status: u16, bytes: u64, cause: Option<Cause>) {
        let class = usize::from(status / 100).wrapping_sub(1);
        if let Some(class) = self.classes.get(class) {
            add(class, 1);
        }
        add(&self.bytes_sent, bytes);
        if let Some(count) = cause.and_then(|cause| self.causes.get(cause as usize)) {
            add(count, 1);
        }
    }
}

impl Counts {
    /// How many requests ended so.
    pub fn of(&self, cause: Cause) -> u64 {
        self.causes.get(cause as usize).copied().unwrap_or_default()
    }

    pub fn requests(&self) -> u64 {
        self.classes.iter().sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_cause_has_a_place_of_its_own() {
        for (index, cause) in Cause::ALL.iter().enumerate() {
            assert_eq!(*cause as usize, index);
        }
    }

    #[test]
    fn event_loops_are_added_up() {
        let counters = Counters::default();
        let shards = [counters.shard(), counters.shard()];
        shards[0].request(200, 100, None);
        shards[1].request(204, 50, None);
        shards[1].request(502, 10, Some(Cause::SocketMissing));
        shards[0].request(499, 0, Some(Cause::ClientLeft));
        shards[0].request(0, 0, None);
        shards[0].connected();
        shards[1].connected();
        shards[1].connected();
        shards[0].disconnected();
        let counts = counters.read();
        assert_eq!(counts.classes, [0, 2, 0, 1, 1]);
        assert_eq!((counts.requests(), counts.bytes_sent, counts.connections), (4, 160, 2));
        assert_eq!(counts.of(Cause::SocketMissing), 1);
        assert_eq!(counts.of(Cause::ConnectRefused), 0);
    }
}
