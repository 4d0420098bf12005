use std::os::fd::AsRawFd;

use super::*;

/// One second after another, without waiting for them.
fn at(start: Instant, seconds: u64, target: &str) -> Request {
    Request { read: start + Duration::from_secs(seconds), ..request(target) }
}

#[test]
fn hot_files_are_not_looked_at_for_a_second_and_then_seen_anew() {
    let site = Site::new(&[("a.txt", "old")]);
    let (files, start) = (site.files(|_| ()), Instant::now());
    let text = |seconds| content(&respond(&files, at(start, seconds, "/a.txt")).unwrap().body);
    assert_eq!(text(0), "old");
    site.write("a.txt", "new, and longer");
    assert_eq!(text(0), "old", "from memory");
    assert_eq!(text(1), "new, and longer");
}

#[test]
fn a_file_replaced_under_the_same_time_and_length_is_seen_anew() {
    let site = Site::new(&[("a.txt", "old")]);
    let (files, start) = (site.files(|_| ()), Instant::now());
    let time = fs::metadata(site.root().join("a.txt")).unwrap().modified().unwrap();
    let text = |seconds| content(&respond(&files, at(start, seconds, "/a.txt")).unwrap().body);
    assert_eq!(text(0), "old");
    fs::write(site.root().join("a.txt"), "new").unwrap();
    File::options().write(true).open(site.root().join("a.txt")).unwrap().set_modified(time).unwrap();
    assert_eq!(text(1), "new");
}

#[test]
fn a_removed_file_is_gone_after_a_second() {
    let site = Site::new(&[("a.txt", "a")]);
    let (files, start) = (site.files(|_| ()), Instant::now());
    respond(&files, at(start, 0, "/a.txt")).unwrap();
    fs::remove_file(site.root().join("a.txt")).unwrap();
    assert_eq!(respond(&files, at(start, 1, "/a.txt")).unwrap_err().cause, Cause::NotFound);
    assert_eq!(respond(&files, at(start, 0, "/a.txt")).unwrap_err().cause, Cause::NotFound);
}

#[test]
fn a_deployment_that_swaps_the_directory_is_seen_after_a_second() {
    let site = Site::new(&[("v1/a.txt", "old"), ("v2/a.txt", "new")]);
    let current = site.temp.path().join("current");
    symlink(site.root().join("v1"), &current).unwrap();
    let files = site.files(|settings| settings.directory.clone_from(&current));
    let start = Instant::now();
    let text = |millis| {
        let read = start + Duration::from_millis(millis);
        content(&respond(&files, Request { read, ..request("/a.txt") }).unwrap().body)
    };
    let other = Request { read: start, ..request("/none.txt") };
    respond(&files, other).unwrap_err();
    assert_eq!(text(900), "old", "found in the directory that was opened 900 ms before");
    symlink(site.root().join("v2"), site.temp.path().join("next")).unwrap();
    fs::rename(site.temp.path().join("next"), &current).unwrap();
    assert_eq!(text(1000), "new", "although the file was looked at 100 ms before");
}

#[test]
fn file_replaced_while_sent_goes_out_whole_as_it_was() {
    let long = "old".repeat(30_000);
    let site = Site::new(&[("a.txt", &long)]);
    let files = site.files(|_| ());
    let start = Instant::now();
    let get = |seconds| respond(&files, at(start, seconds, "/a.txt")).unwrap();
    let response = get(0);
    site.write("a.txt", "new");
    assert_eq!(content(&response.body), long);
    assert_ne!(field(&response, header::ETAG), field(&get(1), header::ETAG));
}

#[test]
fn a_large_file_is_kept_open_and_seen_anew_when_it_is_replaced() {
    let site = Site::new(&[("a.txt", &"old".repeat(30_000))]);
    let (files, start) = (site.files(|_| ()), Instant::now());
    let opened = || match respond(&files, at(start, 0, "/a.txt")).unwrap().body {
        Body::File(range) => (range.file.as_fd().as_raw_fd(), range.length),
        other => panic!("{other:?}"),
    };
    let first = opened();
    assert_eq!(opened(), first);
    site.write("a.txt", &"new".repeat(40_000));
    assert_eq!(opened().1, 120_000, "the old one has lost its name, which changes its state");
}

#[test]
fn a_kept_file_that_is_written_in_place_is_seen_at_once() {
    let site = Site::new(&[("a.txt", &"old".repeat(30_000))]);
    let (files, start) = (site.files(|_| ()), Instant::now());
    let get = || respond(&files, at(start, 0, "/a.txt")).unwrap();
    let old = get();
    fs::write(site.root().join("a.txt"), "new").unwrap();
    let new = get();
    assert_eq!((content(&new.body).as_str(), new.body.length()), ("new", Some(3)));
    assert_ne!(field(&old, header::ETAG), field(&new, header::ETAG));
}

#[test]
fn file_grown_while_sent_keeps_the_length_that_was_announced() {
    let site = Site::new(&[("a.txt", &"x".repeat(70_000))]);
    let response = get(&site.files(|_| ()), "/a.txt");
    fs::write(site.root().join("a.txt"), "y".repeat(90_000)).unwrap();
    assert_eq!(response.body.length(), Some(70_000));
}

#[test]
fn a_hot_file_is_no_way_around_the_symlink_policy() {
    let site = Site::new(&[("a.txt", "a")]);
    symlink(site.temp.path().join("secret.txt"), site.root().join("link.txt")).unwrap();
    age(&site.temp.path().join("secret.txt"), 60);
    let (follow, inside) = (site.files(|settings| settings.symlinks = Symlinks::Follow), site.files(|_| ()));
    assert_eq!(content(&get(&follow, "/link.txt").body), "secret");
    assert_eq!(cause(&inside, "/link.txt"), Cause::Forbidden);
}
