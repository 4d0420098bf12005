//! What a configuration was read from, and whether that is as it was.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, File};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::io::{self, Read};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use super::glob;

/// Of a longer file its beginning, its length and its time have to do.
const MAX_READ: u64 = 16 << 20;

/// Files as they were when they were read, and patterns that may come to match others.
#[derive(Clone, Debug, Default)]
pub struct Watched {
    files: BTreeMap<PathBuf, Fingerprint>,
    /// With the directory that each is relative to.
    patterns: BTreeSet<(PathBuf, String)>,
}

/// What lies at a path, links followed.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Fingerprint {
    /// Whatever it holds.
    File(u64),
    /// By its real path: a link may come to lead to another.
    Directory(PathBuf),
    Unreadable(io::ErrorKind),
    /// A socket, a pipe or a device, which is not read.
    Other,
}

/// Where to look for changes.
#[derive(Debug, Default)]
pub struct Places {
    /// Whether they exist or not; some are directories that a pattern passes through.
    pub files: BTreeSet<PathBuf>,
    /// Directories where any new name may match a pattern.
    pub directories: BTreeSet<PathBuf>,
}

impl Watched {
    /// A file that is about to be read. Should it change meanwhile, that is a change.
    pub(super) fn file(&mut self, path: &Path) {
        self.files.insert(path.to_owned(), fingerprint(path));
    }

    /// An include that is about to be looked up.
    pub(super) fn pattern(&mut self, directory: &Path, pattern: &str) {
        for passed in glob::look(directory, pattern).map(|found| found.passed).unwrap_or_default() {
            self.file(&passed);
        }
        self.patterns.insert((directory.to_owned(), pattern.to_owned()));
    }

    /// Adds what was read since.
    pub fn extend(&mut self, newer: Self) {
        self.files.extend(newer.files);
        self.patterns.extend(newer.patterns);
    }

    pub fn places(&self) -> Places {
        let mut places = Places { files: self.files.keys().cloned().collect(), ..Places::default() };
        for (directory, pattern) in &self.patterns {
            // A faulty pattern was reported when it was read.
            let found = glob::look(directory, pattern).unwrap_or_default();
            places.files.extend(found.passed.into_iter().chain(found.files));
            places.directories.extend(found.directories);
        }
        places
    }

    /// Looks at all of it again: whether anything is otherwise than the last time.
    pub fn refresh(&mut self) -> bool {
        let mut changed = false;
        for path in self.places().files {
            let found = fingerprint(&path);
            changed |= self.files.get(&path) != Some(&found);
            self.files.insert(path, found);
        }
        changed
    }

    /// A number for what the file system says of all of it, without reading: as long as it is the same,
    /// nothing has changed.
    pub fn stamp(&self) -> u64 {
        let Places { files, directories } = self.places();
        let mut hasher = DefaultHasher::new();
        for path in files.iter().chain(&directories) {
            let about = fs::metadata(path).ok();
            let about = about.map(|about| {
                let times = (about.mtime(), about.mtime_nsec(), about.ctime(), about.ctime_nsec());
                (about.dev(), about.ino(), about.size(), times)
            });
            (path, about).hash(&mut hasher);
        }
        hasher.finish()
    }
}

fn fingerprint(path: &Path) -> Fingerprint {
    match fs::metadata(path) {
        Ok(about) if about.is_dir() => {
            Fingerprint::Directory(path.canonicalize().unwrap_or_else(|_| path.to_owned()))
        }
        Ok(about) if !about.is_file() => Fingerprint::Other,
        Ok(_) => contents(path).map_or_else(|error| Fingerprint::Unreadable(error.kind()), Fingerprint::File),
        Err(error) => Fingerprint::Unreadable(error.kind()),
    }
}

