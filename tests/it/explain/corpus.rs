//! A site with every kind of location, and what is asked of it.

use std::fmt::Write;
use std::fs::{self, File};
use std::path::Path;
use std::time::{Duration, SystemTime};

use crate::support::proxy::Builder;
use crate::support::{Origin, Proxy};

/// Every kind of location, overlapping; each says in its answers which one it is.
pub const LOCATIONS: &[(&str, &str)] = &[
    ("/", "proxy = \"app\"\nrewrite = { from = \"^/old/(.*)$\", to = \"/new/$1?from=old\" }"),
    ("/static/", "files = \"www\"\nprecompressed = [\"gzip\"]\ncache_control = \"max-age=60\""),
    ("^~ /final/", "files = { root = \"tree\" }\nlisting = true"),
    ("= /favicon.ico", "files = \"www\""),
    ("/big/", "files = \"www\"\ncompress = true\ncache = \"auto\""),
    ("/spa/", "files = \"www\"\ntry = [\"$uri\", \"/static/index.html\"]"),
    ("/try/", "files = \"www\"\ntry = [\"$uri\", \"$uri/\", \"@app\"]"),
    ("/none/", "files = \"www\"\ntry = [\"$uri\", \"=410\"]"),
    ("/hosts/", "files = \"www/$host\""),
    (r"~ \.php$", "respond = { status = 403, body = \"no $uri\" }"),
    (r"~ ^/user/(?<name>[a-z]+)$", "redirect = { to = \"/u/$name$is_args$args\", status = 307 }"),
    (
        r"~* ^/(IMG)/",
        "proxy = \"app\"\nheaders.request = { set = { X-Kind = \"$1$uri\", Host = \"img.test\" }, remove = [\"Cookie\"] }",
    ),
    ("= /go", "redirect = { to = \"/gone\", status = 301 }"),
    ("= /empty", "respond = { status = 204 }"),
    ("/private/", "files = \"www\"\ninternal = true"),
    ("/small/", "proxy = \"app\"\nmax_body = 4\ncache_control = \"no-store\""),
    ("/loop/", "files = \"www\"\ntry = [\"/none-such\", \"/loop/again\"]"),
    ("/broken/", "files = \"missing\""),
    ("/a b/", "proxy = \"direct\"\nrewrite = { from = \"^/a b/(.*)\", to = \"/$1\" }"),
    ("@app", "proxy = \"app\"\nheaders.response = { remove = [\"X-Origin\"] }"),
    ("@page", "files = \"www\"\nrewrite = { from = \"^.*$\", to = \"/error.html\" }"),
    ("@down", "proxy = \"app\"\nrewrite = { from = \"^.*$\", to = \"/error\" }"),
];

fn configuration(origin: &Origin) -> String {
    let mut toml = String::from(
        "[log]\naccess = \"off\"\n[server]\nworkers = 1\ntrusted_proxies = [\"127.0.0.2\"]\n\
         [[site]]\nlisten = [\"127.0.0.1:0\"]\nhosts = [\"a.test\", \"*.wild.test\"]\n\
         errors = { 404 = \"@page\", 405 = \"page.html\", 410 = \"@down\", 413 = \"none.html\", 5xx = \"page.html\" }\n",
    );
    for (index, (pattern, keys)) in LOCATIONS.iter().enumerate() {
        let keys = if keys.contains("headers.response") {
            keys.replace(
                "headers.response = {",
                &format!("headers.response = {{ set = {{ X-Location = \"{index}\" }},"),
            )
        } else {
            format!("{keys}\nheaders.response = {{ set = {{ X-Location = \"{index}\" }} }}")
        };
        writeln!(toml, "[[site.location]]\nmatch = '{pattern}'\n{keys}").unwrap();
    }
    toml += "[[site]]\nlisten = [\"127.0.0.1:0\"]\nhosts = [\"one.wild.test\", \"b.*\"]\n\
             [[site.location]]\nmatch = \"/only\"\nrespond = { body = \"$host $remote_addr $scheme\" }\n\
             headers.response = { set = { X-Location = \"only\" } }\n";
    toml + &format!(
        "[upstream.app]\nservers = [\"{0}\"]\n[upstream.direct]\nservers = [\"{0}\"]\nkeep_alive = {{ idle = 0 }}\n",
        origin.address()
    )
}

pub fn site(origin: &Origin) -> Builder {
    let builder = Proxy::config(&configuration(origin))
        .file("www/index.html", "<p>index")
        .file("www/app.js", "let a = 1;")
        .file("www/app.js.gz", "not really gzip")
        .file("www/big.css", "a { color: red }\n".repeat(400))
        .file("www/error.html", "an error")
        .file("www/favicon.ico", "icon")
        .file("www/sub/index.html", "sub")
        .file("www/bare/x.txt", "x")
        .file("www/é b.txt", "accents")
        .file("www/.env", "secret")
        .file("www/a.test/own.txt", "own")
        .file("tree/final/x.php", "text")
        .file("page.html", "the page");
    for folder in ["www", "www/sub", "www/bare", "www/a.test", "tree/final"] {
        for entry in fs::read_dir(builder.dir().join(folder)).unwrap() {
            age(&entry.unwrap().path());
        }
    }
    builder
}

