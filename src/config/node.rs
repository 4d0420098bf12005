//! Values of the tree of a TOML file, and typed values, which remember their place.

use toml::Spanned;
use toml::de::{DeString, DeTable, DeValue};

use super::report::{FileId, Spot};

/// A value, where it stands, and where the key stands that it belongs to. A table stands where its
/// header or its braces are. An element of a list has no key of its own and stands for itself.
#[derive(Clone, Debug)]
pub struct At<T> {
    pub value: T,
    pub spot: Spot,
    pub key: Spot,
}

impl<T> At<T> {
    /// Another value for the same place.
    pub fn with<U>(&self, value: U) -> At<U> {
        At { value, spot: self.spot, key: self.key }
    }
}

pub type List<T> = Vec<At<T>>;

/// A table whose keys are names that the user chose, in the order of the file.
pub type Map<T> = Vec<(String, At<T>)>;

/// One of two shapes, such as a string or a table.
#[derive(Clone, Debug)]
pub enum Either<A, B> {
    A(A),
    B(B),
}

/// A value of the tree.
#[derive(Clone, Copy, Debug)]
pub struct Node<'a> {
    /// The key it belongs to, for messages.
    pub name: &'a str,
    pub key: Spot,
    pub spot: Spot,
    pub value: &'a DeValue<'a>,
}

/// Text as TOML writes it, on one line.
pub fn quoted(text: &str) -> String {
    if !text.chars().any(char::is_control) {
        return toml::Value::from(text).to_string();
    }
    let mut quoted = String::from("\"");
    for c in text.chars() {
        match c {
            '"' | '\\' => quoted.extend(['\\', c]),
            '\n' => quoted.push_str("\\n"),
            '\r' => quoted.push_str("\\r"),
            '\t' => quoted.push_str("\\t"),
            c if c.is_control() => quoted.extend(format!("\\u{:04x}", u32::from(c)).chars()),
            c => quoted.push(c),
        }
    }
    quoted.push('"');
    quoted
}

/// Keys and values in the order of the file; the tree sorts them by name.
pub fn in_order<'a>(table: &'a DeTable<'a>) -> Vec<(&'a Spanned<DeString<'a>>, &'a Spanned<DeValue<'a>>)> {
    let mut entries: Vec<_> = table.iter().collect();
    entries.sort_by_key(|(key, _)| key.span().start);
    entries
}

pub fn node<'a>(
    file: FileId,
    name: &'a str,
    key: &std::ops::Range<usize>,
    value: &'a Spanned<DeValue<'a>>,
) -> Node<'a> {
    let spot = |span: &std::ops::Range<usize>| Spot { file, start: span.start, end: span.end };
    Node { name, key: spot(key), spot: spot(&value.span()), value: value.get_ref() }
}
