//! Strings with `$variables`, parsed once and rendered per request: nginx's names with nginx's meanings.

use std::fmt;
use std::str::FromStr;

use ::http::HeaderValue;
use bytes::Bytes;

use super::Scope;
use super::variable::{Stage, Variable};

/// A string with `$variables` in it: `$name`, `${name}`, and `$$` for a dollar sign.
///
/// A name that is no variable may be a named group of the location's regular expression. Only who
/// knows that expression can tell, so parsing lets it through and [`Template::check_captures`]
/// decides.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Template {
    /// As it was written.
    source: Box<str>,
    pieces: Box<[Piece]>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Piece {
    Literal(Bytes),
    Variable(Variable),
}

impl Template {
    pub fn parse(text: &str) -> Result<Self, String> {
        let mut pieces = Vec::new();
        let mut literal = String::new();
        let mut rest = text;
        while let Some((before, after)) = rest.split_once('$') {
            literal.push_str(before);
            if let Some(behind) = after.strip_prefix('$') {
                literal.push('$');
                rest = behind;
                continue;
            }
            let (variable, behind) = parse_variable(after)?;
            flush(&mut literal, &mut pieces);
            pieces.push(Piece::Variable(variable));
            rest = behind;
        }
        literal.push_str(rest);
        flush(&mut literal, &mut pieces);
        Ok(Self { source: text.into(), pieces: pieces.into() })
    }

    /// Text without variables; its dollar signs mean themselves.
    pub fn literal(text: &str) -> Self {
        let mut pieces = Vec::new();
        flush(&mut text.to_owned(), &mut pieces);
        Self { source: text.replace('$', "$$").into(), pieces: pieces.into() }
    }

    /// The value of the cookie of that name, which may be any that RFC 6265 allows.
    pub fn cookie(name: &str) -> Self {
        let variable = Piece::Variable(Variable::Cookie(name.into()));
        Self { source: format!("${{cookie_{name}}}").into(), pieces: [variable].into() }
    }

    /// The text, if it is the same for every request.
    pub fn as_literal(&self) -> Option<&str> {
        match &*self.pieces {
            [] => Some(""),
            [Piece::Literal(text)] => str::from_utf8(text).ok(),
            _ => None,
        }
    }

    pub fn is_literal(&self) -> bool {
        self.as_literal().is_some()
    }

    /// Whether every capture used is a group of `regex`; the error names what is not.
    pub fn check_captures(&self, regex: Option<&regex::bytes::Regex>) -> Result<(), String> {
        self.variables().try_for_each(|variable| variable.check_capture(regex))
    }

    /// The first variable whose value is not there yet at that stage, and when it will be.
    pub fn later_than(&self, stage: Stage) -> Option<(&'static str, Stage)> {
        self.variables().find_map(|variable| match variable {
            Variable::Known(known) if known.stage() > stage => Some((known.name(), known.stage())),
            _ => None,
        })
    }

    /// Whether the answer is needed to render it.
    pub fn needs_answer(&self) -> bool {
        self.later_than(Stage::Request).is_some()
    }

    /// The text for one request. Nothing is allocated for a literal, nor for `$uri` alone.
    pub fn render<'a>(&self, scope: impl Into<Scope<'a>>) -> Bytes {
        let scope = scope.into();
        match &*self.pieces {
            [] => return Bytes::new(),
            [Piece::Literal(text)] => return text.clone(),
            [Piece::Variable(variable)] => {
                if let Some(value) = scope.shared(variable) {
                    return value;
                }
            }
            _ => {}
        }
        let mut out = Vec::with_capacity(self.source.len() * 2);
        for piece in &self.pieces {
            match piece {
                Piece::Literal(text) => out.extend_from_slice(text),
                Piece::Variable(variable) => scope.write(variable, &mut out),
            }
        }
        out.into()
    }

    /// The text as a field's value. What cannot stand in one becomes a blank (RFC 9110 5.5).
    pub fn render_header<'a>(&self, scope: impl Into<Scope<'a>>) -> HeaderValue {
        into_header_value(&self.render(scope))
    }

    pub(super) fn pieces(&self) -> &[Piece] {
        &self.pieces
    }

    fn variables(&self) -> impl Iterator<Item = &Variable> {
        self.pieces.iter().filter_map(|piece| match piece {
            Piece::Variable(variable) => Some(variable),
            Piece::Literal(_) => None,
        })
    }
}

