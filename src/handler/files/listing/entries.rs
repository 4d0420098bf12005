//! What a directory holds that could be fetched as well.

use std::ffi::CStr;
use std::os::fd::{BorrowedFd, OwnedFd};

use rustix::fs::{Access, AtFlags, Dir, FileType, Stat, accessat, statat};
use rustix::io::Errno;

use crate::http::Date;

/// Of a directory, so many entries are looked at: more are nothing to read through, and the page would
/// take megabytes.
pub const MOST: usize = 10_000;

#[derive(Debug, Default)]
pub struct Contents {
    pub entries: Vec<Entry>,
    /// There are more, which were not looked at.
    pub truncated: bool,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// As the file system has it, which need not be UTF-8.
    pub name: Box<[u8]>,
    pub kind: Kind,
    /// Unless the time is none that can be written.
    pub modified: Option<Date>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Directory,
    /// Its size in bytes.
    File(u64),
}

impl Entry {
    pub fn is_directory(&self) -> bool {
        self.kind == Kind::Directory
    }

    pub fn size(&self) -> u64 {
        match self.kind {
            Kind::Directory => 0,
            Kind::File(size) => size,
        }
    }
}

/// `is_top` is for the directory of the location itself.
pub fn read(
    directory: OwnedFd,
    is_top: bool,
    follow: &dyn Fn(&CStr) -> Option<Stat>,
) -> Result<Contents, Errno> {
    let mut directory = Dir::new(directory)?;
    let mut contents = Contents::default();
    let mut looked = 0;
    while let Some(found) = directory.read() {
        let found = found?;
        let name = found.file_name();
        if matches!(name.to_bytes(), b"." | b"..") {
            continue;
        }
        if looked == MOST {
            contents.truncated = true;
            break;
        }
        looked += 1;
        if is_reachable(name.to_bytes(), is_top) {
            contents.entries.extend(entry(directory.fd()?, name, follow));
        }
    }
    Ok(contents)
}

/// Whether a request could name it: hidden files are not there for clients, and paths with control characters
/// are refused.
fn is_reachable(name: &[u8], is_top: bool) -> bool {
    let hidden = name.starts_with(b".") && !(is_top && name == b".well-known");
    !hidden && !name.iter().any(u8::is_ascii_control)
}

/// Nothing for what would be refused, or is gone already.
fn entry(directory: BorrowedFd<'_>, name: &CStr, follow: &dyn Fn(&CStr) -> Option<Stat>) -> Option<Entry> {
    let stat = statat(directory, name, AtFlags::SYMLINK_NOFOLLOW).ok()?;
    let stat = if file_type(&stat) == FileType::Symlink { follow(name)? } else { stat };
    let (kind, needed) = match file_type(&stat) {
        FileType::Directory => (Kind::Directory, Access::EXEC_OK),
        FileType::RegularFile => (Kind::File(u64::try_from(stat.st_size).ok()?), Access::READ_OK),
        _ => return None,
    };
    let allowed = accessat(directory, name, needed, AtFlags::EACCESS) != Err(Errno::ACCESS);
    let modified = Date::from_seconds(stat.st_mtime);
    allowed.then(|| Entry { name: name.to_bytes().into(), kind, modified })
}

