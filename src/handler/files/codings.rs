//! What was learnt of the codings of a file, so that it need not be found out for each request.

use std::cell::Cell;
use std::time::Instant;

use super::hot::TRUSTED;
use crate::coding::Coding;

/// What is known of compressing a file.
#[derive(Debug, Default)]
pub struct Compressing {
    turn: tokio::sync::Mutex<()>,
    dense: Cell<u8>,
}

impl Compressing {
    /// Waits for who is at it: of many that ask at once, one has it made.
    pub async fn turn(&self) -> tokio::sync::MutexGuard<'_, ()> {
        self.turn.lock().await
    }

    /// Whether that coding does not make it smaller.
    pub fn is_dense(&self, coding: Coding) -> bool {
        self.dense.get() & bit(coding) != 0
    }

    pub fn set_dense(&self, coding: Coding) {
        self.dense.set(self.dense.get() | bit(coding));
    }
}

/// Codings of which there is no twin, as of a look not longer ago than `TRUSTED`: a file that is asked for
/// often need not be looked for beside each time.
#[derive(Debug, Default)]
pub struct Absent(Cell<Option<(Instant, u8)>>);

impl Absent {
    pub fn contains(&self, coding: Coding, now: Instant) -> bool {
        self.fresh(now) & bit(coding) != 0
    }

    pub fn insert(&self, coding: Coding, now: Instant) {
        let since = self.0.get().filter(|(since, _)| is_fresh(*since, now)).map_or(now, |(since, _)| since);
        self.0.set(Some((since, self.fresh(now) | bit(coding))));
    }

    fn fresh(&self, now: Instant) -> u8 {
        self.0.get().filter(|(since, _)| is_fresh(*since, now)).map_or(0, |(_, bits)| bits)
    }
}

fn is_fresh(since: Instant, now: Instant) -> bool {
    now.saturating_duration_since(since) < TRUSTED
}

const fn bit(coding: Coding) -> u8 {
    1 << coding as u8
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn absent_twins_are_looked_for_again_after_a_second() {
        let (absent, start) = (Absent::default(), Instant::now());
        absent.insert(Coding::Gzip, start);
        absent.insert(Coding::Brotli, start + TRUSTED / 2);
        assert!(absent.contains(Coding::Gzip, start) && absent.contains(Coding::Brotli, start));
        assert!(!absent.contains(Coding::Zstd, start));
        assert!(!absent.contains(Coding::Brotli, start + TRUSTED), "the older look counts");
    }
}
