//! From the path of a request to a path below a location's directory. Pure: nothing is looked at on disk.

use std::borrow::Cow;

/// How much of a request's path names the location rather than the file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Strip {
    /// Nothing, the whole path lies below the directory: nginx's `root`. Also for regular expressions,
    /// which match no prefix that could be taken off.
    Nothing,
    /// The matched prefix: nginx's `alias`.
    Prefix,
    /// All up to the last slash, for exact locations: `= /favicon.ico` is `favicon.ico` in the directory.
    Parent,
}

/// A path below a directory: no empty, `.`, `..` or hidden segment, no NUL, neither slash at its ends.
/// It is empty for the directory itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Relative<'a> {
    pub path: Cow<'a, [u8]>,
    /// Written with a closing slash, so it must be a directory.
    pub slash: bool,
}

impl<'a> Relative<'a> {
    /// Where a decoded and normalised path leads, of which `matched` bytes matched the location.
    /// `None` leads nowhere: that is a 404.
    pub fn resolve(path: &'a [u8], matched: usize, strip: Strip) -> Option<Self> {
        let start = match strip {
            Strip::Nothing => 0,
            Strip::Prefix => matched,
            Strip::Parent => memchr::memrchr(b'/', path)? + 1,
        };
        let (prefix, rest) = path.split_at_checked(start)?;
        // `/static` must not take `/static../x` or `/staticfoo` along: the cut is between segments.
        let rest = if prefix.ends_with(b"/") || rest.is_empty() { rest } else { rest.strip_prefix(b"/")? };
        Self::below(rest, path.ends_with(b"/"))
    }

    /// The same for a path that `try` has made. It may begin with the location's prefix, as `$uri` does,
    /// or mean the directory right away.
    pub fn candidate(path: &'a [u8], prefix: &[u8], strip: Strip) -> Option<Self> {
        match strip {
            Strip::Prefix if path.starts_with(prefix) => Self::resolve(path, prefix.len(), strip),
            Strip::Parent if path.starts_with(prefix) => Self::resolve(path, path.len(), strip),
            _ => Self::below(path.strip_prefix(b"/").unwrap_or(path), path.ends_with(b"/")),
        }
    }

    /// An entry of this directory, such as its index.
    pub fn entry(&self, name: &str) -> Option<Self> {
        let mut path = self.path.to_vec();
        if !path.is_empty() {
            path.push(b'/');
        }
        path.extend_from_slice(name.as_bytes());
        // The name is the operator's own and may begin with a dot, but it may not lead elsewhere.
        is_plain(&path).then_some(Self { path: path.into(), slash: false })
    }

    fn below(path: &'a [u8], slash: bool) -> Option<Self> {
        let path = match path.strip_suffix(b"/") {
            Some(b"") => return None,
            Some(path) => path,
            None => path,
        };
        let visible = path.is_empty() || (is_plain(path) && !is_hidden(path));
        visible.then_some(Self { path: path.into(), slash })
    }
}

/// Whether every segment is a name. Paths come here normalised, so this should not refuse any; the
/// kernel is asked to stay beneath the directory as well.
pub fn is_plain(path: &[u8]) -> bool {
    let mut segments = path.split(|byte| *byte == b'/');
    segments.all(|name| !matches!(name, b"" | b"." | b"..")) && !path.contains(&0)
}

