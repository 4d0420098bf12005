//! Host patterns as they are written.

use std::fmt;
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

#[cfg(test)]
mod tests {
    use super::*;

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
