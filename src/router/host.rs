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
        exact.or_else(|| self.by_suffix(host)).or_else(|| self.by_prefix(host)).or(self.default)
    }

    /// From the first dot to the last, so the longest suffix is met first.
    fn by_suffix(&self, host: &[u8]) -> Option<usize> {
        if self.suffixes.is_empty() {
            return None;
        }
        let mut dots = memchr::memchr_iter(b'.', host).filter(|dot| *dot > 0);
        dots.find_map(|dot| self.suffixes.get(host.get(dot..)?)).copied()
    }

    /// From the last dot to the first, so the longest prefix is met first.
    fn by_prefix(&self, host: &[u8]) -> Option<usize> {
        if self.prefixes.is_empty() {
            return None;
        }
        let mut dots = memchr::memrchr_iter(b'.', host).filter(|dot| dot + 1 < host.len());
        dots.find_map(|dot| self.prefixes.get(host.get(..=dot)?)).copied()
    }
}
