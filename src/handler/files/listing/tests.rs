use std::fs;

use ::http::HeaderName;
use rustix::fs::{Mode, OFlags};
use tempfile::TempDir;

use super::*;
use crate::http::Body;
use crate::http::testing::{request, request_with};

fn directory() -> TempDir {
    let temp = tempfile::tempdir().unwrap();
    fs::write(temp.path().join("a.txt"), "12345").unwrap();
    fs::create_dir(temp.path().join("sub")).unwrap();
    temp
}

fn listing(temp: &TempDir, request: &Request) -> Listing {
    let opened = rustix::fs::open(temp.path(), OFlags::RDONLY | OFlags::DIRECTORY, Mode::empty()).unwrap();
    list(opened, &Wanted::of(request, b""), &|_| None).unwrap()
}

fn respond(temp: &TempDir, request: &Request) -> Response {
    listing(temp, request).answer(request).unwrap()
}

fn text(response: &Response) -> &str {
    match &response.body {
        Body::Bytes(bytes) => std::str::from_utf8(bytes).unwrap(),
        Body::Empty => "",
        other => panic!("{other:?}"),
    }
}

#[test]
fn people_get_a_page_and_programs_json() {
    let temp = directory();
    for (target, accept, expected) in [
        ("/f/", "*/*", "text/html; charset=utf-8"),
        ("/f/", "application/json", "application/json"),
        ("/f/?format=json", "text/html", "application/json"),
        ("/f/?format=html", "application/json", "text/html; charset=utf-8"),
        ("/f/?format=xml", "text/html", "text/html; charset=utf-8"),
        ("/f/?xformat=json&format=json&format=html", "text/html", "application/json"),
    ] {
        let response = respond(&temp, &request_with(target, &[("accept", accept)]));
        assert_eq!(response.headers["content-type"], expected, "{target} {accept}");
        assert_eq!(response.headers["vary"], "Accept");
        assert_eq!(response.headers["cache-control"], "no-cache");
        assert_eq!(response.headers["x-content-type-options"], "nosniff");
        let page = expected.starts_with("text/html");
        assert_eq!(response.headers.contains_key(header::CONTENT_SECURITY_POLICY), page);
        assert_eq!(response.headers.contains_key(header::REFERRER_POLICY), page);
    }
}

#[test]
fn json_has_what_the_page_has() {
    let temp = directory();
    fs::File::open(temp.path().join("a.txt")).unwrap().set_modified(std::time::UNIX_EPOCH).unwrap();
    let response = respond(&temp, &request("/f/?format=json"));
    let value: serde_json::Value = serde_json::from_str(text(&response)).unwrap();
    assert_eq!((&value["path"], &value["truncated"]), (&"/f/".into(), &false.into()));
    assert_eq!(value["entries"][0]["name"], "sub");
    assert_eq!(value["entries"][0]["type"], "directory");
    assert_eq!(value["entries"][0].get("size"), None);
    let file = serde_json::json!({
        "name": "a.txt", "type": "file", "size": 5, "modified": "1970-01-01T00:00:00Z", "href": "./a.txt",
    });
    assert_eq!(value["entries"][1], file);
}

#[test]
fn the_query_sorts() {
    let temp = directory();
    fs::write(temp.path().join("b.txt"), "1").unwrap();
    let order = |target: &str| {
        let response = respond(&temp, &request(target));
        let page = text(&response);
        page.find("./a.txt").cmp(&page.find("./b.txt"))
    };
    assert!(order("/").is_lt() && order("/?sort=name&order=desc").is_gt());
    assert!(order("/?sort=size").is_lt() && order("/?order=asc&sort=size").is_gt());
}

#[test]
fn head_says_what_get_would_and_sends_nothing() {
    let temp = directory();
    let mut head = request("/");
    let whole = respond(&temp, &head);
    head.method = Method::HEAD;
    let response = respond(&temp, &head);
    assert!(response.body.is_empty());
    assert_eq!(response.headers["content-length"], text(&whole).len().to_string());
    assert_eq!(response.headers["etag"], whole.headers["etag"]);
}

#[test]
fn a_listing_is_known_again_until_something_changes() {
    let temp = directory();
    let etag = respond(&temp, &request("/")).headers["etag"].clone();
    let again = request_with("/", &[("if-none-match", etag.to_str().unwrap())]);
    let response = respond(&temp, &again);
    assert_eq!((response.status, text(&response)), (StatusCode::NOT_MODIFIED, ""));
    let names: Vec<&HeaderName> = response.headers.keys().collect();
    assert_eq!(names, [header::CACHE_CONTROL, header::VARY, header::ETAG]);
    fs::write(temp.path().join("a.txt"), "123456").unwrap();
    assert_eq!(respond(&temp, &again).status, StatusCode::OK);
    let as_json = request_with("/?format=json", &[("if-none-match", etag.to_str().unwrap())]);
    assert_eq!(respond(&temp, &as_json).status, StatusCode::OK);
}

#[test]
fn a_precondition_that_fails_is_told() {
    let temp = directory();
    let request = request_with("/", &[("if-match", "\"other\"")]);
    assert_eq!(listing(&temp, &request).answer(&request).unwrap_err().cause, Cause::PreconditionFailed);
}

#[test]
fn folders_below_the_location_know_their_parents() {
    let temp = directory();
    for (relative, parents) in [("", 0), ("a", 1), ("a/b", 2)] {
        let wanted = Wanted::of(&request("/f/a/b/"), relative.as_bytes());
        assert_eq!(wanted.depth, parents);
    }
    assert!(!text(&respond(&temp, &request("/f/"))).contains("Parent folder"));
}
