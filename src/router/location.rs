//! Which location takes a path, by nginx's order: the exact one; else the longest prefix, which wins
//! at once if it is `^~`; else the first regular expression in the order of the file; else that prefix.

use std::collections::HashMap;

use bytes::Bytes;
use regex::bytes::Regex;

use super::LocationPattern;
use crate::http::{Captures, GroupNames};

/// The locations of one site.
#[derive(Clone, Debug)]
pub struct Locations<T> {
    /// In the order of the file.
    pub(super) targets: Vec<T>,
    pub(super) exact: HashMap<Box<[u8]>, usize>,
    pub(super) prefixes: Prefixes,
    pub(super) expressions: Vec<Expression>,
}

/// A location and how the path led to it.
#[derive(Debug, PartialEq, Eq)]
pub struct Found<'a, T> {
    /// The location's place within its site.
    pub index: usize,
    pub target: &'a T,
    /// How much of the path the pattern stands for, which nginx's `alias` strips: nothing for
    /// regular expressions.
    pub matched: usize,
    pub captures: Captures,
}

#[derive(Clone, Debug)]
pub(super) struct Expression {
    pub regex: Regex,
    names: Option<GroupNames>,
    pub index: usize,
}

impl<T> Locations<T> {
    /// Of locations that are alike the first counts.
    pub fn new(locations: Vec<(LocationPattern, T)>) -> Self {
        let mut exact = HashMap::new();
        let mut prefixes = Vec::new();
        let mut expressions = Vec::new();
        let mut targets = Vec::with_capacity(locations.len());
        for (index, (pattern, target)) in locations.into_iter().enumerate() {
            targets.push(target);
            match pattern {
                LocationPattern::Exact(path) => {
                    exact.entry(path.into_bytes().into()).or_insert(index);
                }
                LocationPattern::Prefix(path) => prefixes.push(Prefix::new(path, false, index)),
                LocationPattern::PrefixFinal(path) => prefixes.push(Prefix::new(path, true, index)),
                LocationPattern::Regex { regex, .. } => {
                    expressions.push(Expression { names: Captures::names_of(&regex), regex, index });
                }
                LocationPattern::Named(_) => {}
            }
        }
        Self { targets, exact, prefixes: Prefixes::new(prefixes), expressions }
    }

    /// The location for a normalised path.
    pub fn find(&self, path: &Bytes) -> Option<Found<'_, T>> {
        if let Some(index) = self.exact.get(&**path) {
            return self.found(*index, path.len(), Captures::default());
        }
        let prefix = self.prefixes.longest(path);
        if !prefix.is_some_and(|prefix| prefix.is_final)
            && let Some((index, captures)) = self.expressions.iter().find_map(|one| one.find(path))
        {
            return self.found(index, 0, captures);
        }
        prefix.and_then(|prefix| self.found(prefix.index, prefix.path.len(), Captures::default()))
    }

    /// A location by its place, for `@name`.
    pub fn get(&self, index: usize) -> Option<&T> {
        self.targets.get(index)
    }

    fn found(&self, index: usize, matched: usize, captures: Captures) -> Option<Found<'_, T>> {
        Some(Found { index, target: self.targets.get(index)?, matched, captures })
    }
}

impl Expression {
    fn find(&self, path: &Bytes) -> Option<(usize, Captures)> {
        let captures = Captures::with_names(&self.regex, &self.names, path)?;
        Some((self.index, captures))
    }
}

#[derive(Clone, Debug)]
pub(super) struct Prefix {
    pub path: Box<[u8]>,
    /// `^~`
    pub is_final: bool,
    pub index: usize,
    /// The place of the longest other prefix that begins this one.
    parent: Option<usize>,
}

impl Prefix {
    fn new(path: String, is_final: bool, index: usize) -> Self {
        Self { path: path.into_bytes().into(), is_final, index, parent: None }
    }
}

/// Sorted by bytes, with links to what begins them.
#[derive(Clone, Debug)]
pub(super) struct Prefixes(Box<[Prefix]>);

impl Prefixes {
    fn new(mut sorted: Vec<Prefix>) -> Self {
        // Stable, so that the first of equal ones stays.
        sorted.sort_by(|a, b| a.path.cmp(&b.path));
        sorted.dedup_by(|later, first| later.path == first.path);
        let mut open: Vec<(usize, Box<[u8]>)> = Vec::new();
        for (place, prefix) in sorted.iter_mut().enumerate() {
            while open.pop_if(|(_, path)| !prefix.path.starts_with(path)).is_some() {}
            prefix.parent = open.last().map(|(place, _)| *place);
            open.push((place, prefix.path.clone()));
        }
        Self(sorted.into())
    }

    pub fn iter(&self) -> std::slice::Iter<'_, Prefix> {
        self.0.iter()
    }

    /// What sorts between a prefix of the path and the path begins with that prefix as well. So the
    /// last entry not above the path, or one of those that begin it, is the longest prefix.
    pub fn longest(&self, path: &[u8]) -> Option<&Prefix> {
        let above = self.0.partition_point(|prefix| *prefix.path <= *path);
        let mut candidate = self.0.get(above.checked_sub(1)?)?;
        while !path.starts_with(&candidate.path) {
            candidate = self.0.get(candidate.parent?)?;
        }
        Some(candidate)
    }
}
