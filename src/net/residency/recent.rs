//! What was learned a moment ago, and will not stay true for ever.

use std::collections::HashMap;
use std::hash::Hash;
use std::time::{Duration, Instant};

/// How long it is taken to be true. The kernel drops pages when it needs memory, but hardly those first that
/// were used a moment ago.
pub const TRUSTED: Duration = Duration::from_secs(10);

#[derive(Debug)]
pub struct Recent<K, V> {
    most: usize,
    entries: HashMap<K, (V, Instant)>,
}

impl<K: Eq + Hash, V> Recent<K, V> {
    pub fn new(most: usize) -> Self {
        Self { most, entries: HashMap::new() }
    }

    /// With the time since when it is known.
    pub fn get(&self, key: &K, now: Instant) -> Option<(&V, Instant)> {
        let (value, since) = self.entries.get(key)?;
        is_fresh(*since, now).then_some((value, *since))
    }

    pub fn insert(&mut self, key: K, value: V, since: Instant, now: Instant) {
        if self.entries.len() >= self.most {
            self.make_room(now);
        }
        self.entries.insert(key, (value, since));
    }

    /// Looks through all entries, so it has to gain enough of them; else all are learned anew.
    fn make_room(&mut self, now: Instant) {
        self.entries.retain(|_, (_, since)| is_fresh(*since, now));
        if self.entries.len() > self.most / 2 {
            self.entries.clear();
        }
    }
}

fn is_fresh(since: Instant, now: Instant) -> bool {
    now.saturating_duration_since(since) < TRUSTED
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_known_expires() {
        let mut recent = Recent::new(10);
        let start = Instant::now();
        recent.insert("key", 1, start, start);
        assert_eq!(recent.get(&"key", start + TRUSTED / 2), Some((&1, start)));
        assert_eq!(recent.get(&"key", start + TRUSTED), None);
        assert_eq!(recent.get(&"other", start), None);
    }

    #[test]
    fn no_more_is_kept_than_allowed() {
        let mut recent = Recent::new(10);
        let start = Instant::now();
        for key in 0..1000 {
            recent.insert(key, (), start, start);
            assert!(recent.entries.len() <= 10);
            assert!(recent.get(&key, start).is_some());
        }
    }

    #[test]
    fn what_expired_makes_room_first() {
        let mut recent = Recent::new(10);
        let start = Instant::now();
        let later = start + TRUSTED;
        for key in 0..10 {
            recent.insert(key, (), if key < 6 { start } else { later }, start);
        }
        recent.insert(10, (), later, later);
        let kept: Vec<bool> = (0..=10).map(|key| recent.entries.contains_key(&key)).collect();
        assert_eq!(kept, [[false; 6].as_slice(), &[true; 5]].concat());
    }
}