/// What was written this moment may still change, and is treated so.
fn age(path: &Path) {
    if path.is_file() {
        let file = File::options().write(true).open(path).unwrap();
        file.set_modified(SystemTime::now() - Duration::from_secs(3600)).unwrap();
    }
}

/// Targets as clients spell them, and as they should not.
pub const TARGETS: &[&str] = &[
    "/",
    "/?",
    "/?a=1&b=%20",
    "//",
    "/./x",
    "/x/../y",
    "/%2e%2e/x",
    "/../x",
    "/x%00",
    "/x%2",
    "/x%zz",
    "/%",
    "/old/a",
    "/old/a%2Fb?q=1",
    "/old/",
    "/old/%C3%A9?x=%C3%A9",
    "/é",
    "/x%2Fy",
    "/x;y=1",
    "/static/app.js",
    "/static//app.js",
    "/static/./app.js",
    "/static/app%2Ejs",
    "/static/app.js?v=2",
    "/static/sub",
    "/static/sub/",
    "/static/sub?q",
    "/static/bare",
    "/static/bare/",
    "/static/.env",
    "/static/none",
    "/static/../static/app.js",
    "/static",
    "/static/%C3%A9%20b.txt",
    "/static/é%20b.txt",
    "/static/app.js/",
    "/static/app.js/x",
    "/static/a.php",
    "/Static/app.js",
    "/static/sub/../app.js",
    "/final/x.php",
    "/final/",
    "/final",
    "/final/none",
    "/favicon.ico",
    "/favicon.ico/",
    "/favicon%2eico?x",
    "/big/big.css",
    "/big/app.js",
    "/spa/users/7",
    "/spa/app.js",
    "/spa/gone.js",
    "/spa/",
    "/try/app.js",
    "/try/sub",
    "/try/sub/",
    "/try/x?y=1",
    "/try/.env",
    "/try/",
    "/none/app.js",
    "/none/x",
    "/hosts/own.txt",
    "/hosts/other.txt",
    "/a.php",
    "/a.php/b",
    "/A.PHP",
    "/user/jane",
    "/user/jane?tab=1",
    "/user/Jane",
    "/user/",
    "/img/1.png",
    "/IMG/2.png?w=1",
    "/image",
    "/go",
    "/go?x=1",
    "/go/",
    "/empty",
    "/private/app.js",
    "/private/",
    "/small/x",
    "/loop/x",
    "/broken/x",
    "/a%20b/c?d=e",
    "/a%20b/",
    "/a%20b",
    "/only",
    "/only/x",
    "/new/x",
    "/@app",
    "/%40page",
];

pub type Fields = &'static [(&'static str, &'static str)];

/// Method, fields, host and client of a request; each is asked with every target, or with some of them.
pub const WAYS: &[(&str, Fields, &str, &str, usize)] = &[
    ("GET", &[], "a.test", "127.0.0.1", 1),
    ("HEAD", &[("accept-encoding", "gzip")], "A.test:81", "127.0.0.1", 1),
    ("POST", &[("content-length", "5"), ("cookie", "a=1")], "x.wild.test", "127.0.0.1", 1),
    (
        "GET",
        &[("accept", "text/html"), ("sec-fetch-mode", "navigate"), ("accept-encoding", "gzip, br")],
        "a.test.",
        "127.0.0.1",
        2,
    ),
    (
        "GET",
        &[("range", "bytes=1-3"), ("x-forwarded-for", "203.0.113.9"), ("x-forwarded-proto", "https")],
        "a.test",
        "127.0.0.2",
        2,
    ),
    (
        "GET",
        &[
            ("if-none-match", "*"),
            ("x_under", "1"),
            ("te", "trailers"),
            ("connection", "te, x-hop"),
            ("x-hop", "1"),
        ],
        "a.test",
        "127.0.0.1",
        3,
    ),
    (
        "DELETE",
        &[("x-forwarded-for", "1.2.3.4"), ("x-accel-redirect", "/private/app.js")],
        "one.wild.test",
        "127.0.0.1",
        5,
    ),
    ("OPTIONS", &[("upgrade", "websocket"), ("connection", "upgrade")], "b.org", "127.0.0.1", 5),
    ("GET", &[], "nobody.test", "127.0.0.1", 9),
    ("GET", &[], "a..test", "127.0.0.1", 20),
    ("TRACE", &[], "a.test", "127.0.0.1", 20),
    ("GET", &[("expect", "200-maybe")], "a.test", "127.0.0.1", 20),
];
