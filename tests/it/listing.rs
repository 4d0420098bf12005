//! Directories that are shown: as a page, and as JSON.

use std::fs;
use std::os::unix::fs::symlink;

use crate::support::proxy::Builder;
use crate::support::{Proxy, Request, Response};

fn tree(keys: &str) -> Builder {
    let builder = Proxy::site(&format!("[[site.location]]\nmatch = \"/pub/\"\nfiles = \"www\"\n{keys}"))
        .file("secret.txt", "secret")
        .file("www/indexed/index.html", "the index")
        .file("www/docs/v2.txt", "22")
        .file("www/docs/v10.txt", "1010")
        .file("www/docs/a & <b>.txt", "a")
        .file("www/docs/sub/deep.txt", "deep")
        .file("www/docs/.hidden", "hidden");
    symlink("../../secret.txt", builder.dir().join("www/docs/out.txt")).unwrap();
    symlink("v2.txt", builder.dir().join("www/docs/newest.txt")).unwrap();
    builder
}

fn listed() -> Proxy {
    tree("listing = true\n").start()
}

/// The names of entries, in their order.
fn names(response: &Response) -> Vec<String> {
    let value: serde_json::Value = serde_json::from_slice(&response.body).unwrap();
    let entries = value["entries"].as_array().unwrap().iter();
    entries.map(|entry| entry["name"].as_str().unwrap().to_owned()).collect()
}

fn json(proxy: &Proxy, target: &str) -> Response {
    proxy.send(&Request::get(target).header("Accept", "application/json"))
}

#[test]
fn a_directory_is_shown_as_a_page_without_scripts() {
    let response = listed().get("/pub/docs/");
    assert_eq!(response.header("content-type"), Some("text/html; charset=utf-8"));
    let text = response.text();
    assert!(
        text.contains("a &amp; &lt;b&gt;.txt") && text.contains("href=\"./a%20&amp;%20%3Cb%3E.txt\""),
        "{text}"
    );
    assert!(!text.contains("<script") && text.contains("prefers-color-scheme"), "{text}");
    assert!(
        response
            .header("content-security-policy")
            .is_some_and(|policy| policy.contains("default-src 'none'"))
    );
    assert_eq!(response.header("cache-control"), Some("no-cache"));
}

#[test]
fn what_cannot_be_fetched_is_not_shown() {
    let proxy = listed();
    let response = json(&proxy, "/pub/docs/");
    assert_eq!(names(&response), ["sub", "a & <b>.txt", "newest.txt", "v2.txt", "v10.txt"]);
    for name in names(&response) {
        let path = format!("/pub/docs/{}", name.replace(' ', "%20").replace('<', "%3C").replace('>', "%3E"));
        assert!(matches!(proxy.get(&path).status, 200 | 301), "{path}");
    }
}

#[test]
fn columns_are_sorted_by_the_server() {
    let proxy = listed();
    let by = |order: &str| names(&proxy.get(&format!("/pub/docs/?format=json&{order}")));
    assert_eq!(by("sort=name&order=desc"), ["sub", "v10.txt", "v2.txt", "newest.txt", "a & <b>.txt"]);
    assert_eq!(by("sort=size&order=desc")[1], "v10.txt");
}

#[test]
fn an_index_comes_first_and_without_the_key_nothing_is_shown() {
    assert_eq!(listed().get("/pub/indexed/").text(), "the index");
    assert_eq!(tree("").start().get("/pub/docs/").status, 403);
    assert_eq!(listed().get("/pub/none/").status, 404);
    assert_eq!(listed().get("/pub/docs").header("location"), Some("/pub/docs/"));
}

#[test]
fn the_directory_of_the_location_itself_is_shown() {
    let proxy = listed();
    assert_eq!(names(&json(&proxy, "/pub/")), ["docs", "indexed"]);
}

#[test]
fn a_listing_is_asked_for_again_by_its_tag() {
    let proxy = listed();
    let tag = proxy.get("/pub/docs/").header("etag").unwrap().to_owned();
    let again = || proxy.send(&Request::get("/pub/docs/").header("If-None-Match", &tag)).status;
    assert_eq!(again(), 304);
    fs::write(proxy.dir().join("www/docs/new.txt"), "new").unwrap();
    assert_eq!(again(), 200);
    let head = proxy.send(&Request::new("HEAD", "/pub/docs/"));
    assert_eq!((head.status, head.body.len()), (200, 0));
    assert_eq!(proxy.send(&Request::new("POST", "/pub/docs/")).status, 405);
}

#[test]
fn links_are_shown_as_far_as_they_are_followed() {
    let shown = |keys: &str| names(&json(&tree(keys).start(), "/pub/docs/"));
    let follow = shown("listing = true\nsymlinks = \"follow\"\n");
    assert!(follow.contains(&"out.txt".to_owned()) && follow.contains(&"newest.txt".to_owned()));
    let deny = shown("listing = true\nsymlinks = \"deny\"\n");
    assert!(!deny.contains(&"newest.txt".to_owned()), "{deny:?}");
}
