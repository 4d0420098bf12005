//! The order of a listing: directories first, then by what was asked for, then by name.

use std::cmp::Ordering;

use super::entries::Entry;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sort {
    pub key: Key,
    pub descending: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Key {
    Name,
    Size,
    Date,
}

impl Sort {
    /// As a query says it; what it does not say, or says wrongly, is as usual.
    pub fn named(key: Option<&[u8]>, order: Option<&[u8]>) -> Self {
        let key = match key {
            Some(b"size") => Key::Size,
            Some(b"date") => Key::Date,
            _ => Key::Name,
        };
        match order {
            Some(b"asc") => Self { key, descending: false },
            Some(b"desc") => Self { key, descending: true },
            _ => Self::first(key),
        }
    }

    /// What a click on another column is for: the first names, the largest files, or the latest.
    pub fn first(key: Key) -> Self {
        Self { key, descending: key != Key::Name }
    }

    pub fn reversed(self) -> Self {
        Self { descending: !self.descending, ..self }
    }
}

impl Key {
    pub const ALL: [Self; 3] = [Self::Name, Self::Size, Self::Date];

    pub fn name(self) -> &'static str {
        match self {
            Self::Name => "name",
            Self::Size => "size",
            Self::Date => "date",
        }
    }
}

pub fn sort(entries: &mut [Entry], sort: Sort) {
    entries.sort_unstable_by(|one, other| {
        let by_key = match sort.key {
            Key::Name => natural(&one.name, &other.name),
            Key::Size => one.size().cmp(&other.size()),
            Key::Date => one.modified.cmp(&other.modified),
        };
        let by_key = if sort.descending { by_key.reverse() } else { by_key };
        let directories_first = other.is_directory().cmp(&one.is_directory());
        directories_first.then(by_key).then_with(|| natural(&one.name, &other.name))
    });
}

/// Numbers within names by their value, so that 10 stands behind 9; ASCII letters of either case together.
fn natural(one: &[u8], other: &[u8]) -> Ordering {
    let (mut one_left, mut other_left) = (one, other);
    loop {
        let (part, other_part) = match (first_part(&mut one_left), first_part(&mut other_left)) {
            (Some(part), Some(other_part)) => (part, other_part),
            // The bytes decide between names that differ in case or in leading zeros only.
            (None, None) => return one.cmp(other),
            (part, other_part) => return part.is_some().cmp(&other_part.is_some()),
        };
        match compare(part, other_part) {
            Ordering::Equal => {}
            unequal => return unequal,
        }
    }
}

/// Takes all digits of a number, or one other byte.
fn first_part<'a>(name: &mut &'a [u8]) -> Option<&'a [u8]> {
    let digits = name.iter().take_while(|byte| byte.is_ascii_digit()).count();
    let (part, rest) = name.split_at_checked(digits.max(1))?;
    *name = rest;
    Some(part)
}

/// Numbers may be longer than any integer: the one with more digits is larger.
fn compare(one: &[u8], other: &[u8]) -> Ordering {
    if one.iter().chain(other).all(u8::is_ascii_digit) {
        let (one, other) = (significant(one), significant(other));
        return one.len().cmp(&other.len()).then_with(|| one.cmp(other));
    }
    let folded = |part: &[u8]| part.first().map(u8::to_ascii_lowercase);
    folded(one).cmp(&folded(other))
}

fn significant(number: &[u8]) -> &[u8] {
    let zeros = number.iter().take_while(|digit| **digit == b'0').count();
    number.get(zeros..).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::entries::Kind;
    use super::*;
    use crate::http::Date;

    fn entry(name: &str, kind: Kind, seconds: i64) -> Entry {
        Entry { name: name.as_bytes().into(), kind, modified: Date::from_seconds(seconds) }
    }

    fn sorted(key: &str, order: &str) -> String {
        let mut entries = [
            entry("b", Kind::File(10), 300),
            entry("a", Kind::File(20), 100),
            entry("y", Kind::Directory, 400),
            entry("c", Kind::File(10), -1),
            entry("x", Kind::Directory, 200),
        ];
        sort(&mut entries, Sort::named(Some(key.as_bytes()), Some(order.as_bytes())));
        entries.iter().map(|entry| char::from(entry.name[0])).collect()
    }

    #[test]
    fn directories_stand_first_and_names_decide_last() {
        for (key, order, expected) in [
            ("name", "asc", "xyabc"),
            ("name", "desc", "yxcba"),
            ("size", "asc", "xybca"),
            ("size", "desc", "xyabc"),
            ("date", "asc", "xycab"),
            ("date", "desc", "yxbac"),
            ("name", "", "xyabc"),
            ("size", "up", "xyabc"),
            ("colour", "asc", "xyabc"),
        ] {
            assert_eq!(sorted(key, order), expected, "{key} {order}");
        }
    }

    #[test]
    fn numbers_in_names_count_by_their_value() {
        let expected = [
            "",
            "007",
            "7",
            "8",
            "10",
            "99999999999999999999998",
            "99999999999999999999999",
            "A1",
            "a1",
            "a01",
            "A2",
            "a10",
            "a10b",
            "b",
            "img9.png",
            "img10.png",
            "v1.9.1",
            "v1.10.0",
            "z",
            "ä",
        ];
        let mut names = expected;
        names.reverse();
        names.sort_by(|one, other| natural(one.as_bytes(), other.as_bytes()));
        let folded = names.map(|name| name.replace("a01", "A1").replace("a1", "A1"));
        assert_eq!(folded, expected.map(|name| name.replace("a01", "A1").replace("a1", "A1")));
    }

    proptest! {
        #[test]
        fn the_order_is_one(one in "[aA01b]{0,5}", other in "[aA01b]{0,5}", third in "[aA01b]{0,5}") {
            let compare = |a: &String, b: &String| natural(a.as_bytes(), b.as_bytes());
            prop_assert_eq!(compare(&one, &other), compare(&other, &one).reverse());
            prop_assert_eq!(compare(&one, &other) == Ordering::Equal, one == other);
            if compare(&one, &other).is_le() && compare(&other, &third).is_le() {
                prop_assert!(compare(&one, &third).is_le());
            }
        }
    }
}
