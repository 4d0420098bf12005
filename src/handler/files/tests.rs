use std::fs::{self, File};
use std::os::unix::fs::{FileExt, symlink};
use std::path::Path;
use std::time::{Duration, SystemTime};

use ::http::{HeaderName, Method, StatusCode, header};
use bytes::Bytes;
use proptest::prelude::*;
use tempfile::TempDir;

use super::*;
use crate::http::testing::{request, request_with};
use crate::http::{Body, Cause, Template};
use crate::http::{Candidate, Fallback};

/// A site below `root/`, and `secret.txt` beside it.
struct Site {
    temp: TempDir,
    hot: Rc<HotFiles>,
}

impl Site {
    fn new(files: &[(&str, &str)]) -> Self {
        let site = Self { temp: tempfile::tempdir().unwrap(), hot: Rc::default() };
        fs::create_dir(site.root()).unwrap();
        fs::write(site.temp.path().join("secret.txt"), "secret").unwrap();
        for (path, content) in files {
            site.write(path, content);
        }
        site
    }

    fn root(&self) -> PathBuf {
        self.temp.path().join("root")
    }

    /// Puts a file in place as deployments should, by renaming; an hour old, so that it may be kept.
    fn write(&self, path: &str, content: &str) {
        let new = self.temp.path().join("new");
        fs::write(&new, content).unwrap();
        age(&new, 3600);
        let path = self.root().join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::rename(new, path).unwrap();
    }

    fn files(&self, change: impl FnOnce(&mut Settings)) -> Files {
        let mut settings = Settings {
            directory: self.root(),
            strip: Strip::Prefix,
            index: vec!["index.html".into(), "index.htm".into()],
            symlinks: Symlinks::Inside,
            r#try: None,
        };
        change(&mut settings);
        Files::new(settings, Rc::clone(&self.hot))
    }
}

fn age(path: &Path, seconds: u64) {
    let file = File::options().write(true).open(path).unwrap();
    file.set_modified(SystemTime::now() - Duration::from_secs(seconds)).unwrap();
}

fn respond(files: &Files, request: Request) -> Result<Response, Fault> {
    match files.handle(request.into(), 1)? {
        Outcome::Response(response) => Ok(response),
        other => panic!("{other:?}"),
    }
}

fn get(files: &Files, target: &str) -> Response {
    respond(files, request(target)).unwrap()
}

fn get_with(files: &Files, target: &str, fields: &[(&str, &str)]) -> Response {
    respond(files, request_with(target, fields)).unwrap()
}

fn cause(files: &Files, target: &str) -> Cause {
    respond(files, request(target)).unwrap_err().cause
}

fn content(body: &Body) -> String {
    let bytes = match body {
        Body::Empty => Vec::new(),
        Body::Bytes(bytes) => bytes.to_vec(),
        Body::File(range) => {
            let file = File::from(range.file.as_fd().try_clone_to_owned().unwrap());
            let mut bytes = vec![0; usize::try_from(range.length).unwrap()];
            file.read_exact_at(&mut bytes, range.offset).unwrap();
            bytes
        }
        other => panic!("{other:?}"),
    };
    String::from_utf8(bytes).unwrap()
}

fn field(response: &Response, name: HeaderName) -> &str {
    response.headers.get(name).map_or("", |value| value.to_str().unwrap())
}

#[test]
fn a_file_is_answered_with_its_fields() {
    let site = Site::new(&[("css/a.css", "body{}")]);
    let response = get(&site.files(|_| ()), "/css/a.css");
    assert_eq!(response.status, StatusCode::OK);
    assert_eq!(content(&response.body), "body{}");
    assert_eq!(field(&response, header::CONTENT_TYPE), "text/css; charset=utf-8");
    assert_eq!(field(&response, header::ACCEPT_RANGES), "bytes");
    assert!(field(&response, header::LAST_MODIFIED).ends_with(" GMT"));
    assert!(field(&response, header::ETAG).starts_with('"'));
}

#[test]
fn a_large_file_and_a_new_one_are_not_read() {
    let site = Site::new(&[("large.bin", &"x".repeat(70_000))]);
    fs::write(site.root().join("new.txt"), "just now").unwrap();
    let files = site.files(|_| ());
    for target in ["/large.bin", "/new.txt"] {
        assert!(matches!(get(&files, target).body, Body::File(_)), "{target}");
    }
}

