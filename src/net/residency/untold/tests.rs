use std::fs::{self, File};
use std::io::{BufRead, BufReader, Write};
use std::os::fd::AsFd;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;

use tempfile::TempDir;

use super::super::recent::TRUSTED;
use super::*;
use crate::net::disk;

/// A file on an overlay that only a process of ours sees.
struct Overlay {
    child: Child,
    directory: TempDir,
}

impl Overlay {
    fn of(length: u64) -> Self {
        let directory = tempfile::tempdir_in(env!("CARGO_MANIFEST_DIR")).unwrap();
        for name in ["lower", "mounted"] {
            fs::create_dir(directory.path().join(name)).unwrap();
        }
        File::create(directory.path().join("lower/file")).unwrap().set_len(length).unwrap();
        // In namespaces of its own anybody may mount. Read-only it takes two directories.
        let mut child = Command::new("unshare")
            .args(["--map-root-user", "--mount", "sh", "-c"])
            .arg("mount -t overlay -o lowerdir=lower:mounted overlay mounted && echo mounted && exec cat")
            .current_dir(directory.path())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.as_mut().unwrap()).read_line(&mut line).unwrap();
        assert_eq!(line, "mounted\n", "an overlay cannot be mounted without privileges: Linux 5.11 can");
        Self { child, directory }
    }

    fn file(&self) -> Arc<File> {
        let path = format!("/proc/{}/root{}/mounted/file", self.child.id(), self.directory.path().display());
        Arc::new(File::open(path).unwrap())
    }
}

impl Drop for Overlay {
    fn drop(&mut self) {
        drop(self.child.stdin.take());
        let _ = self.child.wait();
    }
}

/// A file that is taken to lie on an overlay.
fn file(length: u64) -> File {
    let file = tempfile::tempfile().unwrap();
    file.set_len(length).unwrap();
    learn(file.as_fd(), FileSystem::Overlay);
    file
}

fn look(file: &File, offset: u64) -> Residency {
    residency(file.as_fd(), offset, 10 * PART)
}

#[tokio::test]
async fn what_was_read_from_an_overlay_is_present_for_all_who_open_it() {
    let overlay = Overlay::of(300_000);
    let file = overlay.file();
    assert_eq!(look(&file, 0), Residency::Unknown);
    disk::ask_file_system(Arc::clone(&file)).await.unwrap();
    assert_eq!(look(&file, 0), Residency::Absent);
    assert_eq!(disk::read_into_cache(file, 0, PART).await.unwrap(), 300_000);
    let again = overlay.file();
    assert_eq!(look(&again, 0), Residency::Present(300_000));
    assert_eq!(residency(again.as_fd(), 100_000, 1), Residency::Present(1));
}

#[test]
fn what_is_not_known_is_absent() {
    let file = file(3 * PART);
    remember(file.as_fd(), 1000, 500);
    assert_eq!(look(&file, 999), Residency::Absent);
    assert_eq!(look(&file, 1000), Residency::Present(500));
    assert_eq!(look(&file, 1499), Residency::Present(1));
    assert_eq!(look(&file, 1500), Residency::Absent);
    remember(file.as_fd(), 2000, 0);
    assert_eq!(look(&file, 2000), Residency::Absent);
}

#[test]
fn ranges_that_touch_are_one() {
    let file = file(3 * PART);
    remember(file.as_fd(), 1000, 500);
    remember(file.as_fd(), 1500, 500);
    remember(file.as_fd(), 500, 600);
    assert_eq!(look(&file, 500), Residency::Present(1500));
    remember(file.as_fd(), 700, 1);
    assert_eq!(look(&file, 500), Residency::Present(1500));
}

#[test]
fn a_range_apart_takes_the_place_of_the_one_before() {
    let file = file(3 * PART);
    remember(file.as_fd(), 1000, 500);
    remember(file.as_fd(), 5000, 500);
    assert_eq!(look(&file, 1000), Residency::Absent);
    assert_eq!(look(&file, 5000), Residency::Present(500));
}

#[test]
fn parts_are_remembered_each_for_itself() {
    let file = file(3 * PART);
    remember(file.as_fd(), PART / 2, 2 * PART);
    assert_eq!(look(&file, PART / 2), Residency::Present(PART / 2));
    assert_eq!(look(&file, PART), Residency::Present(PART));
    assert_eq!(look(&file, 2 * PART), Residency::Present(PART / 2));
    assert_eq!(look(&file, 2 * PART + PART / 2), Residency::Absent);
}

#[test]
fn a_file_that_was_written_to_is_another() {
    let mut file = file(10);
    remember(file.as_fd(), 0, 10);
    file.write_all(b"more than ten bytes").unwrap();
    assert_eq!(look(&file, 0), Residency::Absent);
}

#[test]
fn a_range_that_grows_expires_no_later() {
    let file = file(3 * PART);
    let identity = Identity::of(file.as_fd()).unwrap();
    let start = Instant::now();
    let later = start + TRUSTED / 2;
    let mut known = Known::new();
    known.add(identity, 0, 500, start);
    known.add(identity, 500, 500, later);
    assert_eq!(known.read(identity, 0, PART, later), Residency::Present(1000));
    assert_eq!(known.read(identity, 0, PART, start + TRUSTED), Residency::Absent);
}

#[test]
fn nothing_is_remembered_of_a_file_system_that_is_no_overlay() {
    let file = file(10);
    learn(file.as_fd(), FileSystem::Other);
    remember(file.as_fd(), 0, 10);
    assert_eq!(look(&file, 0), Residency::Untold);
    learn(file.as_fd(), FileSystem::Overlay);
    assert_eq!(look(&file, 0), Residency::Absent);
}
