//! `hsts`: what browsers are to remember.

use std::time::Duration;

use crate::config::model::Hsts;
use crate::config::node::{At, Either};
use crate::config::raw;
use crate::config::report::{Problem, Report};
use crate::config::validate::scalar::{self, YEAR};

const DEFAULT: Hsts = Hsts { max_age: YEAR, subdomains: false, preload: false };

/// Longer than any browser is kept.
const LONGEST: Duration = Duration::from_hours(10 * 365 * 24);

pub fn hsts(at: &At<Either<bool, raw::Hsts>>, report: &mut Report) -> Option<Hsts> {
    let raw = match &at.value {
        Either::A(on) => return on.then_some(DEFAULT),
        Either::B(raw) => raw,
    };
    let range = Duration::ZERO..=LONGEST;
    let hsts = Hsts {
        max_age: scalar::duration("max_age", raw.max_age.as_ref(), range, DEFAULT.max_age, report),
        subdomains: raw.subdomains.as_ref().is_some_and(|at| at.value),
        preload: raw.preload.as_ref().is_some_and(|at| at.value),
    };
    if let Some(preload) = raw.preload.as_ref().filter(|at| at.value) {
        refuse_early_preload(preload, hsts, report);
    }
    Some(hsts)
}

/// The list that browsers come with takes only who promises as much (hstspreload.org).
fn refuse_early_preload(at: &At<bool>, hsts: Hsts, report: &mut Report) {
    let help = "browsers' list takes nobody who does not ask for as much";
    if hsts.max_age < YEAR {
        let message = "`preload` needs a `max_age` of one year at least";
        report.push(Problem::error(at.key, message).help(help));
    }
    if !hsts.subdomains {
        let message = "`preload` needs `subdomains = true`";
        report.push(Problem::error(at.key, message).help(help).absent());
    }
}
