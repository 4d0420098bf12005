//! Host and location patterns as they are written.

use std::fmt;
use std::str::FromStr;

use regex::bytes::{Regex, RegexBuilder};

/// One entry of `hosts`.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum HostPattern {
    /// Lower case.
    Exact(String),
    /// `*.example.com`, without the star: `.example.com`.
    Suffix(String),
    /// `example.*`, without the star: `example.`.
    Prefix(String),
}

impl FromStr for HostPattern {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let lower = text.to_ascii_lowercase();
        refuse_foreign_hosts(&lower)?;
        let (labels, pattern) = match (lower.strip_prefix("*."), lower.strip_suffix(".*")) {
            (Some(labels), None) => (labels, Self::Suffix(format!(".{labels}"))),
            (None, Some(labels)) => (labels, Self::Prefix(format!("{labels}."))),
            _ => {
                let name = lower.strip_suffix('.').unwrap_or(&lower);
                (name, Self::Exact(name.to_owned()))
            }
        };
        if labels.contains('*') {
            return Err(format!(
                "`{text}`: a star stands for whole labels at one end, as in `*.example.com` or `example.*`"
            ));
        }
        if !is_address(labels) && !labels.split('.').all(is_label) {
            return Err(format!("`{text}` is not a host name"));
        }
        Ok(pattern)
    }
}

impl fmt::Display for HostPattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Exact(name) => f.write_str(name),
            Self::Suffix(suffix) => write!(f, "*{suffix}"),
            Self::Prefix(prefix) => write!(f, "{prefix}*"),
        }
    }
}

/// What nginx's users write, or a URL's reader, and what to write here.
fn refuse_foreign_hosts(text: &str) -> Result<(), String> {
    if matches!(text, "" | "_" | "*") {
        return Err(format!(
            "`{text}` names no host; a site without `hosts` is the default of its listeners"
        ));
    }
    if text.starts_with('~') {
        return Err("hosts are names, not regular expressions; use `*.example.com` or `example.*`".into());
    }
    if let Some(name) = text.strip_prefix('.') {
        return Err(format!("write both \"{name}\" and \"*.{name}\""));
    }
    if text.contains("//") {
        return Err(format!("`{text}` is a URL; write its host only"));
    }
    if !text.starts_with('[') && text.contains(':') {
        return Err(format!("`{text}` has a port; hosts are matched without it, ports belong into `listen`"));
    }
    Ok(())
}

fn is_address(name: &str) -> bool {
    let inner = name.strip_prefix('[').and_then(|rest| rest.strip_suffix(']'));
    inner.is_some_and(|inner| inner.parse::<std::net::Ipv6Addr>().is_ok())
}

/// RFC 1123 labels, and the underscore that container networks use.
fn is_label(label: &str) -> bool {
    !label.is_empty()
        && label.len() <= 63
        && label.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_')
}

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

    #[test]
    fn hosts_are_read() {
        for (text, pattern) in [
            ("Example.COM", HostPattern::Exact("example.com".into())),
            ("example.com.", HostPattern::Exact("example.com".into())),
            ("localhost", HostPattern::Exact("localhost".into())),
            ("my_app", HostPattern::Exact("my_app".into())),
            ("127.0.0.1", HostPattern::Exact("127.0.0.1".into())),
            ("[::1]", HostPattern::Exact("[::1]".into())),
            ("*.example.com", HostPattern::Suffix(".example.com".into())),
            ("example.*", HostPattern::Prefix("example.".into())),
        ] {
            assert_eq!(text.parse(), Ok(pattern));
        }
    }

    #[test]
    fn faulty_hosts_are_refused() {
        for text in [
            "",
            "_",
            "*",
            "~^a$",
            ".example.com",
            "http://a",
            "a:80",
            "*a.com",
            "a.*.b",
            "*.a.*",
            "a..b",
            "a b",
            "*..a",
            "[::g]",
            "a/b",
            "é.fr",
        ] {
            assert!(text.parse::<HostPattern>().is_err(), "{text}");
        }
    }
}