#[test]
fn an_empty_file_has_an_empty_body() {
    let site = Site::new(&[("empty.txt", "")]);
    let response = get(&site.files(|_| ()), "/empty.txt");
    assert_eq!((response.status, response.body.length()), (StatusCode::OK, Some(0)));
}

#[test]
fn head_says_what_get_would_and_sends_nothing() {
    let site = Site::new(&[("a.txt", "0123456789")]);
    let files = site.files(|_| ());
    let mut head = request_with("/a.txt", &[("range", "bytes=0-1")]);
    head.method = Method::HEAD;
    let head = respond(&files, head).unwrap();
    assert_eq!(head.status, StatusCode::OK);
    assert!(head.body.is_empty());
    assert_eq!(field(&head, header::CONTENT_LENGTH), "10");
    for (name, value) in get(&files, "/a.txt").headers.iter() {
        assert_eq!(head.headers.get(name), Some(value));
    }
}

#[test]
fn other_methods_are_told_what_is_allowed() {
    let site = Site::new(&[("a.txt", "a")]);
    let files = site.files(|_| ());
    for method in [Method::POST, Method::PUT, Method::DELETE, Method::OPTIONS] {
        let mut request = request("/a.txt");
        request.method = method;
        let fault = respond(&files, request).unwrap_err();
        assert_eq!(fault.cause, Cause::MethodNotAllowed);
        let (name, value) = *fault.header.unwrap();
        assert_eq!((name, value.to_str().unwrap()), (header::ALLOW, "GET, HEAD"));
    }
}

#[test]
fn a_directory_without_slash_redirects_to_itself_with_slash() {
    let site = Site::new(&[("a b/ü/index.html", "index")]);
    let response = get(&site.files(|_| ()), "/a%20b/%c3%bc?x=1&y=%2F");
    assert_eq!(response.status, StatusCode::MOVED_PERMANENTLY);
    assert_eq!(field(&response, header::LOCATION), "/a%20b/%C3%BC/?x=1&y=%2F");
}

#[test]
fn open_redirect_through_double_slash_or_cr_lf_is_not_possible() {
    let site = Site::new(&[("evil.com/x", ""), ("a\r\nb/x", ""), ("\\evil/x", "")]);
    let files = site.files(|_| ());
    for (target, path, location) in [
        ("/evil.com", "//evil.com", None),
        ("/evil.com", "/evil.com", Some("/evil.com/")),
        ("/a", "/a\r\nb", Some("/a%0D%0Ab/")),
        ("/evil", "/\\evil", Some("/%5Cevil/")),
    ] {
        let mut request = request(target);
        request.target.path = Bytes::from_static(path.as_bytes());
        let answer = respond(&files, request);
        let found = answer.as_ref().ok().map(|response| field(response, header::LOCATION));
        assert_eq!(found, location, "{path:?}");
    }
}

#[test]
fn a_directory_is_answered_by_the_first_index_that_is_there() {
    let site = Site::new(&[
        ("one/index.htm", "htm"),
        ("two/index.htm", "htm"),
        ("two/index.html", "html"),
        ("three/x", ""),
    ]);
    let files = site.files(|_| ());
    assert_eq!(content(&get(&files, "/one/").body), "htm");
    assert_eq!(content(&get(&files, "/two/").body), "html");
    assert_eq!(field(&get(&files, "/two/"), header::CONTENT_TYPE), "text/html; charset=utf-8");
    assert_eq!(cause(&files, "/three/"), Cause::Forbidden);
    assert_eq!(cause(&files, "/four/"), Cause::NotFound);
}

#[test]
fn a_file_with_a_closing_slash_is_not_there() {
    let site = Site::new(&[("a.txt", "a")]);
    assert_eq!(cause(&site.files(|_| ()), "/a.txt/"), Cause::NotFound);
}

#[test]
fn a_missing_directory_is_a_404_that_names_it_to_the_operator() {
    let site = Site::new(&[]);
    let files = site.files(|settings| settings.directory = "/nonexistent/static".into());
    let fault = respond(&files, request("/a.txt")).unwrap_err();
    assert_eq!(fault.cause, Cause::NotFound);
    assert!(fault.detail.contains("/nonexistent/static"), "{}", fault.detail);
}

