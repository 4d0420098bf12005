//! How files are described: types, charsets, how long they may be kept, and for whom they are there.

use std::fs;
use std::os::unix::fs::symlink;

use crate::support::{Origin, Proxy, Request, Response};

fn serving(keys: &str) -> Proxy {
    Proxy::site(&format!("[[site.location]]\nmatch = \"/\"\nfiles = \"www\"\n{keys}"))
        .file("www/index.html", "<p>home")
        .file("www/app.3f2a9c0b1d4e.js", "app()")
        .file("www/plain.js", "plain()")
        .file("www/notes.glsl", "shader")
        .file("www/README", "read me")
        .file("www/photo.jpg", "jpeg")
        .start()
}

fn field<'a>(response: &'a Response, name: &str) -> &'a str {
    response.header(name).unwrap_or_default()
}

#[test]
fn cache_control_is_sent_as_written_but_not_with_errors() {
    let proxy = serving("cache_control = \"public, max-age=60\"\n");
    let whole = proxy.get("/plain.js");
    assert_eq!(field(&whole, "cache-control"), "public, max-age=60");
    let etag = field(&whole, "etag").to_owned();
    let fresh = proxy.send(&Request::get("/plain.js").header("If-None-Match", &etag));
    assert_eq!((fresh.status, field(&fresh, "cache-control")), (304, "public, max-age=60"));
    let part = proxy.send(&Request::get("/plain.js").header("Range", "bytes=0-0"));
    assert_eq!((part.status, field(&part, "cache-control")), (206, "public, max-age=60"));
    for (target, status) in [("/none.js", 404), ("/../x", 400)] {
        let error = proxy.get(target);
        assert_eq!((error.status, error.header("cache-control")), (status, None), "{target}");
    }
}

#[test]
fn auto_keeps_hashed_names_for_a_year_and_asks_again_for_pages() {
    let proxy = serving("cache = \"auto\"\n");
    for (target, expected) in [
        ("/app.3f2a9c0b1d4e.js", "public, max-age=31536000, immutable"),
        ("/index.html", "no-cache"),
        ("/", "no-cache"),
        ("/plain.js", "max-age=0, must-revalidate"),
        ("/photo.jpg", "max-age=0, must-revalidate"),
    ] {
        let response = proxy.get(target);
        assert_eq!((response.status, field(&response, "cache-control")), (200, expected), "{target}");
    }
    let etag = field(&proxy.get("/index.html"), "etag").to_owned();
    let fresh = proxy.send(&Request::get("/index.html").header("If-None-Match", &etag));
    assert_eq!((fresh.status, field(&fresh, "cache-control")), (304, "no-cache"));
}

#[test]
fn browsers_do_not_sniff_types_of_files_unless_they_may() {
    assert_eq!(field(&serving("").get("/photo.jpg"), "x-content-type-options"), "nosniff");
    assert_eq!(serving("nosniff = false\n").get("/photo.jpg").header("x-content-type-options"), None);
}

#[test]
fn types_are_looked_up_in_the_location_then_the_site_then_the_file() {
    let config = "mime_types = { glsl = \"text/x-site\", js = \"text/x-site\" }\n[log]\naccess = \"off\"\n";
    let (types, log) = config.split_once('\n').unwrap();
    let proxy = Proxy::config(&format!(
        "{log}[mime_types]\n\"*\" = \"text/x-file\"\nglsl = \"text/x-file\"\n[[site]]\nlisten = [\"127.0.0.1:0\"]\n{types}\n\
         [[site.location]]\nmatch = \"/\"\nfiles = \"www\"\nmime_types = {{ js = \"text/x-location\" }}\n"
    ))
    .file("www/a.js", "")
    .file("www/a.glsl", "")
    .file("www/README", "")
    .start();
    for (target, expected) in [
        ("/a.js", "text/x-location; charset=utf-8"),
        ("/a.glsl", "text/x-site; charset=utf-8"),
        ("/README", "text/x-file; charset=utf-8"),
    ] {
        assert_eq!(field(&proxy.get(target), "content-type"), expected);
    }
}

