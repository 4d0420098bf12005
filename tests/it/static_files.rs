//! What a `files` location answers with, and what it never does.

use std::fs;
use std::os::unix::fs::symlink;

use crate::support::proxy::Builder;
use crate::support::{Origin, Proxy, Request, Response};

/// A tree of public files with a secret beside it.
fn tree(location: &str) -> Builder {
    Proxy::site(location)
        .file("secret.txt", "secret")
        .file("www/page.html", "<p>page")
        .file("www/a/index.html", "index of a")
        .file("www/a/b.txt", "b")
}

fn served() -> Proxy {
    tree("[[site.location]]\nmatch = \"/\"\nfiles = \"www\"\n").start()
}

fn body(proxy: &Proxy, path: &str) -> (u16, String) {
    let response = proxy.get(path);
    (response.status, response.text().to_owned())
}

fn ok(text: &str) -> (u16, String) {
    (200, text.to_owned())
}

fn redirect(proxy: &Proxy, path: &str) -> (u16, String) {
    let response = proxy.get(path);
    (response.status, response.header("location").unwrap_or_default().to_owned())
}

#[test]
fn a_file_comes_with_its_type_length_and_validators() {
    let response = served().get("/page.html");
    assert_eq!((response.status, response.text()), (200, "<p>page"));
    assert_eq!(response.header("content-type"), Some("text/html; charset=utf-8"));
    assert_eq!(response.header("content-length"), Some("7"));
    assert_eq!(response.header("accept-ranges"), Some("bytes"));
    assert!(response.header("etag").is_some_and(|tag| tag.starts_with('"')), "{response:?}");
    httpdate::parse_http_date(response.header("last-modified").unwrap()).unwrap();
    httpdate::parse_http_date(response.header("date").unwrap()).unwrap();
}

#[test]
fn head_tells_what_get_would_and_sends_no_body() {
    let proxy = served();
    let mut client = proxy.connect();
    let head = client.exchange(&Request::new("HEAD", "/page.html"));
    let get = client.exchange(&Request::get("/page.html"));
    let fields = |response: &Response| {
        let lasting = |(name, _): &&(String, String)| !name.eq_ignore_ascii_case("date");
        response.headers.iter().filter(lasting).cloned().collect::<Vec<_>>()
    };
    assert_eq!((head.status, fields(&head)), (get.status, fields(&get)));
}

#[test]
fn other_methods_are_told_what_is_allowed() {
    let proxy = served();
    for method in ["POST", "PUT", "DELETE", "PATCH", "OPTIONS", "PROPFIND"] {
        let response = proxy.send(&Request::new(method, "/page.html"));
        assert_eq!((response.status, response.header("allow")), (405, Some("GET, HEAD")), "{method}");
    }
}

#[test]
fn an_empty_file_is_whole() {
    let proxy = tree("[[site.location]]\nmatch = \"/\"\nfiles = \"www\"\n").file("www/empty.txt", "").start();
    let response = proxy.get("/empty.txt");
    assert_eq!((response.status, response.header("content-length"), response.text()), (200, Some("0"), ""));
}

#[test]
fn a_directory_is_sent_to_its_slash_with_its_query() {
    let proxy = served();
    assert_eq!(redirect(&proxy, "/a"), (301, "/a/".into()));
    assert_eq!(redirect(&proxy, "/a?x=1&y"), (301, "/a/?x=1&y".into()));
}

#[test]
fn a_redirect_never_leads_to_another_host() {
    let proxy = served();
    for path in ["//a", "///a", "/%2f/a", "/x/..//a", "/a%0d%0aX: y/..", "/%5ca/..//a"] {
        let (status, location) = redirect(&proxy, path);
        assert!(status != 301 || location == "/a/", "{path} leads to {location}");
    }
    // The directory's own name may look like a host.
    fs::create_dir(proxy.dir().join("www/evil.test")).unwrap();
    assert_eq!(redirect(&proxy, "//evil.test"), (301, "/evil.test/".into()));
}

