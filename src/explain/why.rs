//! The reasons of the router, in words.

use crate::config::model::{Location, Origin};
use crate::router::{LocationPattern, Verdict};

use super::explanation::{Candidate, Written};

/// `file:line`
pub(super) fn place(origin: &Origin) -> String {
    format!("{}:{}", origin.file.display(), origin.line)
}

pub(super) fn written(location: &Location) -> Written {
    Written { r#match: location.pattern.to_string(), place: place(&location.origin) }
}

/// Every location of a site, with what became of it in a search. Those that need no search come first.
pub(super) fn candidates(locations: &[Location], verdicts: &[Verdict]) -> Vec<Candidate> {
    let told = |(location, verdict): (&Location, &Verdict)| Candidate {
        location: written(location),
        wins: *verdict == Verdict::Wins,
        why: why(location, *verdict, locations),
    };
    locations.iter().zip(verdicts).map(told).collect()
}

fn why(location: &Location, verdict: Verdict, all: &[Location]) -> String {
    let other = |index: usize| all.get(index).map(|one| one.pattern.to_string()).unwrap_or_default();
    match verdict {
        Verdict::Wins if location.internal => format!("{}, but it is internal", wins(&location.pattern)),
        Verdict::Wins => wins(&location.pattern).into(),
        Verdict::Differs => differs(&location.pattern).into(),
        Verdict::Named => "only `try`, error pages and applications lead to it".into(),
        Verdict::Shorter(by) => format!("`{}` is longer", other(by)),
        Verdict::BehindExact(by) => format!("`{}` is exact, and so comes first", other(by)),
        Verdict::BehindExpression(by) => {
            format!("it is the longest prefix, but the expression `{}` matches", other(by))
        }
        Verdict::Later(by) => format!("it matches, but `{}` stands before it", other(by)),
        Verdict::Untried(by) => format!("expressions are not tried once `{}` is found", other(by)),
    }
}

const fn wins(pattern: &LocationPattern) -> &'static str {
    match pattern {
        LocationPattern::Exact(_) => "it is the path itself",
        LocationPattern::Prefix(_) => "it is the longest prefix, and no expression matches",
        LocationPattern::PrefixFinal(_) => "it is the longest prefix, and its `^~` ends the search",
        LocationPattern::Regex { .. } => "it is the first expression that matches",
        LocationPattern::Named(_) => "it is named",
    }
}

const fn differs(pattern: &LocationPattern) -> &'static str {
    match pattern {
        LocationPattern::Exact(_) => "the path is another",
        LocationPattern::Prefix(_) | LocationPattern::PrefixFinal(_) => "the path does not begin so",
        LocationPattern::Regex { .. } => "it does not match",
        LocationPattern::Named(_) => "it is named",
    }
}
