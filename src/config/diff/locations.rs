//! `[[site.location]]`

use std::collections::HashMap;

use super::{Diff, changes};
use crate::config::model::{Config, Location, Site};
use crate::config::settings::{self, LocationSettings, Settings, Value};
use crate::router::LocationPattern;

/// `inherited` is what changed of the site: what follows from it is not said again of each location.
pub fn compare(
    (old, old_config): (&Site, &Config),
    (new, new_config): (&Site, &Config),
    site: &str,
    inherited: &[String],
    diff: &mut Diff,
) {
    let (was, is) = (by_identity(old), by_identity(new));
    for location in &new.locations {
        let name = name(location, site);
        let now = settings::location(location, new, new_config);
        let Some(before) = was.get(&location.pattern.identity()) else {
            diff.added(&format!("{name}: {}", first(&now.action)));
            continue;
        };
        let changed = changed(&settings::location(before, old, old_config), &now);
        diff.changed(&name, changed.into_iter().filter(|change| !inherited.contains(change)));
    }
    for location in old.locations.iter().filter(|one| !is.contains_key(&one.pattern.identity())) {
        diff.removed(&name(location, site));
    }
    for (moved, place) in moved(old, new) {
        diff.changed(&format!("location {moved} ({site})"), [place]);
    }
}

/// No site has two of the same.
fn by_identity(site: &Site) -> HashMap<String, &Location> {
    site.locations.iter().map(|one| (one.pattern.identity(), one)).collect()
}

fn name(location: &Location, site: &str) -> String {
    format!("location {} ({site})", location.pattern)
}

fn changed(old: &LocationSettings, new: &LocationSettings) -> Vec<String> {
    let mut told = Vec::new();
    if old.pattern != new.pattern {
        told.push(format!("match {} -> {}", old.pattern.to_log(), new.pattern.to_log()));
    }
    if action_key(&old.action) == action_key(&new.action) {
        told.extend(changes::changes(&old.action, &new.action));
    } else {
        told.push(format!("{} -> {}", first(&old.action), whole(&new.action)));
    }
    told.extend(changes::changes(&old.others, &new.others));
    told
}

/// `files`, `proxy`, `redirect` or `respond`
fn action_key(action: &Settings) -> Option<&str> {
    action.keys.first().map(|(key, _)| key.as_str())
}

fn first(action: &Settings) -> String {
    action.keys.first().map(said).unwrap_or_default()
}

/// An action with how it is done.
fn whole(action: &Settings) -> String {
    let rest: Vec<String> = action.entries().iter().skip(1).map(said).collect();
    if rest.is_empty() { first(action) } else { format!("{} ({})", first(action), rest.join(", ")) }
}

fn said((key, value): &(String, Value)) -> String {
    format!("{key} {}", value.to_log())
}

/// Regular expressions that are now tried at another place among those that stayed, as few as explain the
/// new order.
fn moved(old: &Site, new: &Site) -> Vec<(String, String)> {
    let (was, is) = (expressions(old), expressions(new));
    let places: HashMap<&str, usize> =
        was.iter().enumerate().map(|(place, text)| (text.as_str(), place)).collect();
    let stayed: Vec<(usize, usize)> =
        is.iter().enumerate().filter_map(|(at, text)| Some((at, *places.get(text.as_str())?))).collect();
    let kept = longest_ascending(&stayed.iter().map(|(_, place)| *place).collect::<Vec<_>>());
    let moved = stayed.iter().filter(|(_, place)| kept.binary_search(place).is_err());
    let told = moved.filter_map(|(at, _)| {
        let place = match is.get(at + 1) {
            Some(next) => format!("now tried before {next}"),
            None => "now tried last".to_owned(),
        };
        Some((is.get(*at)?.clone(), place))
    });
    told.collect()
}

/// In the order in which they are tried.
fn expressions(site: &Site) -> Vec<String> {
    let patterns = site.locations.iter().map(|one| &one.pattern);
    patterns.filter(|one| matches!(one, LocationPattern::Regex { .. })).map(ToString::to_string).collect()
}

/// The longest of the subsequences that ascend, by patience sorting.
fn longest_ascending(numbers: &[usize]) -> Vec<usize> {
    // For each length, the index of the smallest number that ends a subsequence of it; and what stands
    // before each number in its own.
    let mut ends: Vec<usize> = Vec::new();
    let mut before: Vec<Option<usize>> = Vec::new();
    for (index, number) in numbers.iter().enumerate() {
        let length = ends.partition_point(|end| numbers.get(*end) < Some(number));
        before.push(length.checked_sub(1).and_then(|shorter| ends.get(shorter).copied()));
        match ends.get_mut(length) {
            Some(end) => *end = index,
            None => ends.push(index),
        }
    }
    let chain = std::iter::successors(ends.last().copied(), |index| before.get(*index).copied().flatten());
    let mut found: Vec<usize> = chain.filter_map(|index| numbers.get(index).copied()).collect();
    found.reverse();
    found
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::longest_ascending;

    #[test]
    fn a_single_move_leaves_all_others() {
        assert_eq!(longest_ascending(&[4, 0, 1, 2, 3]), [0, 1, 2, 3]);
        assert_eq!(longest_ascending(&[1, 2, 3, 0]), [1, 2, 3]);
        assert_eq!(longest_ascending(&[0, 1, 2]), [0, 1, 2]);
        assert_eq!(longest_ascending(&[]), [0; 0]);
    }

    /// By trying all of them.
    fn length_of_longest(numbers: &[usize]) -> usize {
        let ascends = |chosen: &[usize]| chosen.is_sorted();
        let all = 0..1_u32 << numbers.len();
        let subsequences = all.map(|mask| {
            let chosen = numbers.iter().enumerate().filter(|(index, _)| mask & (1 << index) != 0);
            chosen.map(|(_, number)| *number).collect::<Vec<_>>()
        });
        subsequences.filter(|chosen| ascends(chosen)).map(|chosen| chosen.len()).max().unwrap_or_default()
    }

    proptest! {
        #[test]
        fn it_ascends_and_none_is_longer(numbers in Just((0..9_usize).collect::<Vec<_>>()).prop_shuffle()) {
            let found = longest_ascending(&numbers);
            prop_assert!(found.is_sorted());
            let mut rest = numbers.iter();
            prop_assert!(found.iter().all(|number| rest.any(|other| other == number)));
            prop_assert_eq!(found.len(), length_of_longest(&numbers));
        }
    }
}
