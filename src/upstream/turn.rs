//! Whose turn it is: the policy's choice among the servers that can be asked at present.

use std::sync::Arc;

use smallvec::SmallVec;
use tokio::time::Instant;

use super::balance::Choice;
use super::claim::Claim;
use super::queue::SHORTEST_LOOK;
use super::standing::Fitness;
use super::{Server, Upstream};

/// What a request asks for.
#[derive(Clone, Copy, Debug)]
pub struct Wanted<'a> {
    /// Indexes of servers that were tried in vain.
    pub tried: &'a [usize],
    /// See [`Upstream::key`].
    pub key: &'a [u8],
}

/// What there is for it.
#[derive(Debug)]
pub(super) enum Turn {
    Server(Claim),
    /// Every server that could be asked has as many requests as it may.
    Busy,
    /// All have been tried.
    Nobody,
}

/// Why a server is passed over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Obstacle {
    Full,
    /// It came back lately, and others are to have this request.
    Declined,
    /// Its record.
    Unfit,
    /// Only clients that are bound to it are sent there.
    Draining,
}

type Indexes = SmallVec<[usize; 8]>;

/// The servers that are passed over, and those of them that are asked after all when nobody else is there.
#[derive(Debug, Default)]
struct Passed {
    full: bool,
    declined: Indexes,
    unfit: Indexes,
}

impl Upstream {
    /// Chooses a server and takes a place there.
    ///
    /// When none is fit, all are: their records may be wrong, and an answer of the last server is worth
    /// more than none ("panic routing"). Fullness is a fact, and draining an order.
    pub(super) fn turn(self: &Arc<Self>, wanted: Wanted<'_>) -> Turn {
        if let Some(heir) = self.heir.get() {
            return heir.turn(wanted);
        }
        let bound = self.bound(wanted.key);
        let mut passed = Passed::default();
        let mut excluded = Indexes::from_slice(wanted.tried);
        for (index, server) in self.servers.iter().enumerate() {
            let Some(obstacle) = self.obstacle(server, bound == Some(index)) else { continue };
            if wanted.tried.contains(&index) {
                continue;
            }
            if obstacle == Obstacle::Full && bound == Some(index) {
                return Turn::Busy;
            }
            excluded.push(index);
            passed.note(index, obstacle);
        }
        loop {
            let choice = Choice { servers: &self.servers, excluded: &excluded, key: wanted.key };
            let bound = bound.filter(|index| !excluded.contains(index));
            let others = || self.first.pick(&choice).or_else(|| self.backups.pick(&choice));
            if let Some(index) = bound.or_else(others) {
                if let Some(claim) = Claim::take(self, index) {
                    return Turn::Server(claim);
                }
                // Another event loop was quicker.
                excluded.push(index);
                passed.full = true;
                continue;
            }
            match passed.reconsider() {
                Some(again) => excluded.retain(|index| !again.contains(index)),
                None if passed.full => return Turn::Busy,
                None => return Turn::Nobody,
            }
        }
    }

    fn obstacle(&self, server: &Server, is_bound: bool) -> Option<Obstacle> {
        if server.drain && !is_bound {
            return Some(Obstacle::Draining);
        }
        match server.endpoint.standing.fitness(self.settings.slow_start) {
            Fitness::Unfit => Some(Obstacle::Unfit),
            Fitness::Rising(share) if !is_bound && !self.dice.falls_below(share) => Some(Obstacle::Declined),
            _ => server.endpoint.is_full(self.most_of(server)).then_some(Obstacle::Full),
        }
    }

    /// How many requests a server may have at present.
    pub(super) fn most_of(&self, server: &Server) -> usize {
        match server.endpoint.standing.fitness(self.settings.slow_start) {
            Fitness::OnTrial => 1,
            _ => server.max_conns.map_or(usize::MAX, Into::into),
        }
    }

    /// Whether any server would do.
    pub(super) fn is_open_to_any(&self, wanted: Wanted<'_>) -> bool {
        wanted.tried.is_empty() && self.bound(wanted.key).is_none()
    }

    /// When the next server that was left alone may be asked again.
    pub(super) fn next_recall(&self) -> Option<Instant> {
        if let Some(heir) = self.heir.get() {
            return heir.next_recall();
        }
        let servers = self.servers.iter().filter(|server| !server.drain);
        let ends = servers.filter_map(|server| server.endpoint.standing.ejected_until());
        ends.min().map(|end| end.max(Instant::now() + SHORTEST_LOOK))
    }
}

impl Passed {
    fn note(&mut self, index: usize, obstacle: Obstacle) {
        match obstacle {
            Obstacle::Full => self.full = true,
            Obstacle::Declined => self.declined.push(index),
            Obstacle::Unfit => self.unfit.push(index),
            Obstacle::Draining => {}
        }
    }

    /// Whom to ask after all. Whoever waits for a fit server that is full is better off than with one that
    /// is not fit.
    fn reconsider(&mut self) -> Option<Indexes> {
        let again = if self.declined.is_empty() && !self.full { &mut self.unfit } else { &mut self.declined };
        (!again.is_empty()).then(|| std::mem::take(again))
    }
}

#[cfg(test)]
mod tests;
