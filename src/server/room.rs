//! How many client connections there may be at once, all event loops together.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Instant;

use tokio::sync::Notify;
use tokio::sync::futures::Notified;

use crate::net::ClientAddr;
use crate::observe::Seldom;

/// Room for connections. It is counted by one atomic, twice in the life of each.
#[derive(Debug)]
pub struct Room {
    most: AtomicUsize,
    taken: AtomicUsize,
    /// Of those, how many have been asked to leave, and have not yet.
    leaving: AtomicUsize,
    /// The machine has no memory to spare.
    short_of_memory: AtomicBool,
    /// Told when an event loop has no idle connection that could make room.
    plea: Notify,
    crowded: Seldom,
    refused: Seldom,
    exhausted: Seldom,
    flooded: Seldom,
}

/// One connection's place. It is free again with the end of this value.
#[derive(Debug)]
pub(super) struct Place(Arc<Room>);

/// A sixteenth of the places is kept free by ending idle connections, as nginx does.
const SPARE: usize = 16;

impl Room {
    pub fn new(most: usize) -> Self {
        Self {
            most: AtomicUsize::new(most),
            taken: AtomicUsize::new(0),
            leaving: AtomicUsize::new(0),
            short_of_memory: AtomicBool::new(false),
            plea: Notify::new(),
            crowded: Seldom::default(),
            refused: Seldom::default(),
            exhausted: Seldom::default(),
            flooded: Seldom::default(),
        }
    }

    /// From now on; nobody who is in is turned out.
    pub fn set_most(&self, most: usize) {
        self.most.store(most, Ordering::Relaxed);
    }

    pub fn most(&self) -> usize {
        self.most.load(Ordering::Relaxed)
    }

    /// Whether new connections are refused for want of memory.
    pub fn set_short_of_memory(&self, short: bool) {
        self.short_of_memory.store(short, Ordering::Relaxed);
    }

    /// A place, if there is one.
    pub(super) fn enter(self: &Arc<Self>) -> Option<Place> {
        if self.short_of_memory.load(Ordering::Relaxed) {
            return None;
        }
        let taken = self.taken.fetch_add(1, Ordering::Relaxed);
        let place = Place(Arc::clone(self));
        (taken < self.most()).then_some(place)
    }

    /// How many idle connections are to make room, beyond those that have been asked to.
    pub(super) fn excess(&self) -> usize {
        if self.short_of_memory.load(Ordering::Relaxed) {
            return usize::MAX;
        }
        let most = self.most();
        let staying = self.taken.load(Ordering::Relaxed).saturating_sub(self.leaving.load(Ordering::Relaxed));
        (staying + 1).saturating_sub(most - most / SPARE)
    }

    /// So many have been asked to leave.
    pub(super) fn asked(&self, count: usize) {
        self.leaving.fetch_add(count, Ordering::Relaxed);
        if count > 0
            && let Some(count) = self.crowded.count(Instant::now())
        {
            let remedy = "raise `max_connections` of `[server]`, or lower `keep_alive` of `[timeouts]`";
            let most = self.most();
            tracing::warn!(
                count,
                remedy,
                "nearly every place of {most} for connections is in use: those that are idle for longest are ended"
            );
        }
    }

    /// One that was asked to is about to, or has something to do again.
    pub(super) fn left(&self) {
        self.leaving.fetch_sub(1, Ordering::Relaxed);
    }

    /// Asks all event loops to end idle connections.
    pub(super) fn plead(&self) {
        self.plea.notify_waiters();
    }

    /// Ready when another event loop asks for room.
    pub(super) fn pleas(&self) -> Notified<'_> {
        self.plea.notified()
    }

    /// Tells, now and then, that connections were refused. Who sees to memory tells of that.
    pub(super) fn tell_refused(&self) {
        if self.short_of_memory.load(Ordering::Relaxed) {
            return;
        }
        if let Some(count) = self.refused.count(Instant::now()) {
            let remedy = "raise `max_connections` of `[server]`, and with it the limit of open files \
                          (ulimit -n, LimitNOFILE=)";
            let most = self.most();
            tracing::error!(
                count,
                remedy,
                "all {most} connections are taken and at work: new ones are refused by 503"
            );
        }
    }

    /// Tells, now and then, that clients ask for more than they take.
    pub(super) fn tell_flooded(&self, client: &ClientAddr) {
        if let Some(count) = self.flooded.count(Instant::now()) {
            let remedy = "nothing to do here if it is an attack, of which the client's address may be blocked by a \
                          firewall; else its HTTP/2 is faulty";
            tracing::warn!(
                count,
                remedy,
                "HTTP/2 connections of {client} and others were ended: they sent too many frames that ask for \
                 nothing"
            );
        }
    }

    /// Tells, now and then, that the kernel gives no connection.
    pub(super) fn tell_exhausted(&self, error: &std::io::Error) {
        if let Some(count) = self.exhausted.count(Instant::now()) {
            let remedy =
                "raise the limit of open files (ulimit -n, LimitNOFILE=), or lower `max_connections`";
            tracing::error!(
                count,
                remedy,
                "cannot accept: {error}; idle connections are ended, new ones refused or left waiting"
            );
        }
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.0.taken.fetch_sub(1, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn there_are_so_many_places_and_no_more() {
        let room = Arc::new(Room::new(2));
        let places = [room.enter(), room.enter()];
        assert!(places.iter().all(Option::is_some));
        assert!(room.enter().is_none() && room.enter().is_none());
        drop(places);
        assert!(room.enter().is_some());
    }

    #[test]
    fn without_memory_nobody_comes_in() {
        let room = Arc::new(Room::new(100));
        room.set_short_of_memory(true);
        assert!(room.enter().is_none() && room.excess() > 0);
        room.set_short_of_memory(false);
        assert!(room.enter().is_some() && room.excess() == 0);
    }

    #[test]
    fn a_sixteenth_is_kept_free() {
        let room = Arc::new(Room::new(32));
        let mut places: Vec<_> = (0..29).map(|_| room.enter()).collect();
        assert_eq!(room.excess(), 0);
        places.push(room.enter());
        assert_eq!(room.excess(), 1);
        room.asked(1);
        assert_eq!(room.excess(), 0, "it is on its way out");
        room.left();
        drop(places.pop());
        assert_eq!(room.excess(), 0);
    }
}
