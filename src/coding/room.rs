//! The memory that encoders at work may hold on one event loop, and the turns they take.

use std::cell::Cell;

use super::{Coding, Levels};

/// Bodies that would need more than this together are sent as they are: a thousand slow clients must not hold
/// gigabytes.
const MOST: usize = 128 << 20;

thread_local! {
    static HELD: Cell<usize> = const { Cell::new(0) };
    static AT_WORK: Cell<usize> = const { Cell::new(0) };
}

/// What one encoder holds, until it is dropped.
#[derive(Debug)]
pub(super) struct Room(usize);

impl Room {
    pub fn take(coding: Coding, levels: &Levels) -> Self {
        let size = size(coding, levels);
        HELD.set(HELD.get().saturating_add(size));
        AT_WORK.set(AT_WORK.get().saturating_add(1));
        Self(size)
    }
}

impl Drop for Room {
    fn drop(&mut self) {
        HELD.set(HELD.get().saturating_sub(self.0));
        AT_WORK.set(AT_WORK.get().saturating_sub(1));
    }
}

pub(super) fn is_there(coding: Coding, levels: &Levels) -> bool {
    HELD.get().saturating_add(size(coding, levels)) <= MOST
}

/// What of `turn` each encoder gets when it shares it with those at work, and `least` in any case.
pub(super) fn share(turn: usize, least: usize) -> usize {
    (turn / AT_WORK.get().max(1)).max(least)
}

/// Measured over 100 encoders of each; see [`super::Encoder`].
const fn size(coding: Coding, levels: &Levels) -> usize {
    match coding {
        Coding::Gzip => 512 << 10,
        Coding::Zstd if levels.zstd <= 4 => 1536 << 10,
        Coding::Zstd => 3 << 20,
        Coding::Brotli if levels.brotli <= 4 => 2560 << 10,
        Coding::Brotli => 6 << 20,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn encoders_take_their_room_and_give_it_back() {
        let levels = Levels::default();
        let mut taken = Vec::new();
        while is_there(Coding::Brotli, &levels) {
            taken.push(Room::take(Coding::Brotli, &levels));
        }
        assert_eq!(taken.len(), 51);
        taken.pop();
        assert!(is_there(Coding::Brotli, &levels) && is_there(Coding::Gzip, &levels));
        drop(taken);
        assert_eq!((HELD.get(), AT_WORK.get()), (0, 0));
    }

    #[test]
    fn turns_get_shorter_the_more_there_are() {
        let levels = Levels::default();
        assert_eq!(share(64, 16), 64);
        let _two = [(); 2].map(|()| Room::take(Coding::Gzip, &levels));
        assert_eq!(share(64, 16), 32);
        let _many = [(); 20].map(|()| Room::take(Coding::Gzip, &levels));
        assert_eq!(share(64, 16), 16);
    }
}