#[test]
fn text_has_the_charset_that_is_written_or_none() {
    let other = serving("charset = \"koi8-r\"\n");
    assert_eq!(field(&other.get("/index.html"), "content-type"), "text/html; charset=koi8-r");
    assert_eq!(field(&other.get("/photo.jpg"), "content-type"), "image/jpeg");
    assert_eq!(field(&serving("charset = \"off\"\n").get("/index.html"), "content-type"), "text/html");
}

/// Two tenants below one directory, and a secret beside it.
fn tenants() -> Proxy {
    let builder = Proxy::site("[[site.location]]\nmatch = \"/\"\nfiles = \"sites/$http_x_tenant/www\"\n")
        .file("secret.txt", "secret")
        .file("www/secret.txt", "secret")
        .file("sites/www/secret.txt", "secret")
        .file("sites/a/www/page.html", "of a")
        .file("sites/b/www/page.html", "of b")
        .file("sites/b/secret.txt", "secret");
    symlink("../../b/secret.txt", builder.dir().join("sites/a/www/link.txt")).unwrap();
    symlink("../..", builder.dir().join("sites/out")).unwrap();
    fs::create_dir(builder.dir().join("sites/.hidden")).unwrap();
    builder.start()
}

fn of_tenant(proxy: &Proxy, tenant: &str, path: &str) -> (u16, String) {
    let response = proxy.send(&Request::get(path).header("X-Tenant", tenant));
    (response.status, response.text().to_owned())
}

#[test]
fn each_request_may_name_its_directory() {
    let proxy = tenants();
    // Twice, so that what is kept of one is not given to another.
    for _ in 0..2 {
        assert_eq!(of_tenant(&proxy, "a", "/page.html"), (200, "of a".into()));
        assert_eq!(of_tenant(&proxy, "b", "/page.html"), (200, "of b".into()));
    }
    assert_eq!(of_tenant(&proxy, "c", "/page.html").0, 404);
}

#[test]
fn a_directory_that_a_request_names_never_leaves_the_fixed_one() {
    let proxy = tenants();
    for tenant in
        ["", ".", "..", "../..", "a/../..", "/etc", ".hidden", "out", "a/www/../../..", "b\u{0}", "%2e%2e"]
    {
        for path in ["/secret.txt", "/www/secret.txt", "/sites/b/secret.txt", "/../secret.txt"] {
            let (status, text) = of_tenant(&proxy, tenant, path);
            assert!(
                status >= 400 && !text.contains("secret\n") && text != "secret",
                "{tenant:?} {path}: {text}"
            );
        }
    }
    // A link of one tenant to a file of another.
    assert_eq!(of_tenant(&proxy, "a", "/link.txt").0, 403);
}

#[test]
fn who_names_no_directory_gets_what_try_ends_in() {
    let proxy = Proxy::site(
        "[[site.location]]\nmatch = \"/\"\nfiles = \"sites/$http_x_tenant\"\ntry = [\"$uri\", \"@none\"]\n\
         [[site.location]]\nmatch = \"@none\"\nrespond = { status = 404, body = \"no such tenant\" }\n",
    )
    .file("sites/a/page.html", "of a")
    .start();
    assert_eq!(of_tenant(&proxy, "a", "/page.html"), (200, "of a".into()));
    assert_eq!(of_tenant(&proxy, "..", "/a/page.html"), (404, "no such tenant".into()));
}

fn single_page(keys: &str) -> Proxy {
    Proxy::site(&format!(
        "[[site.location]]\nmatch = \"/\"\nfiles = \"www\"\ntry = [\"$uri\", \"/index.html\"]\n{keys}"
    ))
    .file("www/index.html", "<div id=app>")
    .file("www/assets/app-3f2a9c0b.js", "app()")
    .start()
}

