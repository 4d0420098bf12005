//! Taking the groups of a regular expression out of a path.

use std::sync::Arc;

use bytes::Bytes;
use regex::bytes::Regex;

use super::Captures;

impl Captures {
    /// The groups of the first match of `regex` in `text`.
    pub fn of(regex: &Regex, text: &Bytes) -> Option<Self> {
        Self::with_names(regex, &Self::names_of(regex), text)
    }

    /// The same, with the names found beforehand. The groups are slices of `text`.
    pub fn with_names(regex: &Regex, names: &Names, text: &Bytes) -> Option<Self> {
        let groups = if regex.captures_len() == 1 {
            vec![Some(text.slice(regex.find(text)?.range()))]
        } else {
            let found = regex.captures(text)?;
            found.iter().map(|group| group.map(|group| text.slice(group.range()))).collect()
        };
        Some(Self { groups, names: names.clone() })
    }

    /// Names of named groups, with their index, if there are any.
    pub fn names_of(regex: &Regex) -> Names {
        let all = regex.capture_names().enumerate();
        let names: Arc<[_]> = all.filter_map(|(index, name)| Some((name?.into(), index))).collect();
        (!names.is_empty()).then_some(names)
    }
}

type Names = Option<Arc<[(Box<str>, usize)]>>;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn groups_are_found_by_number_and_name() {
        let regex = Regex::new("^/(?<year>[0-9]+)(/x)?/(.*)$").unwrap();
        let captures = Captures::of(&regex, &Bytes::from("/2024/a")).unwrap();
        assert_eq!(captures.get(0).unwrap(), "/2024/a");
        assert_eq!(captures.named("year").unwrap(), "2024");
        assert_eq!(captures.get(2), None);
        assert_eq!(captures.get(3).unwrap(), "a");
        assert!(Captures::of(&regex, &Bytes::from("/x")).is_none());
    }
}
