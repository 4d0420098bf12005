use std::fmt::Write;
use std::fs::{self, File};
use std::path::Path;
use std::process::{Command, Output};
use std::time::{Duration, SystemTime};

use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use rproxy::config::{Loaded, load};
use rproxy::explain::{Question, explain, tested};
use serde_json::Value;

use crate::support::proxy::Builder;
use crate::support::{Client, Origin, Proxy, Response};

/// Every kind of location, overlapping; each says in its answers which one it is.
const LOCATIONS: &[(&str, &str)] = &[
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

fn site(origin: &Origin) -> Builder {
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
const TARGETS: &[&str] = &[
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

type Fields = &'static [(&'static str, &'static str)];

/// Method, fields, host and client of a request; each is asked with every target, or with some of them.
const WAYS: &[(&str, Fields, &str, &str, usize)] = &[
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

struct Case<'a> {
    method: &'a str,
    target: &'a str,
    host: &'a str,
    fields: &'a [(&'a str, &'a str)],
    peer: &'a str,
}

/// A running site, and the same file to be asked.
struct Twin {
    proxy: Proxy,
    origin: Origin,
    loaded: Loaded,
}

impl Twin {
    fn start() -> Self {
        let origin = Origin::answering("HTTP/1.1 200 OK\r\nContent-Length: 2\r\nX-Origin: yes\r\n\r\nok");
        let proxy = site(&origin).start();
        let loaded = load(&proxy.dir().join("site.toml")).unwrap();
        Self { proxy, origin, loaded }
    }

    /// Asks both, and says where they differ; or else what they agree on.
    fn compare(&self, case: &Case<'_>) -> Result<Value, String> {
        let told = explained(&self.loaded, case);
        let before = self.origin.requests().len();
        let live = ask(&self.proxy, case);
        let received = self.origin.requests().split_off(before);
        let context = || {
            let received: Vec<&str> = received.iter().map(|one| one.head.as_str()).collect();
            format!(
                "{} {} of {} {:?} from {}\nexplained: {told:#}\nlive: {live:#?}\nreceived: {received:#?}",
                case.method, case.target, case.host, case.fields, case.peer
            )
        };
        let same = |what: &str, explained: Value, live: Value| {
            if explained == live {
                Ok(())
            } else {
                Err(format!("{what}: {explained} is {live} live, of {}", context()))
            }
        };
        let answer = &told["answer"];
        let is_proxied = answer["kind"] == "proxy";
        same("asked", is_proxied.into(), (received.len() == 1).into())?;
        let status = if answer["status"].is_null() { Value::from(200) } else { answer["status"].clone() };
        same("status", status, live.status.into())?;
        if let Some(shown) = live.header("x-location") {
            let pattern = shown.parse::<usize>().map_or("/only", |index| LOCATIONS[index].0);
            same("location", told["location"]["match"].clone(), pattern.into())?;
        }
        if !is_proxied {
            same("fields", answer["headers"].clone(), fields(&live.headers))?;
            let length = if case.method == "HEAD" || matches!(live.status, 204 | 304) {
                Value::Null
            } else {
                live.body.len().into()
            };
            if !length.is_null() && !answer["body_length"].is_null() {
                same("length", answer["body_length"].clone(), length)?;
            }
            let sent = answer["twin"].as_str().or(answer["file"].as_str()).or(answer["page"].as_str());
            let is_whole = live.status != 206
                && (live.header("content-encoding").is_none() || answer["twin"].is_string());
            if let Some(sent) = sent.filter(|_| is_whole && !live.body.is_empty()) {
                same("content", (fs::read(sent).unwrap() == live.body).into(), true.into())?;
            }
            return Ok(told);
        }
        for field in answer["headers"].as_array().unwrap() {
            let values = live.header_values(field[0].as_str().unwrap());
            same("set field", field[1].clone(), values.join("|").into())?;
        }
        let sent = &answer["upstream"];
        same("request line", sent["request_line"].clone(), received[0].request_line().into())?;
        let head = received[0].head.split("\r\n").skip(1).filter_map(|line| line.split_once(": "));
        let head: Vec<(String, String)> =
            head.map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
        same("request fields", without_ids(sent["headers"].clone()), without_ids(listed(&head)))?;
        Ok(told)
    }
}

fn explained(loaded: &Loaded, case: &Case<'_>) -> Value {
    let url = format!("http://{}{}", case.host, case.target);
    let fields: Vec<String> = case.fields.iter().map(|(name, value)| format!("{name}: {value}")).collect();
    let question = Question::read(&[case.method.into(), url], &fields, case.peer.parse().unwrap()).unwrap();
    let explanation = explain(loaded, &question).unwrap();
    assert!(!explanation.to_text(false).is_empty());
    serde_json::from_str(&explanation.to_json().unwrap()).unwrap()
}

fn ask(proxy: &Proxy, case: &Case<'_>) -> Response {
    let mut head = format!("{} {} HTTP/1.1\r\nHost: {}\r\n", case.method, case.target, case.host);
    let mut body = String::new();
    for (name, value) in case.fields {
        write!(head, "{name}: {value}\r\n").unwrap();
        if *name == "content-length" {
            body = "x".repeat(value.parse().unwrap());
        }
    }
    let mut client = Client::connect_from(case.peer, proxy.addr());
    client.send(format!("{head}\r\n{body}")).response_to(case.method)
}

/// Those that are the answer's own.
fn fields(headers: &[(String, String)]) -> Value {
    let is_own = |(name, _): &&(String, String)| !["Date", "Connection"].contains(&name.as_str());
    listed(&headers.iter().filter(is_own).cloned().collect::<Vec<_>>())
}

fn listed(fields: &[(String, String)]) -> Value {
    fields.iter().map(|(name, value)| Value::from(vec![name.clone(), value.clone()])).collect()
}

/// Each request has others.
fn without_ids(mut fields: Value) -> Value {
    for field in fields.as_array_mut().unwrap() {
        if ["X-Request-Id", "X-Request-Start"].contains(&field[0].as_str().unwrap()) {
            field[1] = "differs".into();
        }
    }
    fields
}

/// Whether the request was in that location, even if another has answered in the end.
fn was_in(told: &Value, pattern: &str) -> bool {
    let steps = told["steps"].as_array().unwrap().iter();
    let candidates = steps.filter_map(|step| step["candidates"].as_array()).flatten();
    told["location"]["match"] == pattern
        || candidates.into_iter().any(|one| one["match"] == pattern && one["wins"] == true)
}

#[test]
fn what_is_explained_is_what_happens() {
    let twin = Twin::start();
    let (mut agreed, mut failures) = (Vec::new(), Vec::new());
    for (index, (method, fields, host, peer, step)) in WAYS.iter().copied().enumerate() {
        for target in TARGETS.iter().skip(index % step).step_by(step) {
            match twin.compare(&Case { method, target, host, fields, peer }) {
                Ok(told) => agreed.push(told),
                Err(difference) => failures.push(difference),
            }
        }
    }
    let shown = failures.iter().take(3).cloned().collect::<Vec<_>>().join("\n\n");
    assert!(failures.is_empty(), "{} differ, {} do not:\n{shown}", failures.len(), agreed.len());
    assert!(agreed.len() >= 400, "only {} were asked", agreed.len());
    for (pattern, _) in LOCATIONS {
        assert!(agreed.iter().any(|told| was_in(told, pattern)), "nothing led to `{pattern}`");
    }
    for kind in ["file", "listing", "redirect", "respond", "proxy", "error"] {
        assert!(agreed.iter().any(|told| told["answer"]["kind"] == kind), "no {kind} was answered");
    }
}

#[test]
fn whatever_is_asked_happens_as_explained() {
    let twin = Twin::start();
    let piece = prop::sample::select(vec![
        "/", "static", "app.js", ".", "..", "%2e", "%2F", "old", "sub", "try", "big", "IMG", "user", "jane",
        ".php", "a%20b", "?", "=", "&", "%", "final", "x", "é", "private", ".env", "%00", ";", "~", "@",
        "hosts", "spa",
    ]);
    let target = prop::collection::vec(piece, 0..8).prop_map(|pieces| format!("/{}", pieces.concat()));
    let host =
        prop::sample::select(vec!["a.test", "A.TEST.", "x.wild.test", "one.wild.test", "b.c", "c", "[::1]"]);
    let method = prop::sample::select(vec!["GET", "HEAD", "PUT", "PURGE"]);
    let fields = prop::collection::vec(
        prop::sample::select(vec![
            ("accept", "application/json"),
            ("accept-encoding", "gzip"),
            ("range", "bytes=2-"),
            ("cookie", "a=b"),
            ("x-forwarded-host", "evil.test"),
            ("if-match", "\"x\""),
            ("content-length", "3"),
            ("x-a", "é"),
        ]),
        0..3,
    );
    let peer = prop::sample::select(vec!["127.0.0.1", "127.0.0.2"]);
    let mut runner = TestRunner::new(Config { cases: 200, failure_persistence: None, ..Config::default() });
    let asked = (target, host, method, fields, peer);
    let result = runner.run(&asked, |(target, host, method, mut fields, peer)| {
        fields.dedup_by_key(|(name, _)| *name);
        fields.sort_unstable();
        fields.dedup_by_key(|(name, _)| *name);
        let case = Case { method, target: &target, host, fields: &fields, peer };
        twin.compare(&case).map(|_| ()).map_err(TestCaseError::fail)
    });
    if let Err(difference) = result {
        panic!("{difference}");
    }
}

/// Sites of locations that only say who they are.
#[test]
fn whatever_is_configured_is_explained() {
    let patterns = vec![
        "/", "= /", "/a", "= /a", "^~ /b/", "/b/c", "/a/", "~ a$", "~* ^/A", "~ ^/b/", "^~ /a/b", "~ c",
        "= /b/c",
    ];
    let targets =
        ["/", "/a", "/A", "/a/", "/a/b", "/a/bc", "/b/", "/b/c", "/b/ca", "/c", "/ca", "/x/../a", "/B/a"];
    let chosen = prop::sample::subsequence(patterns, 0..9).prop_shuffle();
    let mut runner = TestRunner::new(Config { cases: 8, failure_persistence: None, ..Config::default() });
    let result = runner.run(&chosen, |patterns| {
        let locations = patterns.iter().map(|pattern| {
            format!(
                "[[site.location]]\nmatch = '{pattern}'\nrespond = {{ body = '{}' }}\n",
                pattern.replace('$', "$$")
            )
        });
        let proxy = Proxy::site(&(locations.collect::<String>() + NAMED)).start();
        let loaded = load(&proxy.dir().join("site.toml")).unwrap();
        for target in targets {
            let case = Case { method: "GET", target, host: "a", fields: &[], peer: "127.0.0.1" };
            let (told, live) = (explained(&loaded, &case), ask(&proxy, &case));
            prop_assert_eq!(&told["answer"]["status"], live.status, "{}", target);
            let winner = told["location"]["match"].as_str().unwrap_or_default();
            prop_assert!(
                live.status == 404 || live.text() == winner,
                "{target}: {winner} and {}",
                live.text()
            );
            let candidates = told["steps"][0]["candidates"].as_array().unwrap();
            prop_assert_eq!(candidates.len(), patterns.len() + 1);
            let winners: Vec<&Value> = candidates.iter().filter(|one| one["wins"] == true).collect();
            prop_assert!(winners.iter().all(|one| one["match"] == winner) && winners.len() <= 1);
        }
        Ok(())
    });
    if let Err(difference) = result {
        panic!("{difference}");
    }
}

/// A site needs a location, and this one answers nothing by itself.
const NAMED: &str = "[[site.location]]\nmatch = '@never'\nrespond = {}\n";

fn rproxy(directory: &Path, arguments: &[&str]) -> (Option<i32>, String, String) {
    let run: Output =
        Command::new(env!("CARGO_BIN_EXE_rproxy")).args(arguments).current_dir(directory).output().unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    (run.status.code(), text(run.stdout), text(run.stderr))
}

const SMALL: &str = r#"timeouts.send = "30s"
[[site]]
listen = ["127.0.0.1:8080"]
hosts = ["example.com"]
[[site.location]]
match = "/"
proxy = "app"
rewrite = { from = "^/old/(.*)$", to = "/new/$1" }
headers.response = { set = { X-Frame-Options = "DENY" }, remove = ["Server"] }
[[site.location]]
match = "/static/"
files = "www"
cache_control = "max-age=60"
[[site.location]]
match = "= /go"
redirect = { to = "/new" }
[upstream.app]
servers = ["127.0.0.1:9000"]
"#;

/// A directory with that file, more of it, and something to serve.
fn folder(more: &str) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("site.toml"), format!("{SMALL}{more}")).unwrap();
    fs::create_dir(folder.path().join("www")).unwrap();
    fs::write(folder.path().join("www/app.js"), "let a").unwrap();
    folder
}

#[test]
fn an_explanation_names_what_decides_with_file_and_line() {
    let folder = folder("");
    let (code, out, err) =
        rproxy(folder.path(), &["explain", "http://example.com:8080/old/a?b", "-c", "site.toml"]);
    assert_eq!((code, &*err), (Some(0), ""));
    let words = out.split_whitespace().collect::<Vec<_>>().join(" ");
    for expected in [
        "GET /old/a?b of example.com:8080",
        "wins example.com site.toml:2 `example.com` is the host",
        "wins / site.toml:5 it is the longest prefix, and no expression matches",
        "loses /static/ site.toml:10 the path does not begin so",
        "rewrite ^/old/(.*)$ to /new/$1 (site.toml:8): the path is /new/a, a server is asked for /new/a?b",
        "Upstream app (site.toml:17)",
        "asks 127.0.0.1:9000",
        "GET /new/a?b HTTP/1.1",
        "X-Forwarded-For: 127.0.0.1",
        "site.toml:1 timeouts.send = \"30s\"",
        "default max_body = \"256MiB\"",
        "site.toml:18 servers = [\"127.0.0.1:9000\"]",
    ] {
        assert!(words.contains(expected), "no {expected:?} in:\n{out}");
    }
    assert!(!out.contains('\x1b'));
}

#[test]
fn the_method_the_fields_and_the_client_can_be_said() {
    let folder = folder("");
    let arguments =
        ["POST", "/x", "--header", "Content-Length: 3", "--peer", "2001:db8::9", "--json", "-c", "site.toml"];
    let (code, out, err) = rproxy(folder.path(), &[&["explain"][..], &arguments].concat());
    assert_eq!((code, &*err), (Some(0), ""));
    let told: Value = serde_json::from_str(&out).unwrap();
    assert_eq!(told["request"]["peer"], "2001:db8::9");
    assert_eq!(told["answer"]["upstream"]["request_line"], "POST /x HTTP/1.1");
    let headers = told["answer"]["upstream"]["headers"].as_array().unwrap();
    for expected in [["X-Real-Ip", "2001:db8::9"], ["Content-Length", "3"], ["Host", "example.com:8080"]] {
        assert!(headers.contains(&expected.as_slice().into()), "no {expected:?} in {headers:?}");
    }
    assert!(told["notes"][0].as_str().unwrap().contains("the first site"), "{out}");
}

#[test]
fn what_cannot_be_asked_is_a_matter_of_usage() {
    let folder = folder("");
    for (arguments, expected) in [
        (&["example.com/x"][..], "\"http://example.com/x\""),
        (&["ftp://example.com/x"], "`ftp`"),
        (&["/a b"], "%20"),
        (&["get", "/"], "`GET`"),
        (&["/", "--header", "Accept"], "\"Accept: text/html\""),
        (&["/", "--peer", "me"], "--peer"),
        (&["GET", "/", "more"], "more"),
        (&[], "URL"),
    ] {
        let (code, out, err) = rproxy(folder.path(), &[&["explain", "-c", "site.toml"], arguments].concat());
        assert_eq!((code, &*out), (Some(2), ""), "{arguments:?}: {err}");
        assert!(err.contains(expected), "no {expected:?} in:\n{err}");
    }
    let (code, _, err) = rproxy(folder.path(), &["explain", "/", "-c", "none.toml"]);
    assert_eq!(code, Some(1), "{err}");
}

/// The names of the files and directories, with what is in them.
const TESTS: &str = r#"
[[test]]
url = "http://example.com/static/app.js"
status = 200
site = "example.com"
location = "/static/"
file = "www/app.js"
header = { Cache-Control = "max-age=60", ETag = true, X-Frame-Options = false }
[[test]]
url = "http://example.com/old/a?b"
method = "POST"
headers = { Accept = "text/html" }
upstream = "app"
uri = "/new/a?b"
header = { X-Frame-Options = "DENY", Server = false }
[[test]]
url = "/go"
redirect = "/new"
status = 302
[[test]]
url = "http://other.com/"
status = 421
"#;

#[test]
fn tests_that_hold_are_passed_over_in_silence() {
    let folder = folder(TESTS);
    let (code, out, err) = rproxy(folder.path(), &["check", "-c", "site.toml"]);
    assert_eq!((code, &*err), (Some(0), ""));
    assert_eq!(out, "site.toml is good: 1 site on 127.0.0.1:8080, 3 locations, 1 upstream, 4 tests hold\n");
}

#[test]
fn a_test_that_fails_is_a_mistake_of_the_file_and_stops_the_start() {
    let folder = folder(
        &TESTS.replace("status = 302", "status = 301").replace("site = ", "upstream = \"app\"\nsite = "),
    );
    let folder = folder.path();
    fs::remove_file(folder.join("www/app.js")).unwrap();
    for arguments in [&["check", "-c", "site.toml"][..], &["-c", "site.toml"]] {
        let (code, out, err) = rproxy(folder, arguments);
        assert_eq!((code, &*out), (Some(1), ""), "{err}");
    }
}

#[test]
fn every_expectation_that_fails_is_told_with_its_line_and_why() {
    let folder = folder(&TESTS.replace("status = 302", "status = 301"));
    fs::remove_file(folder.path().join("www/app.js")).unwrap();
    let report = load(&folder.path().join("site.toml")).and_then(tested).unwrap_err().render(false);
    for expected in [
        "the status is 404, not 200",
        "site.toml:22:10",
        "/static/app.js in directory",
        "no file is sent, so not",
        "`cache-control` is not in the answer",
        "the status is 302, not 301",
        "`= /go`",
        "5 errors",
    ] {
        assert!(report.contains(expected), "no {expected:?} in:\n{report}");
    }
}

#[test]
fn what_only_an_application_knows_is_not_guessed() {
    let folder = folder("[[test]]\nurl = \"/x\"\nstatus = 200\nheader = { ETag = true }\n");
    let report = load(&folder.path().join("site.toml")).and_then(tested).unwrap_err().render(false);
    for expected in
        ["the status is the application's to say", "upstream = \"app\"", "`etag` is the application's"]
    {
        assert!(report.contains(expected), "no {expected:?} in:\n{report}");
    }
}

/// As they are before a reload, on the thread that serves the rest.
#[tokio::test(flavor = "local")]
async fn tests_are_run_beside_a_runtime() {
    let folder = folder(TESTS);
    assert_eq!(load(&folder.path().join("site.toml")).and_then(tested).unwrap().tests.len(), 4);
}
