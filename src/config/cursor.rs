//! The keys of one table, taken out one by one.

use toml::de::DeTable;

use super::later::Later;
use super::names;
use super::node::{At, in_order, node};
use super::read::{Read, read};
use super::report::{ANY, Problem, Report, Spot};

/// Takes the keys out of one table and reports those that nobody took.
pub struct Cursor<'a> {
    table: &'a DeTable<'a>,
    spot: Spot,
}

impl<'a> Cursor<'a> {
    pub fn new(table: &'a DeTable<'a>, spot: Spot) -> Self {
        Self { table, spot }
    }

    pub fn take<T: Read>(&self, name: &'static str, report: &mut Report) -> Option<At<T>> {
        let (key, value) = self.table.get_key_value(name)?;
        let read = read(node(self.spot.file, name, &key.span(), value), report);
        if read.is_none() {
            report.mark_unread(self.spot, name);
        }
        read
    }

    /// Reports every key that is neither known nor announced.
    pub fn finish(self, shown: &str, known: &[&'static str], later: &[Later], report: &mut Report) {
        for (key, value) in in_order(self.table) {
            let name: &str = key.get_ref();
            let node = node(self.spot.file, name, &key.span(), value);
            if known.contains(&name) {
                continue;
            }
            if let Some(later) = later.iter().find(|later| later.key == name) {
                later.check(node, report);
                continue;
            }
            let place = if shown.is_empty() { String::new() } else { format!(" in `{shown}`") };
            // The key that was meant is not missing as well.
            report.mark_unread(self.spot, ANY);
            if let Some(meant) = names::nearest(name, known.iter().copied()) {
                report.mark_unread(self.spot, meant);
            }
            let later: Vec<&str> = later.iter().map(|later| later.key).collect();
            report.push(
                Problem::error(node.key, format!("unknown key `{name}`{place}"))
                    .maybe_help(names::instead_of(name, shown, known, &later)),
            );
        }
    }
}
