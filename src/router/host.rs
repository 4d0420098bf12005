//! Which site answers for a host, by nginx's order: the exact name, the longest `*.suffix`, the
//! longest `prefix.*`, the default.

use std::collections::HashMap;

use super::HostPattern;

/// The hosts of one listener. All tables are hashed with random keys, so that no list of names makes
/// a lookup slow, and a long list takes the same way as a short one.
#[derive(Clone, Debug, Default)]
pub(super) struct Hosts {
    exact: HashMap<Box<[u8]>, usize>,
    /// By the suffix with its leading dot.
    suffixes: HashMap<Box<[u8]>, usize>,
    /// By the prefix with its closing dot.
    prefixes: HashMap<Box<[u8]>, usize>,
    default: Option<usize>,
}

impl Hosts {
    /// Adds a site; what another has already stays with it.
    pub(super) fn add(&mut self, patterns: &[HostPattern], site: usize) {
        if patterns.is_empty() {
            self.default.get_or_insert(site);
        }
        for pattern in patterns {
            let (table, name) = match pattern {
                HostPattern::Exact(name) => (&mut self.exact, name),
                HostPattern::Suffix(name) => (&mut self.suffixes, name),
                HostPattern::Prefix(name) => (&mut self.prefixes, name),
            };
            table.entry(name.as_bytes().into()).or_insert(site);
        }
    }

    pub(super) fn find(&self, host: &[u8]) -> Option<usize> {
        let exact = self.exact.get(host).copied();
        let by_suffix = || self.by_suffix(host).map(|(_, site)| site);
        let by_prefix = || self.by_prefix(host).map(|(_, site)| site);
        exact.or_else(by_suffix).or_else(by_prefix).or(self.default)
    }

    /// The site, and which of its patterns leads to it; `None` where it is the default.
    pub(super) fn explain(&self, host: &[u8]) -> Option<(usize, Option<HostPattern>)> {
        let text = |name: &[u8]| String::from_utf8_lossy(name).into_owned();
        let exact = self.exact.get(host).map(|site| (*site, Some(HostPattern::Exact(text(host)))));
        let by_suffix =
            || self.by_suffix(host).map(|(name, site)| (site, Some(HostPattern::Suffix(text(name)))));
        let by_prefix =
            || self.by_prefix(host).map(|(name, site)| (site, Some(HostPattern::Prefix(text(name)))));
        exact.or_else(by_suffix).or_else(by_prefix).or(self.default.map(|site| (site, None)))
    }

    /// From the first dot to the last, so the longest suffix is met first.
    fn by_suffix<'a>(&self, host: &'a [u8]) -> Option<(&'a [u8], usize)> {
        if self.suffixes.is_empty() {
            return None;
        }
        let mut dots = memchr::memchr_iter(b'.', host).filter(|dot| *dot > 0);
        dots.find_map(|dot| host.get(dot..).and_then(|name| Some((name, *self.suffixes.get(name)?))))
    }

    /// From the last dot to the first, so the longest prefix is met first.
    fn by_prefix<'a>(&self, host: &'a [u8]) -> Option<(&'a [u8], usize)> {
        if self.prefixes.is_empty() {
            return None;
        }
        let mut dots = memchr::memrchr_iter(b'.', host).filter(|dot| dot + 1 < host.len());
        dots.find_map(|dot| host.get(..=dot).and_then(|name| Some((name, *self.prefixes.get(name)?))))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const PATTERNS: &[&str] = &["a.b", "*.b", "*.a.b", "a.*", "a.b.*", "b", "*.c.b"];

    fn hosts(sites: &[Vec<&str>]) -> Hosts {
        let mut hosts = Hosts::default();
        for (index, patterns) in sites.iter().enumerate() {
            let patterns: Vec<HostPattern> = patterns.iter().map(|text| text.parse().unwrap()).collect();
            hosts.add(&patterns, index);
        }
        hosts
    }

    proptest! {
        /// Of the pattern that is told, its site alone has the host too.
        #[test]
        fn what_is_told_is_what_is_found(
            sites in prop::collection::vec(proptest::sample::subsequence(PATTERNS, 0..4), 0..4),
            host in "[abc](\\.[abc]){0,3}",
        ) {
            let all = hosts(&sites);
            let told = all.explain(host.as_bytes());
            prop_assert_eq!(told.as_ref().map(|(site, _)| *site), all.find(host.as_bytes()));
            if let Some((site, Some(pattern))) = told {
                let text = pattern.to_string();
                prop_assert!(sites[site].contains(&text.as_str()), "{text} of {host}");
                prop_assert_eq!(hosts(&[vec![&text]]).find(host.as_bytes()), Some(0));
            }
        }
    }
}