#[test]
fn a_single_page_application_answers_navigations_only() {
    let proxy = single_page("");
    let ask = |path: &str, fields: &[(&str, &str)]| {
        let request =
            fields.iter().fold(Request::get(path), |request, (name, value)| request.header(name, value));
        let response = proxy.send(&request);
        (response.status, field(&response, "cache-control").to_owned())
    };
    let html = ("Accept", "text/html,application/xhtml+xml,*/*;q=0.8");
    let page = (200, "no-cache".to_owned());
    let missing = (404, "no-store".to_owned());
    assert_eq!(ask("/users/42/settings", &[html]), page);
    assert_eq!(ask("/users/42/settings", &[]), page, "as curl asks");
    assert_eq!(ask("/deep", &[html, ("Sec-Fetch-Mode", "navigate")]), page);
    assert_eq!(ask("/assets/app-0ld0ld0l.js", &[]), missing);
    assert_eq!(ask("/assets/app-0ld0ld0l.js", &[html]), missing);
    assert_eq!(
        ask("/avatar", &[("Accept", "image/avif,image/webp,*/*;q=0.8"), ("Sec-Fetch-Dest", "image")]),
        missing
    );
    assert_eq!(ask("/api/users", &[("Accept", "application/json")]), missing);
    assert_eq!(ask("/", &[html]), page);
}

#[test]
fn the_caching_of_a_single_page_application_can_be_written_otherwise() {
    let proxy = single_page("cache_control = \"max-age=5\"\n");
    assert_eq!(field(&proxy.get("/users"), "cache-control"), "max-age=5");
    assert_eq!(field(&proxy.get("/none.js"), "cache-control"), "no-store");
    let proxy = single_page("cache = false\n");
    assert_eq!(proxy.get("/users").header("cache-control"), None);
}

#[test]
fn an_application_may_have_its_caching_said_here() {
    let origin =
        Origin::answering("HTTP/1.1 200 OK\r\nCache-Control: private\r\nContent-Length: 2\r\n\r\nhi");
    let proxy = Proxy::site(&format!(
        "[[site.location]]\nmatch = \"/\"\nproxy = \"{}\"\ncache_control = \"max-age=9\"\nnosniff = true\n",
        proxied(origin.address())
    ))
    .start();
    let response = proxy.get("/");
    assert_eq!(response.header_values("cache-control"), ["max-age=9"]);
    assert_eq!(field(&response, "x-content-type-options"), "nosniff");
}

fn proxied(address: &str) -> String {
    if address.starts_with("unix:") { address.to_owned() } else { format!("http://{address}") }
}

/// How many seconds an answer took, by the access log. No machine is too slow to take long enough.
fn seconds(proxy: &Proxy, target: &str) -> f64 {
    proxy.get(target);
    let line = proxy.wait_for_access(&format!(" {target} "));
    line.rsplit(' ').next().unwrap().parse().unwrap()
}

#[test]
fn an_answer_goes_out_no_faster_than_its_limit() {
    let limits = |app: &str| {
        let origin =
            Origin::answering(format!("HTTP/1.1 200 OK\r\n{app}Content-Length: 20000\r\n\r\n{:20000}", ""));
        let location = "limit_rate = { rate = 10000, after = 5000 }\n";
        let proxy = Proxy::config(&format!(
            "[log]\naccess_format = \"$request $request_time\"\n[[site]]\nlisten = [\"127.0.0.1:0\"]\n\
             [[site.location]]\nmatch = \"/\"\nfiles = \"www\"\n{location}\
             [[site.location]]\nmatch = \"/app\"\nproxy = \"{}\"\n{location}",
            proxied(origin.address())
        ));
        let proxy = proxy.file("www/file", " ".repeat(20_000)).start();
        (seconds(&proxy, "/file"), seconds(&proxy, "/app"))
    };
    let (file, app) = limits("");
    assert!(file >= 1.0 && app >= 1.0, "{file} {app}");
    let (_, slower) = limits("X-Accel-Limit-Rate: 8000\r\n");
    assert!(slower >= 1.5, "{slower}");
}