/// Dot files hold what deployments leave behind (`.git`, `.env`, `.htpasswd`); what RFC 8615 puts into
/// `/.well-known/` is meant to be read.
pub fn is_hidden(path: &[u8]) -> bool {
    let mut segments = path.split(|byte| *byte == b'/');
    let first = segments.next().unwrap_or_default();
    (first.starts_with(b".") && first != b".well-known") || segments.any(|name| name.starts_with(b"."))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// The path below the directory, with its closing slash.
    fn shown(relative: Option<Relative<'_>>) -> Option<String> {
        let relative = relative?;
        let slash = if relative.slash { "/" } else { "" };
        Some(format!("{}{slash}", String::from_utf8_lossy(&relative.path)))
    }

    fn alias(prefix: &str, path: &str) -> Option<String> {
        shown(Relative::resolve(path.as_bytes(), prefix.len(), Strip::Prefix))
    }

    fn root(path: &str) -> Option<String> {
        shown(Relative::resolve(path.as_bytes(), 1, Strip::Nothing))
    }

    #[test]
    fn the_matched_prefix_is_stripped() {
        assert_eq!(alias("/static/", "/static/css/a.css").as_deref(), Some("css/a.css"));
        assert_eq!(alias("/static", "/static/css/a.css").as_deref(), Some("css/a.css"));
        assert_eq!(alias("/", "/a.css").as_deref(), Some("a.css"));
        assert_eq!(alias("/static/", "/static/sub/").as_deref(), Some("sub/"));
    }

    #[test]
    fn the_directory_itself_is_empty() {
        assert_eq!(alias("/static/", "/static/").as_deref(), Some("/"));
        assert_eq!(alias("/static", "/static/").as_deref(), Some("/"));
        assert_eq!(alias("/static", "/static").as_deref(), Some(""));
        assert_eq!(root("/").as_deref(), Some("/"));
    }

    #[test]
    fn root_keeps_the_prefix() {
        assert_eq!(root("/static/a.css").as_deref(), Some("static/a.css"));
    }

    #[test]
    fn exact_locations_name_an_entry_of_the_directory() {
        let exact = |path: &'static str| shown(Relative::resolve(path.as_bytes(), path.len(), Strip::Parent));
        assert_eq!(exact("/favicon.ico").as_deref(), Some("favicon.ico"));
        assert_eq!(exact("/a/b.txt").as_deref(), Some("b.txt"));
        assert_eq!(exact("/docs/").as_deref(), Some("/"));
        assert_eq!(exact("/.env"), None);
    }

    #[test]
    fn off_by_slash_alias_takes_whole_segments_only() {
        assert_eq!(alias("/static", "/static../secret"), None);
        assert_eq!(alias("/static", "/staticfoo"), None);
        assert_eq!(alias("/static", "/static.bak/x"), None);
        assert_eq!(alias("/static/", "/stat"), None);
    }

    #[test]
    fn hidden_and_backup_files_are_not_there() {
        for path in [
            "/.git/config",
            "/.env",
            "/a/.htpasswd",
            "/a/.b/c",
            "/a/.well-known/x",
            "/.well-known/.x",
            "/...",
        ] {
            assert_eq!(root(path), None, "{path}");
        }
        assert_eq!(root("/.well-known/security.txt").as_deref(), Some(".well-known/security.txt"));
        assert_eq!(root("/.well-known").as_deref(), Some(".well-known"));
    }

    #[test]
    fn what_normalising_should_have_removed_is_refused() {
        for path in ["//", "/a//b", "//a", "/a//", "/a/../b", "/..", "/../", "/./a", "/a/.", "/a\0b", "/\0"] {
            assert_eq!(root(path), None, "{path:?}");
            assert_eq!(alias("/", path), None, "{path:?}");
        }
    }

    #[test]
    fn candidates_may_carry_the_prefix_or_not() {
        let candidate =
            |path: &'static str| shown(Relative::candidate(path.as_bytes(), b"/static/", Strip::Prefix));
        assert_eq!(candidate("/static/a.css").as_deref(), Some("a.css"));
        assert_eq!(candidate("/fallback.html").as_deref(), Some("fallback.html"));
        assert_eq!(candidate("fallback.html").as_deref(), Some("fallback.html"));
        assert_eq!(candidate("/static/../secret"), None);
        assert_eq!(candidate("/.env"), None);
        assert_eq!(shown(Relative::candidate(b"/staticfoo", b"/static", Strip::Prefix)), None);
        assert_eq!(
            shown(Relative::candidate(b"/static/a", b"/static/", Strip::Nothing)).as_deref(),
            Some("static/a")
        );
    }

    #[test]
    fn entries_stay_in_their_directory() {
        let sub = Relative { path: b"sub"[..].into(), slash: true };
        let top = Relative { path: b""[..].into(), slash: true };
        assert_eq!(shown(sub.entry("index.html")).as_deref(), Some("sub/index.html"));
        assert_eq!(shown(top.entry("index.html")).as_deref(), Some("index.html"));
        for name in ["", "..", "../x", "/etc/passwd", "a\0b"] {
            assert_eq!(shown(top.entry(name)), None, "{name:?}");
        }
    }

    proptest! {
        #[test]
        fn a_path_is_never_absolute_never_climbs_and_never_hides(
            path in "[/.a\\x00~]{0,24}", matched in 0_usize..26, strip in 0_usize..3
        ) {
            let strip = [Strip::Nothing, Strip::Prefix, Strip::Parent][strip];
            if let Some(relative) = Relative::resolve(path.as_bytes(), matched, strip) {
                let plain = relative.path.is_empty()
                    || relative.path.split(|byte| *byte == b'/').all(|name| {
                        !name.is_empty() && !name.starts_with(b".") && !name.contains(&0)
                    });
                prop_assert!(plain, "{relative:?}");
            }
        }
    }
}