#[test]
fn conditions_are_answered_from_memory_and_from_disk_alike() {
    let site = Site::new(&[("small.txt", "small"), ("large.txt", &"x".repeat(70_000))]);
    let files = site.files(|_| ());
    for target in ["/small.txt", "/large.txt"] {
        let first = get(&files, target);
        let (etag, modified) = (field(&first, header::ETAG), field(&first, header::LAST_MODIFIED));
        for fields in [("if-none-match", etag), ("if-modified-since", modified)] {
            let response = get_with(&files, target, &[fields]);
            assert_eq!(response.status, StatusCode::NOT_MODIFIED);
            assert!(response.body.is_empty());
            assert_eq!(field(&response, header::ETAG), etag);
            assert_eq!(field(&response, header::LAST_MODIFIED), modified);
            assert!(!response.headers.contains_key(header::CONTENT_TYPE));
        }
        let failed = respond(&files, request_with(target, &[("if-match", "\"other\"")]));
        assert_eq!(failed.unwrap_err().cause, Cause::PreconditionFailed);
    }
}

#[test]
fn ranges_are_cut_from_memory_and_from_disk_alike() {
    let long = "0123456789".repeat(7000);
    let site = Site::new(&[("small.txt", "0123456789"), ("large.txt", &long)]);
    let files = site.files(|_| ());
    for (target, length) in [("/small.txt", 10), ("/large.txt", 70_000)] {
        let response = get_with(&files, target, &[("range", "bytes=2-4")]);
        assert_eq!(response.status, StatusCode::PARTIAL_CONTENT);
        assert_eq!(content(&response.body), "234");
        assert_eq!(field(&response, header::CONTENT_RANGE), format!("bytes 2-4/{length}"));
        assert_eq!(content(&get_with(&files, target, &[("range", "bytes=-3")]).body), "789");
        let near = get_with(&files, target, &[("range", "bytes=0-1,3-4")]);
        assert_eq!(field(&near, header::CONTENT_RANGE), format!("bytes 0-4/{length}"));
        assert_eq!(content(&near.body), "01234");
    }
}

#[test]
fn a_range_behind_the_end_is_told_the_length() {
    let site = Site::new(&[("a.txt", "0123456789")]);
    let fault = respond(&site.files(|_| ()), request_with("/a.txt", &[("range", "bytes=10-")])).unwrap_err();
    assert_eq!(fault.cause, Cause::RangeNotSatisfiable);
    let (name, value) = *fault.header.unwrap();
    assert_eq!((name, value.to_str().unwrap()), (header::CONTENT_RANGE, "bytes */10"));
}

#[test]
fn if_range_sends_all_of_a_file_that_is_another_now() {
    let site = Site::new(&[("a.txt", "0123456789")]);
    let files = site.files(|_| ());
    let etag = field(&get(&files, "/a.txt"), header::ETAG).to_owned();
    let part = get_with(&files, "/a.txt", &[("range", "bytes=0-1"), ("if-range", &etag)]);
    assert_eq!(part.status, StatusCode::PARTIAL_CONTENT);
    let whole = get_with(&files, "/a.txt", &[("range", "bytes=0-1"), ("if-range", "\"old\"")]);
    assert_eq!((whole.status, content(&whole.body).len()), (StatusCode::OK, 10));
}

#[test]
fn preconditions_come_before_ranges() {
    let site = Site::new(&[("a.txt", "0123456789")]);
    let files = site.files(|_| ());
    let etag = field(&get(&files, "/a.txt"), header::ETAG).to_owned();
    let response = get_with(&files, "/a.txt", &[("range", "bytes=99-"), ("if-none-match", &etag)]);
    assert_eq!(response.status, StatusCode::NOT_MODIFIED);
}

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
    let response = get(&files, "/a.txt");
    site.write("a.txt", "new");
    assert_eq!(content(&response.body), long);
    assert_ne!(field(&response, header::ETAG), field(&get(&files, "/a.txt"), header::ETAG));
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

fn trying(candidates: &[(&str, bool)], last: Fallback) -> Try {
    let candidate = |(path, directory): &(&str, bool)| Candidate {
        path: Template::parse(path).unwrap(),
        directory: *directory,
    };
    Try { candidates: candidates.iter().map(candidate).collect(), last }
}

