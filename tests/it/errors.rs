//! What a client sees of errors: the site's own pages, or one plain line.

use crate::support::proxy::{ABSENT, Builder};
use crate::support::{Origin, Proxy, Request};

fn pages(locations: &str) -> Builder {
    Proxy::site(&format!(
        "{locations}\n[site.errors]\n\"404\" = \"errors/404.html\"\n\"4xx\" = \"errors/4xx.html\"\n\"5xx\" = \"errors/5xx.html\"\n"
    ))
    .file("errors/404.html", "ours: not found")
    .file("errors/4xx.html", "ours: your fault")
    .file("errors/5xx.html", "ours: our fault")
    .directory("www")
}

const FILES: &str = "[[site.location]]\nmatch = \"/\"\nfiles = \"www\"\n";

#[test]
fn a_page_of_the_status_comes_before_that_of_its_class() {
    let proxy = pages(FILES).start();
    let missing = proxy.get("/nothing");
    assert_eq!((missing.status, missing.text()), (404, "ours: not found"));
    assert_eq!(missing.header("content-type"), Some("text/html; charset=utf-8"));
    let refused = proxy.send(&Request::new("POST", "/"));
    assert_eq!((refused.status, refused.text()), (405, "ours: your fault"));
    assert_eq!(refused.header("allow"), Some("GET, HEAD"));
}

#[test]
fn an_application_that_is_not_there_gets_our_page() {
    let proxy = pages(&format!("[[site.location]]\nmatch = \"/\"\nproxy = \"absent\"\n{ABSENT}")).start();
    let response = proxy.get("/");
    assert_eq!((response.status, response.text()), (502, "ours: our fault"));
}

#[test]
fn the_applications_own_errors_pass_as_they_are() {
    let origin = Origin::answering("HTTP/1.1 404 Not Found\r\nContent-Length: 6\r\n\r\ntheirs");
    let location = format!("[[site.location]]\nmatch = \"/\"\nproxy = \"http://{}\"\n", origin.address());
    let response = pages(&location).start().get("/");
    assert_eq!((response.status, response.text()), (404, "theirs"));
}

#[test]
fn a_head_request_gets_the_error_without_its_page() {
    let proxy = pages(FILES).start();
    let mut client = proxy.connect();
    let head = client.exchange(&Request::new("HEAD", "/nothing"));
    assert_eq!((head.status, head.header("content-length")), (404, Some("15")));
    assert_eq!(client.exchange(&Request::get("/nothing")).text(), "ours: not found");
}

#[test]
fn a_connection_goes_on_behind_an_error() {
    let proxy = pages(FILES).file("www/page.txt", "page").start();
    let mut client = proxy.connect();
    for _ in 0..3 {
        assert_eq!(client.exchange(&Request::get("/nothing")).status, 404);
        assert_eq!(client.exchange(&Request::get("/page.txt")).text(), "page");
        assert_eq!(client.exchange(&Request::post("/page.txt", "unread body")).status, 405);
    }
}

#[test]
fn fields_of_the_location_stand_on_errors_too() {
    let headers = "headers.response = { set = { X-Frame-Options = \"DENY\" } }\n";
    let proxy = pages(&format!("{FILES}{headers}")).start();
    assert_eq!(proxy.get("/nothing").header("x-frame-options"), Some("DENY"));
    let proxy =
        pages(&format!("[[site.location]]\nmatch = \"/\"\nproxy = \"absent\"\n{headers}{ABSENT}")).start();
    assert_eq!(proxy.get("/").header("x-frame-options"), Some("DENY"));
}

#[test]
fn without_pages_a_plain_line_says_what_is_wrong() {
    let response = Proxy::files().start().get("/nothing");
    assert_eq!(response.header("content-type"), Some("text/plain; charset=utf-8"));
    assert!(
        response.text().starts_with("404 Not Found") && response.text().lines().count() == 1,
        "{response:?}"
    );
}