#[test]
fn a_directory_shows_its_index_and_nothing_without_one() {
    let proxy = served();
    assert_eq!(body(&proxy, "/a/"), ok("index of a"));
    assert_eq!(proxy.get("/").status, 403);
}

#[test]
fn the_first_index_there_is_answers() {
    let proxy = tree(
        "[[site.location]]\nmatch = \"/\"\nfiles = \"www\"\nindex = [\"none.html\", \"b.txt\", \"index.html\"]\n",
    )
    .start();
    assert_eq!(body(&proxy, "/a/"), ok("b"));
}

#[test]
fn hidden_files_are_not_there_but_for_well_known() {
    let proxy = tree("[[site.location]]\nmatch = \"/\"\nfiles = \"www\"\n")
        .file("www/.env", "PASSWORD=1")
        .file("www/.git/config", "[core]")
        .file("www/a/.htpasswd", "me")
        .file("www/.well-known/security.txt", "Contact: me")
        .start();
    for path in ["/.env", "/%2eenv", "/.git/config", "/a/.htpasswd", "/.well-known/../.env"] {
        assert_eq!(proxy.get(path).status, 404, "{path}");
    }
    assert_eq!(body(&proxy, "/.well-known/security.txt"), ok("Contact: me"));
}

#[test]
fn a_prefix_is_stripped_and_root_keeps_it() {
    let proxy = tree(
        "[[site.location]]\nmatch = \"/static/\"\nfiles = \"www\"\n\
         [[site.location]]\nmatch = \"/a/\"\nfiles = { root = \"www\" }\n",
    )
    .start();
    assert_eq!(body(&proxy, "/static/a/b.txt"), ok("b"));
    assert_eq!(body(&proxy, "/a/b.txt"), ok("b"));
}

/// nginx's `location /static { alias dir/; }` gives away what lies beside `dir`.
#[test]
fn off_by_slash_leads_nowhere() {
    let proxy = tree("[[site.location]]\nmatch = \"/static\"\nfiles = \"www/a\"\n").start();
    assert_eq!(body(&proxy, "/static/b.txt"), ok("b"));
    for path in ["/static../page.html", "/static../../secret.txt", "/static..%2fpage.html", "/staticb.txt"] {
        assert_eq!(proxy.get(path).status, 404, "{path}");
    }
}

#[test]
fn no_spelling_of_a_path_leaves_the_directory() {
    let proxy = served();
    let spellings = [
        "/../secret.txt",
        "/a/../../secret.txt",
        "/%2e%2e/secret.txt",
        "/..%2fsecret.txt",
        "/%2e%2e%2fsecret.txt",
        "/a/..%2f..%2fsecret.txt",
        "/..%5csecret.txt",
        "/%252e%252e/secret.txt",
        "/..%c0%afsecret.txt",
        "/....//secret.txt",
        "/./../secret.txt",
        "/..;/secret.txt",
        "/a%00/../../secret.txt",
    ];
    for path in spellings {
        let (status, text) = body(&proxy, path);
        assert!((400..=404).contains(&status) && !text.contains("secret.txt"), "{path}: {status}");
        assert_ne!(text, "secret", "{path}");
    }
}

#[test]
fn links_are_followed_inside_the_directory_only() {
    let builder = tree("[[site.location]]\nmatch = \"/\"\nfiles = \"www\"\n");
    symlink("b.txt", builder.dir().join("www/a/near.txt")).unwrap();
    symlink(builder.dir().join("www/a/b.txt"), builder.dir().join("www/absolute.txt")).unwrap();
    symlink("../secret.txt", builder.dir().join("www/out.txt")).unwrap();
    symlink("..", builder.dir().join("www/up")).unwrap();
    let proxy = builder.start();
    assert_eq!(body(&proxy, "/a/near.txt"), ok("b"));
    assert_eq!(body(&proxy, "/absolute.txt"), ok("b"));
    assert_eq!(proxy.get("/out.txt").status, 403);
    assert_eq!(proxy.get("/up/secret.txt").status, 403);
}

