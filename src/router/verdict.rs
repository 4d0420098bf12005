//! Why a location takes a path, and why each other one does not: the search of [`super::location`], told.

use bytes::Bytes;

use super::location::Locations;

/// What became of one location in a search. Others are told by their index within the site.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    Wins,
    /// The path is another, or begins otherwise, or the expression does not match it.
    Differs,
    /// `@name`: no path leads to it.
    Named,
    /// A prefix that matches, but that one is longer.
    Shorter(usize),
    /// It matches, but an exact location comes before.
    BehindExact(usize),
    /// A prefix, the longest, but that expression matches.
    BehindExpression(usize),
    /// An expression that matches, but that one stands before it.
    Later(usize),
    /// An expression that was not tried, as that one ended the search: exact, or the longest prefix with `^~`.
    Untried(usize),
}

impl<T> Locations<T> {
    /// The verdict on each location, in their order.
    pub fn verdicts(&self, path: &Bytes) -> Vec<Verdict> {
        let mut verdicts = vec![Verdict::Named; self.targets.len()];
        let mut decide = |index: usize, verdict| {
            if let Some(place) = verdicts.get_mut(index) {
                *place = verdict;
            }
        };
        let found = self.find(path).map(|found| found.index);
        for (exact, index) in &self.exact {
            decide(*index, if **exact == **path { Verdict::Wins } else { Verdict::Differs });
        }
        let exact = self.exact.get(&**path).copied();
        let longest = self.prefixes.longest(path);
        for prefix in self.prefixes.iter().filter(|prefix| found != Some(prefix.index)) {
            decide(
                prefix.index,
                match (longest, exact, found) {
                    _ if !path.starts_with(&prefix.path) => Verdict::Differs,
                    (Some(longest), ..) if longest.index != prefix.index => Verdict::Shorter(longest.index),
                    (_, Some(exact), _) => Verdict::BehindExact(exact),
                    (_, None, Some(expression)) => Verdict::BehindExpression(expression),
                    // Nothing else keeps the longest prefix from winning.
                    (_, None, None) => Verdict::Differs,
                },
            );
        }
        let ended = exact.or_else(|| longest.filter(|prefix| prefix.is_final).map(|prefix| prefix.index));
        for expression in &self.expressions {
            decide(
                expression.index,
                match (ended, found) {
                    (Some(index), _) => Verdict::Untried(index),
                    (None, Some(winner)) if expression.regex.is_match(path) => Verdict::Later(winner),
                    (None, _) => Verdict::Differs,
                },
            );
        }
        if let Some(index) = found {
            decide(index, Verdict::Wins);
        }
        verdicts
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::LocationPattern;
    use super::Verdict::{BehindExact, BehindExpression, Differs, Later, Named, Shorter, Untried, Wins};
    use super::*;

    const PATTERNS: &[&str] = &[
        "/", "= /", "/a", "= /a", "^~ /b/", "/b/c", "/a/", "~ a$", "~* ^/A", "~ ^/b/", "@name", "= /b/c",
        "^~ /a/b", "~ c",
    ];

    fn site(patterns: &[&str]) -> Locations<()> {
        Locations::new(patterns.iter().map(|text| (text.parse::<LocationPattern>().unwrap(), ())).collect())
    }

    #[test]
    fn each_loser_is_told_by_whom_it_was_beaten() {
        let site = site(&["/", "/a", "^~ /b/", "~ x$", "~ /a/x", "= /a/x", "@app"]);
        let verdicts = |path: &'static str| site.verdicts(&Bytes::from_static(path.as_bytes()));
        for (path, expected) in [
            ("/a/x", [Shorter(1), BehindExact(5), Differs, Untried(5), Untried(5), Wins, Named]),
            ("/a/xx", [Shorter(1), BehindExpression(3), Differs, Wins, Later(3), Differs, Named]),
            ("/b/x", [Shorter(2), Differs, Wins, Untried(2), Untried(2), Differs, Named]),
            ("/c", [Wins, Differs, Differs, Differs, Differs, Differs, Named]),
            ("c", [Differs, Differs, Differs, Differs, Differs, Differs, Named]),
        ] {
            assert_eq!(verdicts(path), expected, "{path}");
        }
    }

    proptest! {
        /// The search itself is the witness: it finds the winner, finds none of those that differ where they
        /// are alone, and each of the others where nobody beats it.
        #[test]
        fn verdicts_tell_what_the_search_does(
            patterns in proptest::sample::subsequence(PATTERNS, 0..PATTERNS.len()).prop_shuffle(),
            path in "/?[abc/A]{0,5}",
        ) {
            let all = site(&patterns);
            let path = Bytes::from(path);
            let verdicts = all.verdicts(&path);
            prop_assert_eq!(verdicts.len(), patterns.len());
            let winners: Vec<usize> =
                (0..patterns.len()).filter(|index| verdicts[*index] == Wins).collect();
            prop_assert_eq!(winners.first().copied(), all.find(&path).map(|found| found.index));
            prop_assert!(winners.len() <= 1);
            for (pattern, verdict) in patterns.iter().zip(&verdicts) {
                let alone = site(&[pattern]).find(&path).is_some();
                let beaten_by = match verdict {
                    Untried(_) => continue,
                    Wins => None,
                    Differs | Named => {
                        prop_assert!(!alone, "{pattern} matches {path:?}");
                        continue;
                    }
                    Shorter(by) | BehindExact(by) | BehindExpression(by)
                    | Later(by) => Some(*by),
                };
                prop_assert!(alone, "{pattern} does not match {path:?}");
                if let Some(by) = beaten_by {
                    let two = site(&[patterns[by], pattern]);
                    prop_assert_eq!(two.find(&path).map(|found| found.index), Some(0));
                }
            }
        }
    }
}
