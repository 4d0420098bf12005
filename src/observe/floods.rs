//! Causes that come in floods: an application that is down fails every request in the same way.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use crate::http::{Cause, Side};

/// Lines about one cause that are written whole within [`WINDOW`].
const WHOLE: u32 = 10;
/// Past them there is one line about the cause in so long.
const WINDOW: Duration = Duration::from_secs(60);

/// Decides for the whole process which failures get a line of their own in the error log.
#[derive(Debug)]
pub struct Floods([Mutex<Flood>; Cause::ALL.len()]);

#[derive(Debug, Default)]
struct Flood {
    /// When the present window began.
    since: Option<Instant>,
    /// How many lines it may still have.
    left: u32,
    untold: u64,
    /// What was seen last of those that got no line.
    latest: String,
}

/// What was held back, told when its window is over.
#[derive(Debug, PartialEq, Eq)]
struct HeldBack {
    cause: Cause,
    /// How many failures had no line.
    more: u64,
    /// The detail of the latest of them.
    latest: String,
}

impl Default for Floods {
    fn default() -> Self {
        Self([(); Cause::ALL.len()].map(|()| Mutex::default()))
    }
}

impl Floods {
    /// Counts one failure. `Some` if it gets a line: how many had none since the line before.
    pub fn count(&self, cause: Cause, detail: &str, now: Instant) -> Option<u64> {
        let mut flood = self.of(cause)?;
        if flood.is_over(now) {
            // A flood that goes on stays at one line a window.
            let goes_on = flood.untold > 0;
            flood.since = Some(now);
            flood.left = if goes_on { 1 } else { WHOLE };
        }
        if flood.left == 0 {
            flood.untold = flood.untold.saturating_add(1);
            flood.latest.clear();
            flood.latest.push_str(detail);
            return None;
        }
        flood.left -= 1;
        Some(std::mem::take(&mut flood.untold))
    }

    /// Tells of floods that may have ended. To be called now and then.
    pub fn tell_ended(&self, now: Instant) {
        self.held_back(|flood| flood.is_over(now), now).iter().for_each(HeldBack::tell);
    }

    /// Tells everything that has not been told, at the end of the process.
    pub fn tell_all(&self, now: Instant) {
        self.held_back(|_| true, now).iter().for_each(HeldBack::tell);
    }

    fn held_back(&self, due: impl Fn(&Flood) -> bool, now: Instant) -> Vec<HeldBack> {
        let take = |cause: Cause| {
            let mut flood = self.of(cause).filter(|flood| flood.untold > 0 && due(flood))?;
            (flood.since, flood.left) = (Some(now), 0);
            let (more, latest) = (std::mem::take(&mut flood.untold), std::mem::take(&mut flood.latest));
            Some(HeldBack { cause, more, latest })
        };
        Cause::ALL.iter().filter_map(|cause| take(*cause)).collect()
    }

    fn of(&self, cause: Cause) -> Option<MutexGuard<'_, Flood>> {
        // Nobody panics with the lock held; if it were so, a line more or less would not matter.
        Some(self.0.get(cause as usize)?.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl HeldBack {
    fn tell(&self) {
        let (cause, remedy) = (self.cause.name(), self.cause.remedy());
        let detail = with_more(&self.latest, self.more);
        match self.cause.side() {
            Side::Client => tracing::info!(cause, remedy, "{detail}"),
            Side::Upstream | Side::Here => tracing::error!(cause, remedy, "{detail}"),
        }
    }
}

/// A line that stands for several failures.
pub fn with_more(detail: &str, more: u64) -> String {
    format!("{detail} ({more} more failures with this cause had no line of their own)")
}

impl Flood {
    fn is_over(&self, now: Instant) -> bool {
        self.since.is_none_or(|since| now.saturating_duration_since(since) >= WINDOW)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const CAUSE: Cause = Cause::ConnectRefused;

    fn at(start: Instant, seconds: u64) -> Instant {
        start + Duration::from_secs(seconds)
    }

    #[test]
    fn the_first_ten_are_told_and_then_one_a_minute() {
        let (floods, start) = (Floods::default(), Instant::now());
        let mut told = Vec::new();
        for tenth in 0..1800 {
            if let Some(more) = floods.count(CAUSE, "", start + Duration::from_millis(tenth * 100)) {
                told.push((tenth / 10, more));
            }
        }
        let first = (0..10).map(|_| (0, 0));
        assert_eq!(told, first.chain([(60, 590), (120, 599)]).collect::<Vec<_>>());
    }

    #[test]
    fn causes_do_not_silence_each_other() {
        let (floods, start) = (Floods::default(), Instant::now());
        let told = (0..100).filter_map(|_| floods.count(CAUSE, "", start));
        assert_eq!(told.count(), 10);
        assert_eq!(floods.count(Cause::SocketMissing, "", start), Some(0));
    }

    #[test]
    fn what_was_held_back_is_told_although_the_flood_has_ended() {
        let (floods, start) = (Floods::default(), Instant::now());
        for count in 0..15 {
            floods.count(CAUSE, &format!("number {count}"), start);
        }
        let ended = |floods: &Floods, seconds| {
            let now = at(start, seconds);
            floods.held_back(|flood| flood.is_over(now), now)
        };
        assert_eq!(ended(&floods, 59), []);
        let held = HeldBack { cause: CAUSE, more: 5, latest: "number 14".into() };
        assert_eq!(ended(&floods, 60), [held]);
        assert_eq!(ended(&floods, 61), []);
        // Long after, the next flood is told as the first one was.
        assert_eq!(floods.count(CAUSE, "", at(start, 500)), Some(0));
        assert_eq!(floods.count(CAUSE, "", at(start, 500)), Some(0));
    }

    #[test]
    fn what_was_held_back_is_told_by_the_next_line_or_at_the_end() {
        let (floods, start) = (Floods::default(), Instant::now());
        let told = (0..13).filter_map(|_| floods.count(CAUSE, "", start));
        assert_eq!(told.count(), 10);
        assert_eq!(floods.count(CAUSE, "", at(start, 600)), Some(3));
        assert_eq!(floods.count(CAUSE, "last", at(start, 601)), None);
        let all = floods.held_back(|_| true, at(start, 602));
        assert_eq!(all, [HeldBack { cause: CAUSE, more: 1, latest: "last".into() }]);
    }
}