#[test]
fn links_are_followed_anywhere_or_nowhere_when_told_to() {
    let builder = tree(
        "[[site.location]]\nmatch = \"/follow/\"\nfiles = \"www\"\nsymlinks = \"follow\"\n\
         [[site.location]]\nmatch = \"/deny/\"\nfiles = \"www\"\nsymlinks = \"deny\"\n",
    );
    symlink("../secret.txt", builder.dir().join("www/out.txt")).unwrap();
    symlink("page.html", builder.dir().join("www/near.html")).unwrap();
    let proxy = builder.start();
    assert_eq!(body(&proxy, "/follow/out.txt"), ok("secret"));
    assert_eq!(proxy.get("/deny/near.html").status, 403);
    assert_eq!(body(&proxy, "/deny/page.html"), ok("<p>page"));
}

/// Opening a FIFO waits for its writer: a whole event loop would stand still.
#[test]
fn a_fifo_in_the_tree_is_refused_without_waiting() {
    let builder = tree("[[site.location]]\nmatch = \"/\"\nfiles = \"www\"\n");
    let made = std::process::Command::new("mkfifo").arg(builder.dir().join("www/fifo")).status();
    assert!(made.unwrap().success());
    let proxy = builder.start();
    for _ in 0..4 {
        assert_eq!(proxy.get("/fifo").status, 403);
    }
    assert_eq!(proxy.get("/page.html").status, 200);
}

#[test]
fn names_that_need_escapes_are_found() {
    let proxy = tree("[[site.location]]\nmatch = \"/\"\nfiles = \"www\"\n")
        .file("www/Grüße aus Köln.txt", "hello")
        .file("www/100%.txt", "all")
        .file("www/what?.txt", "why")
        .start();
    assert_eq!(body(&proxy, "/Gr%C3%BC%C3%9Fe%20aus%20K%C3%B6ln.txt"), ok("hello"));
    assert_eq!(body(&proxy, "/100%25.txt"), ok("all"));
    assert_eq!(body(&proxy, "/what%3f.txt?query"), ok("why"));
}

/// nginx's `try_files $uri $uri/ @app`.
fn trying(last: &str, app: &str) -> Proxy {
    tree(&format!(
        "[[site.location]]\nmatch = \"/\"\nfiles = \"www\"\ntry = [\"$uri\", \"$uri/\", \"{last}\"]\n\
         [[site.location]]\nmatch = \"@app\"\nproxy = \"app\"\n[upstream.app]\nservers = [\"{app}\"]\n"
    ))
    .start()
}

#[test]
fn try_takes_files_and_directories_before_the_application() {
    let origin = Origin::ok("from the application");
    let proxy = trying("@app", origin.address());
    assert_eq!(body(&proxy, "/page.html"), ok("<p>page"));
    assert_eq!(body(&proxy, "/a/"), ok("index of a"));
    assert_eq!(body(&proxy, "/elsewhere?x=%20"), ok("from the application"));
    assert_eq!(origin.requests()[0].request_line(), "GET /elsewhere?x=%20 HTTP/1.1");
    let posted = proxy.send(&Request::post("/form", "a=1"));
    assert_eq!((posted.status, posted.text()), (200, "from the application"));
    assert_eq!(origin.wait_for_request(2).body, b"a=1");
}

#[test]
fn try_may_end_in_a_status_or_another_path() {
    let origin = Origin::ok("");
    assert_eq!(trying("=410", origin.address()).get("/elsewhere").status, 410);
    assert_eq!(body(&trying("/page.html", origin.address()), "/elsewhere"), ok("<p>page"));
}

/// `try = ["$uri", "/index"]`, where `/index` is not there either.
#[test]
fn try_that_leads_in_a_circle_ends() {
    let origin = Origin::ok("");
    let proxy = trying("/nowhere", origin.address());
    assert_eq!(proxy.get("/elsewhere").status, 500);
    proxy.wait_for_log("routing-loop");
}
