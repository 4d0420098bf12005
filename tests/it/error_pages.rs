//! Errors that a location of the site shows: `"404" = "@name"`.

use crate::support::proxy::{ABSENT, Builder};
use crate::support::{Origin, Proxy, Request};

/// Files at `/`, and these pages by these locations.
fn site(pages: &str, locations: &str) -> Builder {
    Proxy::config(&format!(
        "[log]\naccess_format = \"$status $request <$upstream_addr> $cause\"\n\
         [[site]]\nlisten = [\"127.0.0.1:0\"]\n\
         [[site.location]]\nmatch = \"/\"\nfiles = \"www\"\n\
         headers.response = {{ set = {{ X-Location = \"files\" }} }}\n\
         [[site.location]]\nmatch = \"/dead/\"\nproxy = \"absent\"\n\
         [[site.location]]\nmatch = \"/none/\"\nfiles = \"www\"\ntry = [\"$uri\", \"=404\"]\n\
         [[site.location]]\nmatch = \"/inside/\"\nfiles = \"www\"\ninternal = true\n\
         {locations}[site.errors]\n{pages}{ABSENT}"
    ))
    .file("www/page.txt", "page")
    .file("pages/missing.html", "all of the page")
}

const FILES: &str = "[[site.location]]\nmatch = \"@missing\"\nfiles = \"pages\"\ntry = [\"/missing.html\", \"=500\"]\n\
                     headers.response = { set = { X-Location = \"pages $cause\" } }\n";

#[test]
fn a_file_is_the_page_and_the_status_stays() {
    let proxy = site("\"404\" = \"@missing\"\n", FILES).start();
    for path in ["/nothing", "/none/nothing", "/inside/page.txt"] {
        let response = proxy.get(path);
        assert_eq!((response.status, response.text()), (404, "all of the page"), "{path}");
        assert_eq!(response.header("content-type"), Some("text/html; charset=utf-8"));
        for name in ["etag", "last-modified", "accept-ranges"] {
            assert_eq!(response.header(name), None, "{name}");
        }
    }
    assert_eq!(proxy.get("/nothing").header("x-location"), Some("pages not-found"));
    proxy.wait_for_access("404 GET /nothing HTTP/1.1 <-> not-found");
}

#[test]
fn a_page_is_whole_whatever_the_client_has_of_what_it_asked_for() {
    let proxy = site("\"404\" = \"@missing\"\n\"4xx\" = \"@missing\"\n", FILES).start();
    for (name, value) in [
        ("Range", "bytes=0-2"),
        ("If-None-Match", "*"),
        ("If-Match", "\"x\""),
        ("If-Modified-Since", "Fri, 31 Dec 9999 23:59:59 GMT"),
        ("If-Unmodified-Since", "Thu, 01 Jan 1970 00:00:00 GMT"),
    ] {
        let response = proxy.send(&Request::get("/nothing").header(name, value));
        assert_eq!((response.status, response.text()), (404, "all of the page"), "{name}");
    }
    let beyond = proxy.send(&Request::get("/page.txt").header("Range", "bytes=9-"));
    assert_eq!((beyond.status, beyond.text()), (416, "all of the page"));
    assert_eq!(beyond.header("content-range"), Some("bytes */4"));
}

#[test]
fn methods_and_bodies_do_not_disturb_a_page() {
    let proxy = site("\"4xx\" = \"@missing\"\n", FILES).start();
    let mut client = proxy.connect();
    let posted = client.exchange(&Request::post("/page.txt", "unread"));
    assert_eq!((posted.status, posted.text()), (405, "all of the page"));
    assert_eq!(posted.header("allow"), Some("GET, HEAD"));
    let head = client.exchange(&Request::new("HEAD", "/nothing"));
    assert_eq!((head.status, head.header("content-length")), (404, Some("15")));
    assert_eq!(client.exchange(&Request::get("/page.txt")).text(), "page");
}

#[test]
fn an_application_shows_the_error_of_another() {
    let app = Origin::echo();
    let location = format!("[[site.location]]\nmatch = \"@app\"\nproxy = \"http://{}\"\n", app.address());
    let proxy = site("\"5xx\" = \"@app\"\n", &location).start();
    let request = Request::post("/dead/x?y=z", "body").header("Range", "bytes=0-0").header("Cookie", "a=1");
    let response = proxy.send(&request);
    assert_eq!(response.status, 502);
    assert!(response.text().starts_with("GET /dead/x?y=z HTTP/1.1\r\n"), "{}", response.text());
    let seen = app.wait_for_request(1);
    assert_eq!((seen.header("range"), seen.header("cookie"), seen.body.len()), (None, Some("a=1"), 0));
    proxy.wait_for_log("cause=\"socket-missing\"");
    let line = proxy.wait_for_access("502 POST /dead/x?y=z HTTP/1.1");
    assert!(line.contains("missing.sock : 127.0.0.1:") && line.ends_with("> socket-missing"), "{line}");
}

