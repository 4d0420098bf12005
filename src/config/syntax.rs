//! TOML text to a tree that knows where everything stands.

use std::ops::Range;

use toml::Spanned;
use toml::de::{DeTable, DeValue, Error};

use super::duplicate::duplicate;
use super::report::{FileId, Problem, Report, Spot};

/// Parses one file, as far as it can be.
pub fn parse<'a>(text: &'a str, file: FileId, report: &mut Report) -> Spanned<DeTable<'a>> {
    let (tree, mut errors) = DeTable::parse_recoverable(text);
    errors.sort_by_key(start);
    let run = runaway(&errors, text);
    let telling = telling(&errors, run.unwrap_or(usize::MAX), text);
    for error in telling.iter().take(MANY) {
        report.push(explain(error, text, file, tree.get_ref()).syntax());
        report.distrust(guessed(text, start(error), file));
    }
    if let Some(error) = telling.get(MANY) {
        let message = format!("not valid TOML: there are {} such mistakes in all", errors.len());
        report.push(Problem::error(guessed(text, start(error), file), message).syntax());
        report.distrust(Spot { file, start: 0, end: text.len() });
    }
    if let Some(at) = run {
        let open = opening(tree.get_ref(), text, at);
        report.distrust(Spot { file, start: open, end: text.len() });
        // A string that is not closed has swallowed the bracket too.
        if !errors.iter().any(|error| (open..at).contains(&start(error))) {
            let spot = Spot { file, start: open, end: open + 1 };
            report.push(Problem::error(spot, "this bracket is not closed").syntax());
        }
    }
    tree
}

/// A file with more mistakes in its syntax is another file than was meant.
const MANY: usize = 20;

/// The errors before `end` that do not follow from others: what stands in a table that is written twice
/// was reported with it.
fn telling<'a>(errors: &'a [Error], end: usize, text: &str) -> Vec<&'a Error> {
    let mut twice = 0..0;
    let mut follows = |error: &&Error| {
        let at = start(error);
        let duplicate = error.message() == DUPLICATE;
        if duplicate && twice.contains(&at) {
            return true;
        }
        if duplicate && line_at(text, at).starts_with('[') {
            let next = text.get(at..).and_then(|rest| rest.find("\n["));
            twice = at..next.map_or(text.len(), |next| at + next);
        }
        false
    };
    errors.iter().filter(|error| start(error) < end).filter(|error| !follows(error)).collect()
}

const DUPLICATE: &str = "duplicate key";

fn start(error: &Error) -> usize {
    error.span().map_or(0, |span| span.start)
}

/// What the parser may have got wrong by a mistake. Of a broken header that is everything, as all that
/// follows may have come into another table.
fn guessed(text: &str, at: usize, file: FileId) -> Spot {
    if line_at(text, at).starts_with('[') {
        return Spot { file, start: 0, end: text.len() };
    }
    let (start, end) = line_bounds(text, at);
    Spot { file, start, end }
}

/// Where the parser began to take other lines for elements of a list that is not closed.
fn runaway(errors: &[Error], text: &str) -> Option<usize> {
    let unclosed = |error: &Error| {
        error.message().starts_with("unclosed array,") || error.message().starts_with("unclosed inline table")
    };
    if !errors.iter().any(unclosed) {
        return None;
    }
    let begins_a_line =
        |at: usize| text.get(..at).is_some_and(|before| before.trim_end_matches([' ', '\t']).ends_with('\n'));
    let first = errors.iter().find(|error| {
        let missing = error.message().starts_with("missing") || unclosed(error);
        let line = line_at(text, start(error));
        missing
            && begins_a_line(start(error))
            && (line.starts_with('[') || line.contains('=') || line.is_empty())
    });
    first.map(start)
}

/// Where the bracket of the list or inline table is that goes on to `at`.
fn opening(tree: &DeTable<'_>, text: &str, at: usize) -> usize {
    let last = || text.get(..at).and_then(|before| before.rfind(['[', '{']));
    outermost(tree, at).or_else(last).unwrap_or(at)
}

fn outermost(tree: &DeTable<'_>, at: usize) -> Option<usize> {
    let around = |value: &Spanned<DeValue<'_>>| {
        let nested = matches!(value.get_ref(), DeValue::Array(_) | DeValue::Table(_));
        Some(value.span()).filter(|span| nested && span.start < at && span.end >= at).map(|span| span.start)
    };
    let mut found = None;
    for (_, value) in tree {
        each_table(value, &mut |inner, _| found = found.or_else(|| outermost(inner, at)));
        found = found.or_else(|| around(value));
    }
    found
}

fn explain(error: &Error, text: &str, file: FileId, tree: &DeTable<'_>) -> Problem {
    let span = error.span().unwrap_or(0..0);
    let at = |span: Range<usize>| Spot { file, start: span.start, end: span.end };
    let message = error.message();
    if message == DUPLICATE {
        return duplicate(&span, text, file, tree);
    }
    if message.starts_with("missing escaped value") {
        let letter = text.get(span.start..).and_then(|rest| rest.chars().next()).unwrap_or(' ');
        let backslash = span.start.saturating_sub(1)..span.start + letter.len_utf8();
        return Problem::error(at(backslash), format!("`\\{letter}` means nothing in a string of TOML"))
            .help("in single quotes a backslash is one: 'like this'; in double quotes write it twice");
    }
    if message.starts_with("invalid basic string, expected `\"`")
        || message.starts_with("invalid literal string, expected `'`")
    {
        return Problem::error(at(span), "this string is not closed");
    }
    let written = text.get(span.clone()).unwrap_or_default();
    let word = bare_word(text, span.start);
    let value = if written.contains(word) { written.trim() } else { word };
    if is_about_a_value(message) && !value.is_empty() && !value.contains('\n') {
        return Problem::error(at(span), format!("`{value}` is not a value of TOML"))
            .help(format!("a string stands in quotes: \"{value}\""));
    }
    Problem::error(at(span), format!("not valid TOML: {message}"))
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

/// The line that holds a byte, without blanks around it.
pub fn line_at(text: &str, at: usize) -> &str {
    let (start, end) = line_bounds(text, at);
    text.get(start..end).unwrap_or_default().trim()
}

pub fn line_bounds(text: &str, at: usize) -> (usize, usize) {
    let start = text.get(..at).and_then(|before| before.rfind('\n')).map_or(0, |at| at + 1);
    let end = text.get(at..).and_then(|behind| behind.find('\n')).map_or(text.len(), |end| at + end);
    (start, end)
}

/// Visits the tables of a value or of its elements.
pub fn each_table(value: &Spanned<DeValue<'_>>, visit: &mut impl FnMut(&DeTable<'_>, Range<usize>)) {
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
