//! Looking at files, and having their directories watched, on a thread that may wait for a disk.

use std::collections::{HashMap, HashSet};
use std::ffi::{OsStr, OsString};
use std::io;
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustix::io::Errno;

use super::events::{self, Heard};
use super::path;
use crate::config::Watched;

#[derive(Clone, Copy, Debug)]
pub(super) enum Look {
    /// At files that were not watched so far.
    New,
    /// At what is in them.
    Contents,
    /// At nothing but sizes and times, which had this number.
    Times { former: u64 },
}

#[derive(Debug)]
pub(super) struct Looked {
    pub look: Look,
    pub generation: u64,
    /// As they are now.
    pub watched: Watched,
    pub is_other: bool,
    pub stamp: u64,
    /// `None` if directories are watched as before.
    pub interests: Option<Interests>,
    pub troubles: Vec<(String, io::Error)>,
}

/// What each watched directory is watched for.
#[derive(Debug, Default)]
pub(super) struct Interests(HashMap<i32, Interest>);

#[derive(Debug, Default)]
struct Interest {
    names: HashSet<OsString>,
    /// Any name may come to match a pattern.
    all: bool,
}

impl Look {
    pub(super) fn now(self, generation: u64, mut watched: Watched, inotify: Option<Arc<OwnedFd>>) -> Looked {
        let mut troubles = Vec::new();
        // Watched first: what happens while it is looked at is heard of, and looked at again.
        let interests = match self {
            Self::Times { .. } => None,
            Self::New | Self::Contents => {
                inotify.map(|inotify| Interests::new(&watched, &inotify, &mut troubles))
            }
        };
        let stamp = watched.stamp();
        let is_other = match self {
            Self::New | Self::Contents => watched.refresh(),
            Self::Times { former } => stamp != former,
        };
        Looked { look: self, generation, watched, is_other, stamp, interests, troubles }
    }
}

impl Interests {
    fn new(watched: &Watched, inotify: &OwnedFd, troubles: &mut Vec<(String, io::Error)>) -> Self {
        let mut placing =
            Placing { inotify, descriptors: HashMap::new(), interests: Self::default(), troubles };
        let places = watched.places();
        for file in &places.files {
            path::walk(file, |directory, name| placing.interest(directory, Some(name)));
        }
        for directory in &places.directories {
            let real = path::walk(directory, |directory, name| placing.interest(directory, Some(name)));
            if let Some(real) = real {
                placing.interest(&real, None);
            }
        }
        placing.interests
    }

    pub(super) fn concern(&self, event: &Heard) -> bool {
        // Events that were lost may have been any.
        let Some(directory) = event.directory else { return true };
        let Some(interest) = self.0.get(&directory) else { return false };
        let is_named = |name: &OsString| interest.all || interest.names.contains(name);
        event.name.as_ref().is_none_or(is_named)
    }

    pub(super) fn descriptors(&self) -> impl Iterator<Item = i32> {
        self.0.keys().copied()
    }

    pub(super) fn has(&self, descriptor: i32) -> bool {
        self.0.contains_key(&descriptor)
    }

    pub(super) fn extend(&mut self, other: &Self) {
        for descriptor in other.descriptors() {
            self.0.entry(descriptor).or_default();
        }
    }
}

/// Directories as they are being watched, one by one.
struct Placing<'a> {
    inotify: &'a OwnedFd,
    /// `None` for one that cannot be watched.
    descriptors: HashMap<PathBuf, Option<i32>>,
    interests: Interests,
    troubles: &'a mut Vec<(String, io::Error)>,
}

impl Placing<'_> {
    /// Has a directory watched for a name, or for all of them.
    fn interest(&mut self, directory: &Path, name: Option<&OsStr>) {
        let known = self.descriptors.get(directory).copied();
        let descriptor = known.unwrap_or_else(|| {
            let descriptor = self.watch(directory);
            self.descriptors.insert(directory.to_owned(), descriptor);
            descriptor
        });
        let Some(descriptor) = descriptor else { return };
        let interest = self.interests.0.entry(descriptor).or_default();
        match name {
            Some(name) => drop(interest.names.insert(name.to_owned())),
            None => interest.all = true,
        }
    }

    fn watch(&mut self, directory: &Path) -> Option<i32> {
        match events::watch(self.inotify, directory) {
            Ok(descriptor) => Some(descriptor),
            Err(error) => {
                self.trouble(directory, error);
                None
            }
        }
    }

    fn trouble(&mut self, directory: &Path, error: io::Error) {
        let shown = directory.display();
        match Errno::from_io_error(&error) {
            // It is gone meanwhile, of which the directory above it tells.
            Some(Errno::NOENT | Errno::NOTDIR) => {}
            // One may pass through a directory that one may not list, as through other users' homes.
            Some(Errno::ACCESS) => {
                tracing::debug!("{shown} cannot be watched, since this user may not list it");
            }
            Some(Errno::NOSPC) => {
                let message = format!(
                    "{shown} cannot be watched, since this user has no watch left (raise the sysctl \
                     fs.inotify.max_user_watches)"
                );
                self.troubles.push((message, error));
            }
            _ => self.troubles.push((format!("{shown} cannot be watched"), error)),
        }
    }
}

/// Why there are no events at all.
pub(super) fn no_instance(error: &io::Error) -> String {
    let remedy = match Errno::from_io_error(error) {
        Some(Errno::MFILE) => " (raise the sysctl fs.inotify.max_user_instances, or the limit of open files)",
        _ => "",
    };
    format!("the configuration's files cannot be watched{remedy}")
}

#[cfg(test)]
mod tests {
    use rustix::fs::inotify::{CreateFlags, init};

    use super::*;

    fn troubles(error: Errno) -> Vec<String> {
        let inotify = init(CreateFlags::CLOEXEC).unwrap();
        let mut troubles = Vec::new();
        let (descriptors, interests) = (HashMap::new(), Interests::default());
        let mut placing = Placing { inotify: &inotify, descriptors, interests, troubles: &mut troubles };
        placing.trouble(Path::new("/etc/rproxy"), error.into());
        troubles.into_iter().map(|(message, _)| message).collect()
    }

    #[test]
    fn limits_are_named_with_the_sysctl_that_raises_them() {
        let [no_watch] = &troubles(Errno::NOSPC)[..] else { panic!("there is one message") };
        assert!(no_watch.contains("/etc/rproxy") && no_watch.contains("fs.inotify.max_user_watches"));
        assert!(no_instance(&Errno::MFILE.into()).contains("fs.inotify.max_user_instances"));
        assert!(!no_instance(&Errno::NOMEM.into()).contains("sysctl"));
    }

    #[test]
    fn directories_that_are_gone_or_closed_are_no_trouble() {
        assert!([Errno::NOENT, Errno::NOTDIR, Errno::ACCESS].map(troubles).iter().all(Vec::is_empty));
        assert_eq!(troubles(Errno::NOMEM), ["/etc/rproxy cannot be watched"]);
    }

    #[test]
    fn lost_events_may_have_been_any() {
        let heard = |directory| Heard { directory, name: Some("x".into()), is_writing: false };
        assert!(Interests::default().concern(&heard(None)));
        assert!(!Interests::default().concern(&heard(Some(1))));
    }
}
