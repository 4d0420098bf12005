//! What changes from one configuration to another, in the words of the file.
//!
//! Compared is what is in effect, setting by setting as it is printed. Comments, blanks, defaults that are
//! written out, includes, and the order of sites, of paths and of an upstream's servers change nothing
//! (servers in turn may begin with another one). Regular expressions are tried in their order, so that one
//! counts.

mod certificates;
mod changes;
mod locations;
mod pairs;
mod sites;
#[cfg(test)]
mod tests;
mod upstreams;

use std::collections::BTreeSet;
use std::fmt;

use super::model::Config;
use super::report::printable;
use super::settings;
use crate::net::ListenAddr;

/// The changes, a line for each: `+` for what is new, `-` for what is gone, `~` for what is otherwise.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Diff {
    lines: Vec<String>,
}

pub fn diff(old: &Config, new: &Config) -> Diff {
    let mut diff = Diff::default();
    process_wide(old, new, &mut diff);
    listeners(old, new, &mut diff);
    sites::compare(old, new, &mut diff);
    upstreams::compare(old, new, &mut diff);
    diff
}

impl Diff {
    pub fn is_empty(&self) -> bool {
        self.lines.is_empty()
    }

    pub fn lines(&self) -> impl ExactSizeIterator<Item = &str> {
        self.lines.iter().map(String::as_str)
    }

    fn added(&mut self, what: &str) {
        self.push('+', what);
    }

    fn removed(&mut self, what: &str) {
        self.push('-', what);
    }

    fn changed(&mut self, what: &str, changes: impl IntoIterator<Item = String>) {
        for change in changes {
            self.push('~', &format!("{what}: {change}"));
        }
    }

    fn push(&mut self, sign: char, text: &str) {
        self.lines.push(format!("{sign} {}", printable(text)));
    }
}

impl fmt::Display for Diff {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.is_empty() { f.write_str("no change") } else { f.write_str(&self.lines.join("\n")) }
    }
}

fn process_wide(old: &Config, new: &Config, diff: &mut Diff) {
    let tables = settings::process_wide(old).into_iter().zip(settings::process_wide(new));
    for ((header, old), (_, new)) in tables {
        diff.changed(header, changes::changes(&old, &new));
    }
}

fn listeners(old: &Config, new: &Config, diff: &mut Diff) {
    let all = |config: &Config| -> BTreeSet<ListenAddr> {
        config.sites.iter().flat_map(|site| site.listen.iter().cloned()).collect()
    };
    let (old, new) = (all(old), all(new));
    new.difference(&old).for_each(|listen| diff.added(&format!("listener {listen}")));
    old.difference(&new).for_each(|listen| diff.removed(&format!("listener {listen}")));
}
