//! A key or table that is written again: which one, and where it stood first. The parser says only the
//! former.

use std::ops::Range;

use toml::de::DeTable;

use super::report::{FileId, Problem, Spot};
use super::syntax::{each_table, line_at, line_bounds};

pub fn duplicate(span: &Range<usize>, text: &str, file: FileId, tree: &DeTable<'_>) -> Problem {
    let at = |span: Range<usize>| Spot { file, start: span.start, end: span.end };
    let line = line_at(text, span.start);
    let (name, whole) = if line.starts_with('[') {
        // Behind the header there may be a comment.
        let header = line.rfind(']').and_then(|end| line.get(..=end)).unwrap_or(line);
        let (begin, _) = line_bounds(text, span.start);
        (header, begin..begin + header.len())
    } else {
        (text.get(span.clone()).unwrap_or_default(), span.clone())
    };
    let problem = Problem::error(at(whole), format!("`{name}` is written twice"));
    match first(tree, text, span) {
        Some(first) => problem.also(at(first), "first written here"),
        None => problem,
    }
}

/// Where the key stood first: the same key before it, under the same header and in the same braces, or nothing rather than another one.
fn first(tree: &DeTable<'_>, text: &str, again: &Range<usize>) -> Option<Range<usize>> {
    let header = line_at(text, again.start);
    if header.starts_with('[') {
        let before = text.get(..again.start)?.rfind('\n')?;
        let found = text.get(..before)?.rfind(&format!("{header}\n"))?;
        return Some(found..found + header.len());
    }
    let mut keys = Vec::new();
    collect(tree, text, None, &mut keys);
    let braces = innermost(tree, text, again.start);
    let name = dotted(text, again);
    keys.into_iter()
        .filter(|key| key.span.end <= again.start && key.braces == braces)
        .filter(|key| dotted(text, &key.span) == name)
        .map(|key| key.span)
        .max_by_key(|span| span.start)
        .filter(|span| !text.get(span.start..again.start).is_some_and(|between| between.contains("\n[")))
}

/// A key with what stands before it on its line: `headers.request` of `headers.request = …`.
fn dotted<'a>(text: &'a str, key: &Range<usize>) -> &'a str {
    let before = text.get(..key.start).unwrap_or_default();
    let part_of_key = |c: char| c.is_alphanumeric() || "-_.\"'".contains(c);
    let start = before.trim_end_matches(part_of_key).len();
    text.get(start..key.end).unwrap_or_default()
}

struct Key {
    span: Range<usize>,
    /// The inline table it stands in.
    braces: Option<Range<usize>>,
}

fn collect(table: &DeTable<'_>, text: &str, braces: Option<&Range<usize>>, keys: &mut Vec<Key>) {
    for (key, value) in table {
        keys.push(Key { span: key.span(), braces: braces.cloned() });
        each_table(value, &mut |inner, span| {
            let inline = is_inline(text, &span).then_some(&span);
            collect(inner, text, inline.or(braces), keys);
        });
    }
}

/// The smallest inline table around a byte.
fn innermost(tree: &DeTable<'_>, text: &str, at: usize) -> Option<Range<usize>> {
    let mut found: Option<Range<usize>> = None;
    for (_, value) in tree {
        each_table(value, &mut |inner, span| {
            let own = Some(span.clone()).filter(|span| is_inline(text, span) && span.contains(&at));
            found = innermost(inner, text, at).or(own).or(found.take());
        });
    }
    found
}

fn is_inline(text: &str, span: &Range<usize>) -> bool {
    text.get(span.clone()).is_some_and(|text| text.starts_with('{'))
}
