use std::fs;
use std::io::Read;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::Path;
use std::time::{Duration, Instant};

use rustix::io::Errno;

use super::queue::Queue;
use super::{Destination, Log, Opened};

const PATIENCE: Duration = Duration::from_secs(10);

fn opened(path: &Path) -> Opened {
    Opened::open(&Destination::File(path.to_owned())).unwrap()
}

fn log(path: &Path) -> Log {
    let log = Log::new("test log", opened(path), 1 << 20);
    log.start().unwrap();
    log
}

fn say(log: &Log, text: &str) {
    log.push(format!("{text}\n").into_bytes());
    assert!(log.flush(PATIENCE));
}

#[test]
fn lines_are_appended_in_their_order() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("a.log");
    fs::write(&path, "before\n").unwrap();
    let log = log(&path);
    for number in 0..100 {
        log.push(format!("{number}\n").into_bytes());
    }
    log.close(PATIENCE);
    let expected: String = (0..100).fold(String::new(), |all, number| all + &format!("{number}\n"));
    assert_eq!(fs::read_to_string(path).unwrap(), format!("before\n{expected}"));
}

#[test]
fn root_follows_links_only_where_nobody_else_can_make_them() {
    let directory = tempfile::tempdir().unwrap();
    let [path, link, name] = ["a.log", "b.log", "c.log"].map(|name| directory.path().join(name));
    fs::write(&path, "").unwrap();
    std::os::unix::fs::symlink(&path, &link).unwrap();
    fs::hard_link(&path, &name).unwrap();
    let open = |path: &Path| Opened::open_for_another(&Destination::File(path.to_owned()));
    fs::set_permissions(&directory, fs::Permissions::from_mode(0o777)).unwrap();
    for path in [&path, &link, &name] {
        assert_eq!(Errno::from_io_error(&open(path).unwrap_err()), Some(Errno::LOOP));
    }
    fs::remove_file(&name).unwrap();
    assert!(open(&path).is_ok() && open(&directory.path().join("new.log")).is_ok());
    if fs::metadata(&directory).unwrap().uid() == 0 {
        fs::set_permissions(&directory, fs::Permissions::from_mode(0o755)).unwrap();
        assert!(open(&link).is_ok());
    }
}

#[test]
fn its_own_thread_does_not_wait_for_itself() {
    let queue = Queue::new(100);
    queue.set_started(std::thread::current().id());
    queue.push(b"a line\n".to_vec());
    let begin = Instant::now();
    assert!(!queue.flush(PATIENCE) && begin.elapsed() < PATIENCE);
}

#[test]
fn a_file_whose_name_another_has_is_left_at_once() {
    let directory = tempfile::tempdir().unwrap();
    let (path, rotated) = (directory.path().join("a.log"), directory.path().join("a.log.1"));
    let log = log(&path);
    say(&log, "one");
    fs::rename(&path, &rotated).unwrap();
    fs::write(&path, "").unwrap();
    say(&log, "two");
    assert_eq!(fs::read_to_string(rotated).unwrap(), "one\n");
    assert_eq!(fs::read_to_string(path).unwrap(), "two\n");
}

#[test]
fn a_file_that_is_away_is_created_after_a_moment() {
    let directory = tempfile::tempdir().unwrap();
    let (path, rotated) = (directory.path().join("a.log"), directory.path().join("a.log.1"));
    let log = log(&path);
    fs::rename(&path, &rotated).unwrap();
    // Whoever renamed it may be about to create it.
    say(&log, "one");
    assert!(!path.exists());
    let begun = Instant::now();
    while !path.exists() {
        assert!(begun.elapsed() < PATIENCE);
        std::thread::yield_now();
    }
    say(&log, "two");
    assert_eq!(fs::read_to_string(rotated).unwrap(), "one\n");
    assert_eq!(fs::read_to_string(path).unwrap(), "two\n");
}

#[test]
fn a_file_that_was_copied_and_emptied_begins_anew() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("a.log");
    let log = log(&path);
    say(&log, "one");
    fs::copy(&path, directory.path().join("a.log.1")).unwrap();
    fs::OpenOptions::new().write(true).open(&path).unwrap().set_len(0).unwrap();
    say(&log, "two");
    assert_eq!(fs::read_to_string(path).unwrap(), "two\n");
}