fn file_type(stat: &Stat) -> FileType {
    FileType::from_raw_mode(stat.st_mode)
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::ffi::OsStrExt;
    use std::os::unix::fs::symlink;
    use std::os::unix::net::UnixListener;
    use std::path::Path;

    use rustix::fs::{CWD, Mode, OFlags, mknodat};
    use tempfile::TempDir;

    use super::*;

    fn open(path: &Path) -> OwnedFd {
        rustix::fs::open(path, OFlags::RDONLY | OFlags::DIRECTORY, Mode::empty()).unwrap()
    }

    fn names(path: &Path, is_top: bool, follow: &dyn Fn(&CStr) -> Option<Stat>) -> Vec<String> {
        let contents = read(open(path), is_top, follow).unwrap();
        let shown = |entry: Entry| {
            let slash = if entry.is_directory() { "/" } else { "" };
            format!("{}{slash}", entry.name.escape_ascii())
        };
        let mut names: Vec<String> = contents.entries.into_iter().map(shown).collect();
        names.sort();
        names
    }

    fn refuse(_: &CStr) -> Option<Stat> {
        None
    }

    #[test]
    fn files_have_size_and_date_and_directories_a_date() {
        let temp = tempfile::tempdir().unwrap();
        fs::write(temp.path().join("a.txt"), "12345").unwrap();
        let time = std::time::UNIX_EPOCH + std::time::Duration::from_secs(1_000_000);
        fs::File::open(temp.path().join("a.txt")).unwrap().set_modified(time).unwrap();
        let contents = read(open(temp.path()), true, &refuse).unwrap();
        let expected =
            Entry { name: b"a.txt"[..].into(), kind: Kind::File(5), modified: Date::from_seconds(1_000_000) };
        assert_eq!((contents.entries, contents.truncated), (vec![expected], false));
    }

    #[test]
    fn what_cannot_be_fetched_is_not_shown() {
        let temp = tempfile::tempdir().unwrap();
        let at = |name: &str| temp.path().join(name);
        for name in ["a.txt", ".env", "line\nfeed", "tab\t"] {
            fs::write(at(name), "").unwrap();
        }
        for name in ["sub", ".git", ".well-known"] {
            fs::create_dir(at(name)).unwrap();
        }
        let invalid = std::ffi::OsStr::from_bytes(b"\xff.txt");
        fs::write(temp.path().join(invalid), "").unwrap();
        mknodat(CWD, at("fifo"), FileType::Fifo, Mode::RUSR, 0).unwrap();
        let _listener = UnixListener::bind(at("socket")).unwrap();
        symlink("a.txt", at("link")).unwrap();
        let (top, below) = (names(temp.path(), true, &refuse), names(temp.path(), false, &refuse));
        assert_eq!(top, [".well-known/", "\\xff.txt", "a.txt", "sub/"]);
        assert_eq!(below, ["\\xff.txt", "a.txt", "sub/"]);
    }

    #[test]
    fn links_are_what_they_lead_to_if_they_may_be_followed() {
        let temp = tempfile::tempdir().unwrap();
        fs::write(temp.path().join("file"), "12345").unwrap();
        fs::create_dir(temp.path().join("sub")).unwrap();
        for (target, name) in
            [("file", "to-file"), ("sub", "to-sub"), ("none", "to-none"), ("file", "barred")]
        {
            symlink(target, temp.path().join(name)).unwrap();
        }
        let base = open(temp.path());
        let follow = |name: &CStr| {
            let stat = statat(&base, name, AtFlags::empty()).ok();
            stat.filter(|_| name.to_bytes() != b"barred")
        };
        assert_eq!(names(temp.path(), true, &follow), ["file", "sub/", "to-file", "to-sub/"]);
        assert_eq!(names(temp.path(), true, &refuse), ["file", "sub/"]);
    }

    #[test]
    fn a_directory_is_read_only_so_far() {
        let temp = TempDir::new().unwrap();
        for number in 0..MOST {
            fs::File::create(temp.path().join(number.to_string())).unwrap();
        }
        let contents = read(open(temp.path()), true, &refuse).unwrap();
        assert_eq!((contents.entries.len(), contents.truncated), (MOST, false));
        fs::write(temp.path().join("more"), "").unwrap();
        let contents = read(open(temp.path()), true, &refuse).unwrap();
        assert_eq!((contents.entries.len(), contents.truncated), (MOST, true));
    }

    #[test]
    fn a_directory_that_is_gone_is_empty() {
        let temp = tempfile::tempdir().unwrap();
        let directory = open(temp.path());
        drop(temp);
        let contents = read(directory, true, &refuse);
        assert!(contents.is_ok_and(|contents| contents.entries.is_empty()));
    }
}
