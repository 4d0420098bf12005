use std::fs;
use std::path::Path;
use std::process::{Command, Output};

use http::Method;
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use rproxy::config::load;
use rproxy::explain::{Question, explain, tested};
use serde_json::Value;

use self::corpus::{LOCATIONS, TARGETS, WAYS};
use self::twin::{Case, Twin, ask, explained};
use crate::support::Proxy;

mod corpus;
mod twin;

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

#[test]
fn who_is_sent_to_https_is_told_by_which_line() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("site.toml");
    fs::write(
        &file,
        "[[site]]\nlisten = [\":80\"]\nlisten_tls = [\":443\"]\nhosts = [\"a.test\"]\n\
         tls = { acme = {}, https_only = true }\n[[site.location]]\nmatch = \"/\"\nrespond = {}\n",
    )
    .unwrap();
    let loaded = load(&file).unwrap();
    let ask = |url: &str| {
        let question = Question::new(Method::GET, url.parse().unwrap());
        serde_json::to_value(explain(&loaded, &question).unwrap()).unwrap()
    };
    let told = ask("http://a.test/x?y");
    assert_eq!(
        told["steps"],
        serde_json::json!([{ "step": "secure", "place": format!("{}:5", file.display()) }])
    );
    assert_eq!(told["answer"]["kind"], "redirect");
    assert_eq!(
        (&told["answer"]["status"], &told["answer"]["redirect"]),
        (&308.into(), &"https://a.test/x?y".into())
    );
    assert_eq!(ask("https://a.test/x?y")["answer"]["status"], 200);
}
