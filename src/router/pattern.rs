//! Host and location patterns as they are written.

use std::str::FromStr;

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
    fn from_str(_text: &str) -> Result<Self, String> {
        Err("not written yet".into())
    }
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
    Regex { text: String, ignore_case: bool, regex: regex::bytes::Regex },
    /// `@name`, without the at sign; reached only from inside.
    Named(String),
}

impl FromStr for LocationPattern {
    type Err = String;
    fn from_str(_text: &str) -> Result<Self, String> {
        Err("not written yet".into())
    }
}
