//! Why a Unix socket cannot be reached: the first component of its path that is in the way.
//!
//! `EACCES` and `ENOENT` name no component, and the socket's own mode is rarely the obstacle.

use std::collections::HashMap;
use std::io;
use std::os::unix::fs::{FileTypeExt, MetadataExt};
use std::path::Path;

/// What stands in the way of connecting to the socket at `path`, and what to do about it; `None`
/// when every component exists and lets us pass.
pub(super) fn diagnose(path: &Path) -> Option<String> {
    let stat = |path: &Path| std::fs::metadata(path).map(|found| Entry::from(&found));
    walk(path, &Identity::of_process(), &stat, &Names::of_system)
}

/// What is looked at of a file.
#[derive(Clone, Copy, Debug)]
struct Entry {
    kind: Kind,
    mode: u32,
    uid: u32,
    gid: u32,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Directory,
    Socket,
    Other,
}

impl From<&std::fs::Metadata> for Entry {
    fn from(found: &std::fs::Metadata) -> Self {
        let kind = match found.file_type() {
            kind if kind.is_dir() => Kind::Directory,
            kind if kind.is_socket() => Kind::Socket,
            _ => Kind::Other,
        };
        Self { kind, mode: found.mode() & 0o7777, uid: found.uid(), gid: found.gid() }
    }
}

/// Whose permissions count.
#[derive(Debug)]
struct Identity {
    uid: u32,
    gids: Vec<u32>,
}

impl Identity {
    fn of_process() -> Self {
        let mut gids: Vec<u32> = rustix::process::getgroups()
            .unwrap_or_default()
            .into_iter()
            .map(rustix::process::Gid::as_raw)
            .collect();
        gids.push(rustix::process::getegid().as_raw());
        Self { uid: rustix::process::geteuid().as_raw(), gids }
    }

    /// The class of permission bits that decides (path_resolution(7)), as chmod writes it.
    fn class(&self, entry: &Entry) -> (char, u32) {
        if self.uid == entry.uid {
            ('u', 6)
        } else if self.gids.contains(&entry.gid) {
            ('g', 3)
        } else {
            ('o', 0)
        }
    }

    fn may(&self, entry: &Entry, bit: u32) -> bool {
        let (_, shift) = self.class(entry);
        self.uid == 0 || entry.mode & (bit << shift) != 0
    }
}

const EXECUTE: u32 = 1;
const WRITE: u32 = 2;

fn walk(
    path: &Path,
    us: &Identity,
    stat: &dyn Fn(&Path) -> io::Result<Entry>,
    names: &dyn Fn() -> Names,
) -> Option<String> {
    let mut directories: Vec<_> =
        path.ancestors().skip(1).filter(|part| !part.as_os_str().is_empty()).collect();
    directories.reverse();
    for directory in directories {
        let shown = directory.display();
        let entry = match stat(directory) {
            Ok(entry) => entry,
            Err(error) => return Some(unseen(directory, &error, "create it, or start what creates it")),
        };
        if entry.kind != Kind::Directory {
            return Some(format!("{shown} is not a directory; correct the socket's path in `servers`"));
        }
        if !us.may(&entry, EXECUTE) {
            return Some(names().refusal(directory, &entry, us, EXECUTE));
        }
    }
    socket(path, us, stat, names)
}

fn socket(
    path: &Path,
    us: &Identity,
    stat: &dyn Fn(&Path) -> io::Result<Entry>,
    names: &dyn Fn() -> Names,
) -> Option<String> {
    let shown = path.display();
    match stat(path) {
        Err(error) => Some(unseen(path, &error, "start the app server, or correct the path in `servers`")),
        Ok(entry) if entry.kind != Kind::Socket => {
            Some(format!("{shown} is not a socket; correct the path in `servers`"))
        }
        Ok(entry) if !us.may(&entry, WRITE) => Some(names().refusal(path, &entry, us, WRITE)),
        Ok(_) => None,
    }
}

fn unseen(path: &Path, error: &io::Error, remedy: &str) -> String {
    let shown = path.display();
    match error.kind() {
        io::ErrorKind::NotFound => format!("{shown} does not exist; {remedy}"),
        io::ErrorKind::PermissionDenied => {
            format!("{shown} leads through a directory that may not be entered: is it a symbolic link?")
        }
        _ => format!("{shown} cannot be looked at: {error}"),
    }
}

/// Names of users and groups, where they have any.
#[derive(Debug, Default)]
struct Names {
    users: HashMap<u32, String>,
    groups: HashMap<u32, String>,
}

impl Names {
    fn of_system() -> Self {
        let read = |file| std::fs::read_to_string(file).map(|text| by_id(&text)).unwrap_or_default();
        Self { users: read("/etc/passwd"), groups: read("/etc/group") }
    }

    /// Who is kept out of what, and the least change that lets them in.
    fn refusal(&self, path: &Path, entry: &Entry, us: &Identity, bit: u32) -> String {
        let (act, letter) = if bit == WRITE { ("written", 'w') } else { ("entered", 'x') };
        let (shown, mode, uid) = (path.display(), entry.mode, us.uid);
        let (owner, group) = (name(&self.users, entry.uid), name(&self.groups, entry.gid));
        let (class, _) = us.class(entry);
        let mut text = format!(
            "{shown} (mode {mode:04o}, owner {owner}:{group}) cannot be {act} by uid {uid}; \
             give that user access: chmod {class}+{letter} {shown}"
        );
        if class == 'o' && entry.mode & (bit << 3) != 0 {
            text += " or add it to the group ";
            text += &group;
        }
        text
    }
}

fn name(names: &HashMap<u32, String>, id: u32) -> String {
    names.get(&id).cloned().unwrap_or_else(|| id.to_string())
}

/// passwd(5) and group(5) both have the name first and the number third.
fn by_id(text: &str) -> HashMap<u32, String> {
    let entry = |line: &str| {
        let mut parts = line.split(':');
        let name = parts.next()?.to_owned();
        Some((parts.nth(1)?.parse().ok()?, name))
    };
    text.lines().filter_map(entry).collect()
}

#[cfg(test)]
mod tests;
