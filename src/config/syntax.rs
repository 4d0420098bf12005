//! TOML text to a tree that knows where everything stands.

use std::ops::Range;

use toml::Spanned;
use toml::de::{DeTable, DeValue, Error};

use super::report::{FileId, Problem, Report, Spot};

/// Parses one file, as far as it can be.
pub fn parse<'a>(text: &'a str, file: FileId, report: &mut Report) -> Spanned<DeTable<'a>> {
    let (tree, errors) = DeTable::parse_recoverable(text);
    for error in &errors {
        report.lose();
        report.push(explain(error, text, file, tree.get_ref()).syntax());
    }
    tree
}

fn explain(error: &Error, text: &str, file: FileId, tree: &DeTable<'_>) -> Problem {
    let span = error.span().unwrap_or(0..0);
    let at = |span: Range<usize>| Spot { file, start: span.start, end: span.end };
    let written = text.get(span.clone()).unwrap_or_default();
    if error.message() == "duplicate key" {
        let problem = Problem::error(at(span.clone()), format!("`{written}` is written twice"));
        return match first(tree, text, &span) {
            Some(first) => problem.also(at(first), "first written here"),
            None => problem,
        };
    }
    let word = bare_word(text, span.start);
    let value = if written.contains(word) { written.trim() } else { word };
    if is_about_a_value(error.message()) && !value.is_empty() && !value.contains('\n') {
        return Problem::error(at(span), format!("`{value}` is not a value of TOML"))
            .help(format!("a string stands in quotes: \"{value}\""));
    }
    Problem::error(at(span), format!("not valid TOML: {}", error.message()))
}

/// What the parser says of addresses, paths and words that lack their quotes.
fn is_about_a_value(message: &str) -> bool {
    [
        "invalid float",
        "invalid integer",
        "invalid boolean",
        "invalid datetime",
        "string values must be quoted",
    ]
    .iter()
    .any(|start| message.starts_with(start))
}

/// What stands around a byte without blanks, brackets or commas.
fn bare_word(text: &str, at: usize) -> &str {
    let stops = |c: char| c.is_whitespace() || "[]{},=\"'#".contains(c);
    let (Some(before), Some(behind)) = (text.get(..at), text.get(at..)) else { return "" };
    let start = before.char_indices().rfind(|(_, c)| stops(*c)).map_or(0, |(stop, c)| stop + c.len_utf8());
    let end = at + behind.find(stops).unwrap_or(behind.len());
    text.get(start..end).unwrap_or_default()
}

/// Where the key that is written again stood first. The parser does not say; this finds the same key
/// before it, under the same header and in the same braces, or nothing rather than another one.
fn first(tree: &DeTable<'_>, text: &str, again: &Range<usize>) -> Option<Range<usize>> {
    if let Some(header) = line_around(text, again).filter(|line| line.starts_with('[')) {
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

fn line_around<'a>(text: &'a str, span: &Range<usize>) -> Option<&'a str> {
    let start = text.get(..span.start)?.rfind('\n').map_or(0, |at| at + 1);
    let end = text.get(span.end..)?.find('\n').map_or(text.len(), |at| span.end + at);
    text.get(start..end).map(str::trim)
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

fn each_table(value: &Spanned<DeValue<'_>>, visit: &mut impl FnMut(&DeTable<'_>, Range<usize>)) {
    match value.get_ref() {
        DeValue::Table(table) => visit(table, value.span()),
        DeValue::Array(list) => list.iter().for_each(|element| {
            if let DeValue::Table(table) = element.get_ref() {
                visit(table, element.span());
            }
        }),
        _ => {}
    }
}

fn is_inline(text: &str, span: &Range<usize>) -> bool {
    text.get(span.clone()).is_some_and(|text| text.starts_with('{'))
}