fn contents(path: &Path) -> io::Result<u64> {
    let file = File::open(path)?;
    let about = file.metadata()?;
    let mut bytes = Vec::new();
    file.take(MAX_READ).read_to_end(&mut bytes)?;
    let mut hasher = DefaultHasher::new();
    bytes.hash(&mut hasher);
    if bytes.len() as u64 == MAX_READ {
        (about.size(), about.mtime(), about.mtime_nsec()).hash(&mut hasher);
    }
    Ok(hasher.finish())
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;
    use crate::config::load;

    const SITE: &str = "[[site]]\nlisten = [\":80\"]\nerrors = { \"404\" = \"404.html\" }\n[[site.location]]\nmatch = \"/\"\nrespond = {}\n";

    /// A file that includes others, as it was read; good or bad.
    fn watched(folder: &Path, text: &str) -> Watched {
        fs::write(folder.join("site.toml"), text).unwrap();
        match load(&folder.join("site.toml")) {
            Ok(loaded) => loaded.warnings.watched().clone(),
            Err(report) => report.watched().clone(),
        }
    }

    #[test]
    fn what_is_as_it_was_is_no_change() {
        let folder = tempfile::tempdir().unwrap();
        let mut watched = watched(folder.path(), &format!("include = [\"sites/*.toml\"]\n{SITE}"));
        assert!(!watched.refresh());
        fs::write(folder.path().join("other.toml"), "").unwrap();
        fs::write(folder.path().join("site.toml"), format!("include = [\"sites/*.toml\"]\n{SITE}")).unwrap();
        assert!(!watched.refresh());
    }

    #[test]
    fn every_file_that_was_read_counts() {
        let folder = tempfile::tempdir().unwrap();
        let part = folder.path().join("part.toml");
        fs::write(&part, "").unwrap();
        let mut watched = watched(folder.path(), &format!("include = [\"part.toml\"]\n{SITE}"));
        for (path, text) in [("site.toml", SITE), ("part.toml", "# new"), ("404.html", "not here")] {
            fs::write(folder.path().join(path), text).unwrap();
            assert!(watched.refresh(), "{path}");
            assert!(!watched.refresh(), "{path}");
        }
        fs::remove_file(part).unwrap();
        assert!(watched.refresh());
    }

    #[test]
    fn a_file_that_comes_to_match_counts() {
        let folder = tempfile::tempdir().unwrap();
        let mut watched = watched(folder.path(), &format!("include = [\"sites/*.toml\"]\n{SITE}"));
        fs::create_dir(folder.path().join("sites")).unwrap();
        assert!(watched.refresh());
        fs::write(folder.path().join("sites/.hidden.toml"), "").unwrap();
        assert!(!watched.refresh());
        fs::write(folder.path().join("sites/a.toml"), "").unwrap();
        assert!(watched.refresh());
    }

    #[test]
    fn a_bad_file_tells_what_it_was_read_from() {
        let folder = tempfile::tempdir().unwrap();
        let mut watched = watched(folder.path(), "include = [\"missing.toml\"]\nfaulty =");
        assert!(!watched.refresh());
        let mut watched = self::watched(folder.path(), &format!("include = [\"missing.toml\"]\n{SITE}"));
        fs::write(folder.path().join("missing.toml"), "").unwrap();
        assert!(watched.refresh());
    }

    #[test]
    fn a_directory_whose_link_leads_elsewhere_counts() {
        let folder = tempfile::tempdir().unwrap();
        for name in ["one", "two"] {
            fs::create_dir(folder.path().join(name)).unwrap();
        }
        symlink("one", folder.path().join("media")).unwrap();
        let text = "[[site]]\nlisten = [\":80\"]\n[[site.location]]\nmatch = \"/\"\nfiles = \"media\"\ninternal = true\n";
        let mut watched = watched(folder.path(), text);
        fs::write(folder.path().join("one/film.mp4"), "").unwrap();
        assert!(!watched.refresh());
        fs::remove_file(folder.path().join("media")).unwrap();
        symlink("two", folder.path().join("media")).unwrap();
        assert!(watched.refresh());
    }

    #[test]
    fn a_stamp_is_another_after_any_change() {
        let folder = tempfile::tempdir().unwrap();
        let watched = watched(folder.path(), &format!("include = [\"*.toml\"]\n{SITE}"));
        let stamp = watched.stamp();
        assert_eq!(watched.stamp(), stamp);
        fs::write(folder.path().join("more.toml"), "").unwrap();
        assert_ne!(watched.stamp(), stamp);
        let stamp = watched.stamp();
        fs::write(folder.path().join("404.html"), "").unwrap();
        assert_ne!(watched.stamp(), stamp);
    }

    #[test]
    fn neither_length_nor_kind_keeps_the_reader() {
        let folder = tempfile::tempdir().unwrap();
        let long = File::create(folder.path().join("long")).unwrap();
        long.set_len(MAX_READ + 1).unwrap();
        let mut watched = Watched::default();
        watched.file(Path::new("/dev/zero"));
        watched.file(&folder.path().join("long"));
        assert!(!watched.refresh());
        long.set_len(MAX_READ + 2).unwrap();
        assert!(watched.refresh());
    }
}
