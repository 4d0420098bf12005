//! Location patterns as they are written.

use std::fmt;
use std::str::FromStr;

use regex::bytes::{Regex, RegexBuilder};

/// One `match`, in nginx's syntax.
#[derive(Clone, Debug)]
pub enum LocationPattern {
    /// `= /path`
    Exact(String),
    /// `/path`
    Prefix(String),
    /// `^~ /path`
    PrefixFinal(String),
    /// `~ re` and `~* re`
    Regex { text: String, ignore_case: bool, regex: Regex },
    /// `@name`, without the at sign; reached only from inside.
    Named(String),
}

impl LocationPattern {
    /// The name of an `@name` location.
    pub fn named(&self) -> Option<&str> {
        match self {
            Self::Named(name) => Some(name),
            _ => None,
        }
    }

    /// The path of all that match by one.
    pub fn path(&self) -> Option<&str> {
        match self {
            Self::Exact(path) | Self::Prefix(path) | Self::PrefixFinal(path) => Some(path),
            Self::Regex { .. } | Self::Named(_) => None,
        }
    }

    pub fn regex(&self) -> Option<&Regex> {
        match self {
            Self::Regex { regex, .. } => Some(regex),
            _ => None,
        }
    }

    /// What no other location of the site may have as well. As in nginx `/p` and `^~ /p` are the
    /// same location with different flags, while `= /p` is another.
    pub fn identity(&self) -> String {
        match self {
            Self::Prefix(path) | Self::PrefixFinal(path) => path.clone(),
            _ => self.to_string(),
        }
    }
}

impl FromStr for LocationPattern {
    type Err = String;

    /// The blank between modifier and pattern may be left out, as in nginx.
    fn from_str(text: &str) -> Result<Self, String> {
        let text = text.trim();
        if let Some(path) = text.strip_prefix('=') {
            return parse_path(path).map(Self::Exact);
        }
        if let Some(path) = text.strip_prefix("^~") {
            return parse_path(path).map(Self::PrefixFinal);
        }
        if let Some(regex) = text.strip_prefix("~*") {
            return parse_regex(regex, true);
        }
        if let Some(regex) = text.strip_prefix('~') {
            return parse_regex(regex, false);
        }
        if let Some(name) = text.strip_prefix('@') {
            return parse_name(name);
        }
        parse_path(text).map(Self::Prefix)
    }
}

impl fmt::Display for LocationPattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Exact(path) => write!(f, "= {path}"),
            Self::Prefix(path) => f.write_str(path),
            Self::PrefixFinal(path) => write!(f, "^~ {path}"),
            Self::Regex { text, ignore_case: false, .. } => write!(f, "~ {text}"),
            Self::Regex { text, ignore_case: true, .. } => write!(f, "~* {text}"),
            Self::Named(name) => write!(f, "@{name}"),
        }
    }
}

/// nginx takes a path without its slash too, and never matches it.
fn parse_path(text: &str) -> Result<String, String> {
    let path = text.trim_start();
    if path.starts_with('/') {
        return Ok(path.to_owned());
    }
    if path.is_empty() {
        return Err("a location needs a path, like \"/static/\"".into());
    }
    Err(format!("a location's path begins with a slash: \"/{path}\""))
}

fn parse_name(name: &str) -> Result<LocationPattern, String> {
    if name.is_empty() || name.contains(char::is_whitespace) {
        return Err("`@` is followed by a name of one word, like `@app`".into());
    }
    Ok(LocationPattern::Named(name.to_owned()))
}

/// A regular expression over bytes, as nginx uses PCRE: `.` stands for any byte, so that no invalid
/// UTF-8 in a path slips past a rule.
fn parse_regex(text: &str, ignore_case: bool) -> Result<LocationPattern, String> {
    let text = text.trim_start();
    if text.is_empty() {
        return Err("`~` is followed by a regular expression".into());
    }
    let regex = compile_regex(text, ignore_case)?;
    Ok(LocationPattern::Regex { text: text.to_owned(), ignore_case, regex })
}

/// A compiled expression may take this much memory. It is matched in linear time whatever it is.
const REGEX_SIZE: usize = 1 << 20;

/// Compiles a regular expression of the configuration.
pub fn compile_regex(text: &str, ignore_case: bool) -> Result<Regex, String> {
    RegexBuilder::new(text)
        .unicode(false)
        .case_insensitive(ignore_case)
        .size_limit(REGEX_SIZE)
        .build()
        .map_err(|error| explain(&error))
}

/// The last line of the library's report; the lines before it point into the expression.
fn explain(error: &regex::Error) -> String {
    let text = error.to_string();
    let last = text.lines().last().unwrap_or_default();
    let reason = last.trim_start_matches("error:").trim();
    if reason.contains("Unicode not allowed") {
        return "the regular expression matches bytes; put what is beyond ASCII in `(?u:…)`".into();
    }
    format!("the regular expression is not valid: {reason}")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn location(text: &str) -> Result<String, String> {
        text.parse::<LocationPattern>().map(|pattern| pattern.to_string())
    }

    #[test]
    fn locations_are_read_with_and_without_blanks() {
        for (text, shown) in [
            ("/p", "/p"),
            ("=/p", "= /p"),
            ("=  /p ", "= /p"),
            ("^~/p", "^~ /p"),
            (r"~\.php$", r"~ \.php$"),
            (r"~* \.PHP$", r"~* \.PHP$"),
            ("~ ^/a b", "~ ^/a b"),
            ("@app", "@app"),
            ("/with space", "/with space"),
        ] {
            assert_eq!(location(text).as_deref(), Ok(shown));
            assert_eq!(location(shown).as_deref(), Ok(shown));
        }
    }

    #[test]
    fn faulty_locations_are_refused() {
        for text in ["", "p", "= p", "=", "^~", "~", "~*", "~ (", "~ (?=a)", "@", "@a b", "*/p"] {
            assert!(location(text).is_err(), "{text}");
        }
        assert_eq!(location("static/").unwrap_err(), "a location's path begins with a slash: \"/static/\"");
        assert!(location("~ (?=a)").unwrap_err().contains("look-around"));
    }

    #[test]
    fn expressions_match_bytes_that_are_not_utf8() {
        let pattern: LocationPattern = "~ ^/private/.*$".parse().unwrap();
        assert!(pattern.regex().unwrap().is_match(b"/private/\xff"));
    }
}
