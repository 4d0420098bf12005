//! The way of a path through the file system.

use std::ffi::{OsStr, OsString};
use std::fs;
use std::path::{Component, Path, PathBuf};

/// As many as the kernel follows, path_resolution(7).
const MAX_LINKS: usize = 40;

/// Follows an absolute path from the root on, and says before each step in which real directory which name
/// will be looked up: links' own names, those on the way to where they lead, and the first one that is
/// missing. Returns where it ends, if all of it exists.
pub(super) fn walk(path: &Path, mut step: impl FnMut(&Path, &OsStr)) -> Option<PathBuf> {
    let mut at = PathBuf::from("/");
    let mut ahead = Vec::new();
    push(&mut ahead, path);
    let mut links = 0;
    while let Some(next) = ahead.pop() {
        let name = match next {
            Next::Root => {
                at = PathBuf::from("/");
                continue;
            }
            Next::Up => {
                at.pop();
                continue;
            }
            Next::Name(name) => name,
        };
        step(&at, &name);
        let reached = at.join(&name);
        if fs::symlink_metadata(&reached).ok()?.is_symlink() {
            links += 1;
            if links > MAX_LINKS {
                return None;
            }
            push(&mut ahead, &fs::read_link(&reached).ok()?);
        } else {
            at = reached;
        }
    }
    Some(at)
}

enum Next {
    Root,
    Up,
    Name(OsString),
}

/// The first component is the last one to be pushed.
fn push(ahead: &mut Vec<Next>, path: &Path) {
    ahead.extend(path.components().rev().filter_map(|component| match component {
        Component::RootDir => Some(Next::Root),
        Component::ParentDir => Some(Next::Up),
        Component::Normal(name) => Some(Next::Name(name.to_owned())),
        Component::CurDir | Component::Prefix(_) => None,
    }));
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    /// Real directories below `folder` with the names that were looked up there, and where it ended.
    fn walked(folder: &Path, path: &str) -> (Vec<String>, Option<String>) {
        let shown = |path: &Path| path.strip_prefix(folder).map(|rest| rest.display().to_string()).ok();
        let mut steps = Vec::new();
        let end = walk(&folder.join(path), |directory, name| {
            steps.extend(shown(&directory.join(name)));
        });
        steps.retain(|step| !step.is_empty());
        (steps, end.and_then(|end| shown(&end)))
    }

    fn folder() -> (tempfile::TempDir, PathBuf) {
        let folder = tempfile::tempdir().unwrap();
        let real = folder.path().canonicalize().unwrap();
        (folder, real)
    }

    #[test]
    fn a_plain_path_is_walked_from_the_root() {
        let (_guard, folder) = folder();
        fs::create_dir(folder.join("a")).unwrap();
        fs::write(folder.join("a/b"), "").unwrap();
        let mut directories = Vec::new();
        walk(&folder, |directory, _| directories.push(directory.to_owned()));
        assert_eq!(directories.first().map(PathBuf::as_path), Some(Path::new("/")));
        assert_eq!(walked(&folder, "a/./b"), (vec!["a".into(), "a/b".into()], Some("a/b".into())));
        assert_eq!(walked(&folder, "a/../a/b").1.as_deref(), Some("a/b"));
    }

    #[test]
    fn links_and_where_they_lead_are_both_on_the_way() {
        let (_guard, folder) = folder();
        fs::create_dir_all(folder.join("data1")).unwrap();
        fs::write(folder.join("data1/x"), "").unwrap();
        symlink("data1", folder.join("data")).unwrap();
        symlink(folder.join("data/x"), folder.join("x")).unwrap();
        let (steps, end) = walked(&folder, "x");
        assert_eq!(steps, ["x", "data", "data1", "data1/x"]);
        assert_eq!(end.as_deref(), Some("data1/x"));
    }

    #[test]
    fn it_ends_at_what_is_missing() {
        let (_guard, folder) = folder();
        fs::write(folder.join("file"), "").unwrap();
        symlink("none", folder.join("broken")).unwrap();
        assert_eq!(walked(&folder, "a/b"), (vec!["a".into()], None));
        assert_eq!(walked(&folder, "broken"), (vec!["broken".into(), "none".into()], None));
        assert_eq!(walked(&folder, "file/x").1, None);
    }

    #[test]
    fn links_that_lead_round_in_circles_end() {
        let (_guard, folder) = folder();
        symlink("b", folder.join("a")).unwrap();
        symlink("a", folder.join("b")).unwrap();
        assert_eq!(walked(&folder, "a").1, None);
    }
}
