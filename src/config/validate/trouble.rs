//! What an upstream does when its servers are busy or fail: `queue`, `retry`, `passive`, `slow_start`.

use std::time::Duration;

use super::scalar::{self, DAY, SHORTEST};
use crate::config::model::{Passive, Queue, Retry, RetryOn, StatusSet};
use crate::config::names;
use crate::config::node::{At, List};
use crate::config::raw;
use crate::config::report::{Problem, Report};

pub const QUEUE: Queue = Queue { size: 1000, timeout: Duration::from_secs(10) };

/// Long enough for a restart of gunicorn, and what nobody else is hurt by.
pub const RETRY: Retry = Retry {
    attempts: 3,
    on: RetryOn { connect: true, closed: true, timeout: false, statuses: StatusSet::NONE },
    non_idempotent: false,
    window: Duration::from_secs(10),
    budget: 20,
};

pub const PASSIVE: Passive =
    Passive { fails: 3, window: Duration::from_secs(10), eject: Duration::from_secs(10) };

pub const SLOW_START: Duration = Duration::ZERO;

/// Each waits with its connection, which is a file descriptor.
const MAX_QUEUE: usize = 1_000_000;

/// No client waits longer, nor does a proxy before us.
const LONGEST_WAIT: Duration = Duration::from_hours(1);

const MAX_ATTEMPTS: u32 = 100;
const MAX_FAILS: u32 = 1_000_000;

/// What `retry.on` knows besides statuses.
const WORDS: &[&str] = &["connect", "closed", "timeout"];

pub fn queue(written: Option<&At<raw::Queue>>, report: &mut Report) -> Queue {
    let Some(At { value: raw, .. }) = written else { return QUEUE };
    let range = SHORTEST..=LONGEST_WAIT;
    Queue {
        size: scalar::integer("size", raw.size.as_ref(), 0..=MAX_QUEUE, QUEUE.size, report),
        timeout: scalar::duration("timeout", raw.timeout.as_ref(), range, QUEUE.timeout, report),
    }
}

pub fn retry(written: Option<&At<raw::Retry>>, report: &mut Report) -> Retry {
    let Some(At { value: raw, .. }) = written else { return RETRY };
    let range = Duration::ZERO..=LONGEST_WAIT;
    Retry {
        attempts: scalar::integer(
            "attempts",
            raw.attempts.as_ref(),
            1..=MAX_ATTEMPTS,
            RETRY.attempts,
            report,
        ),
        on: raw.on.as_ref().map_or(RETRY.on, |list| conditions(list, report)),
        non_idempotent: raw.non_idempotent.as_ref().is_some_and(|at| at.value),
        window: scalar::duration("window", raw.window.as_ref(), range, RETRY.window, report),
        budget: scalar::integer("budget", raw.budget.as_ref(), 0..=100, RETRY.budget, report),
    }
}

fn conditions(list: &At<List<String>>, report: &mut Report) -> RetryOn {
    let mut on = RetryOn::default();
    for at in &list.value {
        match at.value.as_str() {
            "connect" => on.connect = true,
            "closed" => on.closed = true,
            "timeout" => on.timeout = true,
            text => match text.parse::<StatusSet>().ok().filter(are_failures) {
                Some(statuses) => on.statuses = on.statuses.or(statuses),
                None => report.push(unknown(at)),
            },
        }
    }
    on
}

fn are_failures(statuses: &StatusSet) -> bool {
    statuses.iter().all(|status| status >= 400)
}

fn unknown(at: &At<String>) -> Problem {
    let help = "there is \"connect\", \"closed\", \"timeout\", and statuses from \"400\" to \"599\", like \"503\" or \"5xx\"";
    let near = names::did_you_mean(&at.value, WORDS.iter().copied());
    let message = format!("`on` cannot have \"{}\"", at.value);
    Problem::error(at.spot, message).help(near.unwrap_or_else(|| help.into()))
}

pub fn passive(written: Option<&At<raw::Passive>>, report: &mut Report) -> Passive {
    let Some(At { value: raw, .. }) = written else { return PASSIVE };
    let mut duration =
        |key, at: &Option<_>, default| scalar::duration(key, at.as_ref(), SHORTEST..=DAY, default, report);
    let (window, eject) =
        (duration("window", &raw.window, PASSIVE.window), duration("eject", &raw.eject, PASSIVE.eject));
    Passive {
        fails: scalar::integer("fails", raw.fails.as_ref(), 0..=MAX_FAILS, PASSIVE.fails, report),
        window,
        eject,
    }
}

pub fn slow_start(written: Option<&At<raw::Duration>>, report: &mut Report) -> Duration {
    scalar::duration("slow_start", written, Duration::ZERO..=LONGEST_WAIT, SLOW_START, report)
}