#[test]
fn a_directory_that_is_gone_leaves_the_old_file_in_use() {
    let directory = tempfile::tempdir().unwrap();
    let (folder, moved) = (directory.path().join("logs"), directory.path().join("moved"));
    fs::create_dir(&folder).unwrap();
    let log = log(&folder.join("a.log"));
    fs::rename(&folder, &moved).unwrap();
    log.reopen();
    say(&log, "one");
    assert_eq!(fs::read_to_string(moved.join("a.log")).unwrap(), "one\n");
    fs::create_dir(&folder).unwrap();
    log.reopen();
    say(&log, "two");
    assert_eq!(fs::read_to_string(folder.join("a.log")).unwrap(), "two\n");
}

#[test]
fn it_is_turned_to_other_destinations_and_back() {
    let directory = tempfile::tempdir().unwrap();
    let [first, second] = ["1.log", "2.log"].map(|name| directory.path().join(name));
    let log = log(&first);
    say(&log, "one");
    log.turn_to(Opened::open(&Destination::Off).unwrap());
    assert!(!log.is_wanted());
    say(&log, "on its way");
    log.turn_to(opened(&second));
    assert!(log.is_wanted());
    say(&log, "two");
    assert_eq!(fs::read_to_string(first).unwrap(), "one\non its way\n");
    assert_eq!(fs::read_to_string(second).unwrap(), "two\n");
    assert_eq!(log.dropped(), 0);
}

#[test]
fn what_cannot_be_opened_changes_nothing() {
    assert!(Opened::open(&Destination::File("/nonexistent/a.log".into())).is_err());
}

#[test]
fn a_full_disk_loses_lines_and_counts_them() {
    let log = log(Path::new("/dev/full"));
    say(&log, "one\ntwo");
    assert_eq!(log.dropped(), 2);
}

/// A pipe that nobody reads: it can be left, and what it had no room for goes on to the next.
#[test]
fn a_reader_that_stands_still_is_left_for_another_destination() {
    let directory = tempfile::tempdir().unwrap();
    let (fifo, path) = (directory.path().join("fifo"), directory.path().join("a.log"));
    rustix::fs::mknodat(rustix::fs::CWD, &fifo, rustix::fs::FileType::Fifo, 0o600.into(), 0).unwrap();
    let mut reader = fs::OpenOptions::new().read(true).write(true).open(&fifo).unwrap();
    let log = log(&fifo);
    let line = format!("{}\n", "x".repeat(99));
    log.push(line.repeat(2_000).into_bytes());
    assert!(!log.flush(Duration::from_millis(300)));
    log.turn_to(opened(&path));
    assert!(log.flush(PATIENCE));
    let rest = fs::read_to_string(&path).unwrap();
    assert!(rest.lines().all(|found| found.len() == 99) && rest.ends_with('\n'));
    let mut taken = vec![0; (2_000 - rest.lines().count()) * 100];
    reader.read_exact(&mut taken).unwrap();
    assert_eq!(taken, line.repeat(taken.len() / 100).into_bytes());
    assert_eq!(log.dropped(), 0);
}

#[test]
fn a_reader_that_stands_still_does_not_hold_up_the_end() {
    let directory = tempfile::tempdir().unwrap();
    let fifo = directory.path().join("fifo");
    rustix::fs::mknodat(rustix::fs::CWD, &fifo, rustix::fs::FileType::Fifo, 0o600.into(), 0).unwrap();
    let _reader = fs::OpenOptions::new().read(true).write(true).open(&fifo).unwrap();
    let log = log(&fifo);
    log.push(b"line\n".repeat(100_000));
    log.push(b"last\n".to_vec());
    log.close(Duration::from_millis(300));
    let begun = Instant::now();
    while log.dropped() < 80_000 {
        assert!(begun.elapsed() < PATIENCE, "{}", log.dropped());
        std::thread::yield_now();
    }
}

#[test]
fn more_than_there_is_room_for_is_dropped_and_counted() {
    let log = Log::new("test log", Opened::open(&Destination::Stdout).unwrap(), 10);
    log.push(b"12345\n".to_vec());
    log.push(b"1\n2\n3\n".to_vec());
    assert_eq!(log.dropped(), 3);
}
