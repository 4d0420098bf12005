//! `rewrite`, `redirect` and `respond`.

use crate::support::{Origin, Proxy, Request};

fn respond(location: &str) -> Proxy {
    Proxy::site(&format!("[[site.location]]\nmatch = \"/\"\n{location}\n")).start()
}

fn location(proxy: &Proxy, path: &str) -> (u16, String) {
    let response = proxy.get(path);
    (response.status, response.header("location").unwrap_or_default().to_owned())
}

#[test]
fn a_rewritten_path_goes_to_the_application_with_its_query() {
    let origin = Origin::ok("");
    let proxy = respond(&format!(
        "proxy = \"http://{}\"\nrewrite = {{ from = \"^/old/(.*)$\", to = \"/new/$1\" }}",
        origin.address()
    ));
    let table = [
        ("/old/page?a=%20b", "/new/page?a=%20b"),
        ("/old/a%20b%3Fc", "/new/a%20b%3Fc"),
        ("/older", "/older"),
        // Dot segments are gone before the match; what does not match keeps the client's own bytes.
        ("/old/%2e%2e/x", "/old/%2e%2e/x"),
        ("/other%2Fpath", "/other%2Fpath"),
    ];
    for (count, (asked, got)) in table.iter().enumerate() {
        proxy.get(asked);
        assert_eq!(origin.wait_for_request(count + 1).request_line(), format!("GET {got} HTTP/1.1"));
    }
}

#[test]
fn a_rewritten_path_finds_another_file() {
    let proxy = Proxy::site(
        "[[site.location]]\nmatch = \"/\"\nfiles = \"www\"\n\
         rewrite = { from = '^/v[0-9]+/(?<rest>.*)$', to = \"/$rest\" }\n",
    )
    .file("www/app.js", "js")
    .file("secret.txt", "secret")
    .start();
    assert_eq!(proxy.get("/v42/app.js?x").text(), "js");
    assert_eq!(proxy.get("/app.js").text(), "js");
    assert_ne!(proxy.get("/v1/../v2/..%2fsecret.txt").text(), "secret");
}

#[test]
fn a_redirect_keeps_what_it_names() {
    let proxy = respond("redirect = { to = \"https://new.test$uri$is_args$args\", status = 301 }");
    assert_eq!(location(&proxy, "/a%20b?c=%20d"), (301, "https://new.test/a%20b?c=%20d".into()));
    assert_eq!(location(&proxy, "/a"), (301, "https://new.test/a".into()));
}

#[test]
fn a_redirect_has_the_status_it_says() {
    for status in [301, 302, 303, 307, 308] {
        let proxy = respond(&format!("redirect = {{ to = \"/new\", status = {status} }}"));
        let response = proxy.send(&Request::post("/", "body"));
        assert_eq!((response.status, response.header("location")), (status, Some("/new")));
    }
}

#[test]
fn a_redirect_cannot_be_made_to_lead_to_another_host() {
    let proxy = respond("redirect = { to = \"$uri/\", status = 301 }");
    for path in ["//evil.test", "/%2fevil.test", "///evil.test", "/\\evil.test", "/x/..//evil.test"] {
        let (_, location) = location(&proxy, path);
        assert!(!location.starts_with("//") && !location.starts_with("/\\"), "{path} leads to {location}");
    }
}

#[test]
fn nothing_a_client_sends_begins_a_field_of_its_own() {
    let proxy = respond("redirect = { to = \"/new$uri?$arg_x\", status = 302 }");
    for path in ["/a%0d%0aSet-Cookie:%20x=1", "/?x=%0d%0aSet-Cookie:%20x=1"] {
        let response = proxy.get(path);
        assert_eq!(response.header("set-cookie"), None, "{path}");
        assert!(response.header("location").is_none_or(|to| to.starts_with("/new")), "{response:?}");
    }
}

#[test]
fn a_response_is_as_written_with_its_variables() {
    let proxy = respond(
        "respond = { status = 203, body = \"$request_method $host$request_uri $remote_addr\", type = \"text/x-test\" }",
    );
    let response = proxy.get("/a%20b?c");
    assert_eq!((response.status, response.text()), (203, "GET localhost/a%20b?c 127.0.0.1"));
    assert_eq!(response.header("content-type"), Some("text/x-test"));
    let mut client = proxy.connect();
    let head = client.exchange(&Request::new("HEAD", "/a%20b?c"));
    // `HEAD` is one letter longer than `GET`.
    assert_eq!(head.header("content-length"), Some("32"));
    assert_eq!(client.exchange(&Request::get("/")).status, 203);
}

#[test]
fn a_response_without_body_has_none() {
    let proxy = respond("respond = { status = 204 }");
    let mut client = proxy.connect();
    for _ in 0..2 {
        let response = client.exchange(&Request::get("/"));
        assert_eq!((response.status, response.header("content-length")), (204, None));
    }
}