#[test]
fn try_answers_by_the_first_that_is_there() {
    let site = Site::new(&[("a.txt", "a"), ("sub/index.html", "sub"), ("bare/x", ""), ("spa.html", "spa")]);
    let list = [("$uri", false), ("$uri", true), ("/spa.html", false)];
    let files =
        site.files(|settings| settings.r#try = Some(trying(&list, Fallback::Status(StatusCode::GONE))));
    assert_eq!(content(&get(&files, "/a.txt").body), "a");
    assert_eq!(content(&get(&files, "/sub/").body), "sub");
    assert_eq!(content(&get(&files, "/none").body), "spa");
    assert_eq!(content(&get(&files, "/.env").body), "spa");
    assert_eq!(field(&get(&files, "/sub"), header::LOCATION), "/sub/");
    assert_eq!(cause(&files, "/bare/"), Cause::Forbidden);
}

#[test]
fn try_takes_directories_with_or_without_the_closing_slash() {
    let site = Site::new(&[("sub/index.html", "sub"), ("index.html", "top")]);
    for path in ["$uri", "$uri/"] {
        let last = Fallback::Status(StatusCode::NOT_FOUND);
        let files = site.files(|settings| settings.r#try = Some(trying(&[(path, true)], last)));
        assert_eq!(content(&get(&files, "/sub/").body), "sub");
        assert_eq!(content(&get(&files, "/").body), "top");
        assert_eq!(get(&files, "/sub").status, StatusCode::MOVED_PERMANENTLY);
    }
}

#[test]
fn try_strips_the_prefix_as_the_location_does() {
    let site = Site::new(&[("a.txt", "a"), ("spa.html", "spa")]);
    let list = [("$uri", false), ("/spa.html", false)];
    let files =
        site.files(|settings| settings.r#try = Some(trying(&list, Fallback::Status(StatusCode::GONE))));
    for (target, expected) in [("/static/a.txt", "a"), ("/static/none", "spa"), ("/static/spa.html", "spa")] {
        let Outcome::Response(response) = files.handle(request(target).into(), "/static/".len()).unwrap()
        else {
            panic!("{target}");
        };
        assert_eq!(content(&response.body), expected, "{target}");
    }
}

#[test]
fn try_hands_on_what_is_not_there() {
    let site = Site::new(&[]);
    let last = |last| site.files(|settings| settings.r#try = Some(trying(&[("$uri", false)], last)));
    let post = || Request { method: Method::POST, ..request("/none?x=1") };
    let named = last(Fallback::Location(3)).handle(post().into(), 1).unwrap();
    assert!(matches!(named, Outcome::Location(request, 3) if request.method == Method::POST));
    let path = last(Fallback::Path(Template::parse("/app$uri").unwrap())).handle(post().into(), 1).unwrap();
    assert!(matches!(path, Outcome::Path(_, path) if path == "/app/none"));
    let status = last(Fallback::Status(StatusCode::GONE)).handle(post().into(), 1).unwrap();
    assert!(matches!(status, Outcome::Status(StatusCode::GONE)));
}

#[test]
fn try_restricts_methods_only_where_a_file_is() {
    let site = Site::new(&[("a.txt", "a")]);
    let files =
        site.files(|settings| settings.r#try = Some(trying(&[("$uri", false)], Fallback::Location(0))));
    let post = |target| Request { method: Method::POST, ..request(target) };
    assert_eq!(files.handle(post("/a.txt").into(), 1).unwrap_err().cause, Cause::MethodNotAllowed);
    assert!(matches!(files.handle(post("/api").into(), 1), Ok(Outcome::Location(..))));
}

#[test]
fn try_does_not_hide_a_file_that_may_not_be_read() {
    let site = Site::new(&[]);
    symlink(site.temp.path().join("secret.txt"), site.root().join("link.txt")).unwrap();
    let files =
        site.files(|settings| settings.r#try = Some(trying(&[("$uri", false)], Fallback::Location(0))));
    assert_eq!(cause(&files, "/link.txt"), Cause::Forbidden);
}

#[test]
fn try_goes_on_when_the_whole_directory_is_missing() {
    let site = Site::new(&[]);
    let files = site.files(|settings| {
        settings.directory = "/nonexistent/static".into();
        settings.r#try = Some(trying(&[("$uri", false), ("$uri", true)], Fallback::Location(0)));
    });
    assert!(matches!(files.handle(request("/a.txt").into(), 1), Ok(Outcome::Location(..))));
}

/// Decoded and undecoded, with both slashes, overlong, with NUL, with parameters: what a path could be
/// if normalising had let it through.
const TRAVERSALS: &[&str] = &[
    "/../secret.txt",
    "/..//secret.txt",
    "//../secret.txt",
    "/./../secret.txt",
    "/sub/../../secret.txt",
    "/sub/../../../secret.txt",
    "/../root/../secret.txt",
    "/sub/./../../secret.txt",
    "/..",
    "/../",
    "../secret.txt",
    "..",
    "secret.txt/..",
    "/sub/..",
    "/sub/../..",
    "/.../secret.txt",
    "/....//secret.txt",
    "/..;/secret.txt",
    "/..\\secret.txt",
    "\\..\\secret.txt",
    "/..\0/secret.txt",
    "/\0../secret.txt",
    "/../secret.txt\0.html",
    "/%2e%2e/secret.txt",
    "/%2e./secret.txt",
    "/.%2e/secret.txt",
    "/%2E%2E%2Fsecret.txt",
    "/..%2fsecret.txt",
    "/..%5csecret.txt",
    "/%252e%252e/secret.txt",
    "/..%252fsecret.txt",
    "/%c0%ae%c0%ae/secret.txt",
    "/%c0%2e%c0%2e/secret.txt",
    "/..%c0%afsecret.txt",
    "/..%c1%9csecret.txt",
    "/%e0%80%ae%e0%80%ae/secret.txt",
    "/..%00/secret.txt",
    "/..%0d/secret.txt",
    "/..%0a/secret.txt",
    "/%u002e%u002e/secret.txt",
    "/\u{ff0e}\u{ff0e}/secret.txt",
    "/..\u{2215}secret.txt",
    "/..\u{2044}secret.txt",
    "/.. /secret.txt",
    "/ ../secret.txt",
    "/..\t/secret.txt",
    "/../secret.txt/",
    "/../secret.txt/.",
    "/link/../secret.txt",
    "/link/secret.txt",
    "//secret.txt",
    "///etc/passwd",
    "/proc/self/root/etc/passwd",
    "/sub/..;x=1/../secret.txt",
    "/?/../secret.txt",
    "/#/../secret.txt",
];

#[test]
fn traversal_in_every_encoding_never_reaches_the_secret() {
    let site = Site::new(&[("sub/a.txt", "public"), ("index.html", "public")]);
    symlink("..", site.root().join("link")).unwrap();
    let files = site.files(|_| ());
    assert!(TRAVERSALS.len() >= 50);
    for path in TRAVERSALS {
        for strip in [0, 1, 4] {
            let mut crafted = request("/");
            crafted.target.path = Bytes::from_static(path.as_bytes());
            if let Ok(Outcome::Response(response)) = files.handle(crafted.into(), strip) {
                assert_ne!(content(&response.body), "secret", "{path:?}");
            }
        }
        if let Ok(target) = crate::http::Target::parse(Bytes::from_static(path.as_bytes()))
            && let Ok(response) = respond(&files, Request { target, ..request("/") })
        {
            assert_ne!(content(&response.body), "secret", "{path:?}");
        }
    }
}

#[test]
fn off_by_slash_alias_does_not_reach_siblings() {
    let site = Site::new(&[]);
    fs::create_dir(site.temp.path().join("rootfoo")).unwrap();
    fs::write(site.temp.path().join("rootfoo/x"), "secret").unwrap();
    let files = site.files(|_| ());
    for path in ["/static../secret.txt", "/staticfoo/x", "/static..", "/staticsecret.txt"] {
        let mut crafted = request("/");
        crafted.target.path = Bytes::from_static(path.as_bytes());
        let fault = files.handle(crafted.into(), "/static".len()).unwrap_err();
        assert_eq!(fault.cause, Cause::NotFound, "{path}");
    }
}

proptest! {
    #[test]
    fn random_paths_yield_public_content_or_none(
        path in "/(\\.\\.|\\.|sub|out|x\\.txt|secret\\.txt|/|\\x00|%2e){0,10}", matched in 0_usize..12
    ) {
        let site = Site::new(&[("sub/x.txt", "public"), ("x.txt", "public")]);
        symlink("..", site.root().join("out")).unwrap();
        for strip in [Strip::Nothing, Strip::Prefix, Strip::Parent] {
            let list = [("$uri", false), ("$uri", true)];
            let plain = site.files(|settings| settings.strip = strip);
            let tried = site.files(|settings| {
                settings.strip = strip;
                settings.r#try = Some(trying(&list, Fallback::Location(0)));
            });
            for files in [plain, tried] {
                let mut crafted = request("/");
                crafted.target.path = Bytes::copy_from_slice(path.as_bytes());
                if let Ok(Outcome::Response(response)) = files.handle(crafted.into(), matched) {
                    prop_assert_ne!(content(&response.body), "secret");
                }
            }
        }
    }
}