#[test]
fn an_application_may_say_the_status_itself() {
    let app = Origin::answering("HTTP/1.1 404 Not Found\r\nContent-Length: 6\r\n\r\ntheirs");
    let location = format!("[[site.location]]\nmatch = \"@app\"\nproxy = \"http://{}\"\n", app.address());
    let response = site("\"404\" = \"@app\"\n", &location).start().get("/nothing");
    assert_eq!((response.status, response.text()), (404, "theirs"));
}

#[test]
fn an_application_may_have_the_page_sent_from_disk() {
    let app = Origin::answering(
        "HTTP/1.1 200 OK\r\nContent-Length: 0\r\nX-Accel-Redirect: /inside/page.txt\r\n\r\n",
    );
    let location = format!("[[site.location]]\nmatch = \"@app\"\nproxy = \"http://{}\"\n", app.address());
    let response = site("\"404\" = \"@app\"\n", &location).start().get("/nothing");
    assert_eq!((response.status, response.text()), (404, "page"));
}

#[test]
fn a_fixed_answer_may_be_the_page() {
    let location =
        "[[site.location]]\nmatch = \"@sorry\"\nrespond = { status = 503, body = \"sorry, $uri\" }\n";
    let response = site("\"4xx\" = \"@sorry\"\n", location).start().get("/nothing");
    assert_eq!((response.status, response.text()), (404, "sorry, /nothing"));
}

#[test]
fn a_page_that_fails_itself_is_a_plain_one_and_told() {
    let broken = Origin::answering("HTTP/1.1 500 Oops\r\nContent-Length: 6\r\n\r\ntheirs");
    let app = format!("match = \"@app\"\nproxy = \"http://{}\"\n", broken.address());
    for location in [
        "match = \"@app\"\nproxy = \"absent\"\n",
        "match = \"@app\"\nfiles = \"pages\"\ntry = [\"/other.html\", \"=404\"]\n",
        "match = \"@app\"\nfiles = \"pages\"\ntry = [\"/other.html\", \"@app\"]\n",
        "match = \"@app\"\nredirect = { to = \"/elsewhere\", status = 302 }\n",
        &app,
    ] {
        let location = format!("[[site.location]]\n{location}");
        let proxy = site("\"4xx\" = \"@app\"\n\"5xx\" = \"@app\"\n", &location).start();
        let response = proxy.get("/nothing");
        assert_eq!((response.status, response.header("location")), (404, None), "{location}");
        assert!(response.text().starts_with("404 Not Found"), "{location}: {}", response.text());
        assert_eq!(response.header("x-location"), Some("files"));
        let line = proxy.wait_for_log("error-page-failed");
        assert!(line.contains("the page of status 404"), "{line}");
        proxy.wait_for_access("404 GET /nothing HTTP/1.1 <-> not-found");
    }
}

#[test]
fn what_led_to_the_error_keeps_its_cookies() {
    let app = Origin::answering(
        "HTTP/1.1 200 OK\r\nContent-Length: 0\r\nX-Accel-Redirect: /inside/gone\r\nSet-Cookie: a=1\r\n\
         X-Other: 1\r\n\r\n",
    );
    let locations =
        format!("{FILES}[[site.location]]\nmatch = \"/app/\"\nproxy = \"http://{}\"\n", app.address());
    let response = site("\"404\" = \"@missing\"\n", &locations).start().get("/app/");
    assert_eq!((response.status, response.text()), (404, "all of the page"));
    assert_eq!((response.header("set-cookie"), response.header("x-other")), (Some("a=1"), None));
}

#[test]
fn how_long_a_page_may_be_kept_says_nothing_of_the_error() {
    for caching in ["cache_control = \"public, max-age=31536000, immutable\"\n", "cache = \"auto\"\n"] {
        let proxy = site("\"404\" = \"@missing\"\n", &format!("{FILES}{caching}")).start();
        let response = proxy.get("/nothing");
        assert_eq!((response.status, response.header("cache-control")), (404, None), "{caching}");
    }
}