impl FromStr for Template {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        Self::parse(text)
    }
}

impl fmt::Display for Template {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.source)
    }
}

pub(super) fn into_header_value(text: &Bytes) -> HeaderValue {
    HeaderValue::from_maybe_shared(text.clone()).unwrap_or_else(|_| {
        let allowed: Vec<u8> = text.iter().map(|b| if b.is_ascii_control() { b' ' } else { *b }).collect();
        HeaderValue::from_maybe_shared(Bytes::from(allowed)).unwrap_or(HeaderValue::from_static(""))
    })
}

fn flush(literal: &mut String, pieces: &mut Vec<Piece>) {
    if !literal.is_empty() {
        pieces.push(Piece::Literal(std::mem::take(literal).into_bytes().into()));
    }
}

/// Reads what stands behind a dollar sign; returns what is left of the text.
fn parse_variable(text: &str) -> Result<(Variable, &str), String> {
    let (name, behind) = match text.strip_prefix('{') {
        Some(inner) => inner.split_once('}').ok_or("`${` is not closed by `}`")?,
        None => text.split_at(name_length(text)),
    };
    if name.is_empty() || name_length(name) != name.len() {
        return Err("`$` is followed by a variable's name; write `$$` for a dollar sign".into());
    }
    Ok((Variable::named(name)?, behind))
}

/// As in nginx, a group is one digit: `$10` is the first group and a zero.
fn name_length(text: &str) -> usize {
    match text.as_bytes() {
        [b'1'..=b'9', ..] => 1,
        bytes => bytes.iter().take_while(|b| b.is_ascii_alphanumeric() || **b == b'_').count(),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::testing::request;
    use super::*;

    #[test]
    fn shows_itself_as_written() {
        for text in ["", "/a", "$uri/index", "${host}x", "a$$b", "$1$is_args$args"] {
            assert_eq!(Template::parse(text).unwrap().to_string(), text);
        }
    }

    #[test]
    fn literals_are_told_apart() {
        assert_eq!(Template::parse("a$$b").unwrap().as_literal(), Some("a$b"));
        assert_eq!(Template::parse("").unwrap().as_literal(), Some(""));
        assert!(!Template::parse("a$uri").unwrap().is_literal());
        let literal = Template::literal("$5");
        assert_eq!(literal.as_literal(), Some("$5"));
        assert_eq!(Template::parse(&literal.to_string()).unwrap(), literal);
    }

    #[test]
    fn a_lone_dollar_is_an_error() {
        for text in ["$", "a$ b", "$-", "${}", "${a", "${a-b}", "$é"] {
            assert!(Template::parse(text).is_err(), "{text}");
        }
    }

    #[test]
    fn an_unknown_name_is_reported_with_the_nearest() {
        let template = Template::parse("$hots").unwrap();
        assert_eq!(
            template.check_captures(None).unwrap_err(),
            "there is no variable `$hots`; did you mean `$host`?"
        );
    }

    #[test]
    fn captures_must_exist() {
        let regex = regex::bytes::Regex::new("(?<year>[0-9]+)").unwrap();
        assert!(Template::parse("$1 $year").unwrap().check_captures(Some(&regex)).is_ok());
        assert!(Template::parse("$2").unwrap().check_captures(Some(&regex)).is_err());
        assert!(Template::parse("$1").unwrap().check_captures(None).is_err());
        assert!(Template::parse("$month").unwrap().check_captures(Some(&regex)).is_err());
    }

    #[test]
    fn a_literal_is_shared_with_every_request() {
        let template = Template::parse("nosniff").unwrap();
        let first = template.render(&request("/"));
        assert_eq!(first.as_ptr(), template.render(&request("/b")).as_ptr());
    }

    proptest! {
        #[test]
        fn a_header_value_holds_no_line_break(text: String, capture: Vec<u8>) {
            let mut request = request("/");
            request.captures.groups = vec![None, Some(capture.into())];
            let template = Template::parse(&format!("{}$1", text.replace('$', "$$"))).unwrap();
            let value = template.render_header(&request);
            prop_assert!(!value.as_bytes().iter().any(|b| b"\r\n\0".contains(b)));
            prop_assert_eq!(value.len(), template.render(&request).len());
        }

        #[test]
        fn no_text_upsets_the_parser(text in "[$a-z{}_0-9. ]*") {
            if let Ok(template) = Template::parse(&text) {
                prop_assert_eq!(template.to_string(), text);
            }
        }
    }
}
