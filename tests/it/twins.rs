//! Files that lie there compressed, beside their originals.

use std::fs::{self, File};
use std::path::Path;
use std::time::{Duration, SystemTime};

use crate::support::proxy::Builder;
use crate::support::{PATIENCE, Proxy, Request, Response, Trace, trace};

const LOCATION: &str =
    "[[site.location]]\nmatch = \"/\"\nfiles = \"www\"\nprecompressed = [\"br\", \"zstd\", \"gzip\"]\n";

/// What stands in twins is told from the original by its first word: nobody here decodes it.
fn site() -> Builder {
    let builder = Proxy::site(LOCATION)
        .file("www/app.js", "plain 0123456789")
        .file("www/app.js.br", "br 0123456789")
        .file("www/app.js.gz", "gzip 0123456789")
        .file("www/only.css", "plain")
        .file("www/only.css.gz", "gzip")
        .file("www/none.html", "plain")
        .file("www/sub/index.html", "plain")
        .file("www/sub/index.html.gz", "gzip");
    for name in ["app.js", "app.js.br", "app.js.gz", "only.css", "only.css.gz", "none.html"] {
        age(&builder.dir().join("www").join(name), 3600);
    }
    builder
}

fn age(path: &Path, seconds: u64) {
    let file = File::options().write(true).open(path).unwrap();
    file.set_modified(SystemTime::now() - Duration::from_secs(seconds)).unwrap();
}

fn ask(proxy: &Proxy, path: &str, accept: &str) -> Response {
    proxy.send(&Request::get(path).header("Accept-Encoding", accept))
}

/// The coding that is announced, and the first word of what came.
fn got(response: &Response) -> (&str, &str) {
    let word = response.text().split(' ').next().unwrap_or_default();
    (response.header("content-encoding").unwrap_or("identity"), word)
}

#[test]
fn the_twin_that_the_client_likes_best_is_sent() {
    let proxy = site().start();
    for (path, accept, coding) in [
        ("/app.js", "gzip, deflate, br, zstd", "br"),
        ("/app.js", "gzip;q=1, br;q=0.5", "gzip"),
        ("/app.js", "br;q=0, *", "gzip"),
        ("/app.js", "zstd", "identity"),
        ("/app.js", "identity, br;q=0.1", "identity"),
        ("/app.js", "deflate", "identity"),
        ("/app.js", "*;q=0", "identity"),
        ("/only.css", "br, gzip", "gzip"),
        ("/none.html", "br, gzip", "identity"),
        ("/sub/", "gzip", "gzip"),
    ] {
        for _ in 0..2 {
            let response = ask(&proxy, path, accept);
            let word = if coding == "identity" { "plain" } else { coding };
            assert_eq!((response.status, got(&response)), (200, (coding, word)), "{path} {accept}");
            assert_eq!(response.header("vary"), Some("Accept-Encoding"), "{path} {accept}");
        }
    }
}

#[test]
fn a_twin_has_the_type_of_its_original_and_validators_of_its_own() {
    let proxy = site().start();
    let [plain, gzip, br] = ["identity", "gzip", "br"].map(|accept| ask(&proxy, "/app.js", accept));
    let tags = [&plain, &gzip, &br].map(|response| response.header("etag").unwrap().to_owned());
    assert!(tags[0] != tags[1] && tags[1] != tags[2] && tags[0] != tags[2], "{tags:?}");
    for response in [&gzip, &br] {
        assert_eq!(response.header("content-type"), plain.header("content-type"));
        assert_eq!(response.header("accept-ranges"), Some("bytes"));
    }
    let conditional = |accept: &str, tag: &str| {
        let request = Request::get("/app.js").header("Accept-Encoding", accept).header("If-None-Match", tag);
        proxy.send(&request)
    };
    let fresh = conditional("gzip", &tags[1]);
    assert_eq!((fresh.status, fresh.header("vary")), (304, Some("Accept-Encoding")));
    assert_eq!(conditional("br", &tags[1]).status, 200);
    assert_eq!(conditional("identity", &tags[1]).status, 200);
}

#[test]
fn ranges_are_those_of_the_twin_that_is_chosen() {
    let proxy = site().start();
    let ask = |accept: &str, range: &str, tag: Option<&str>| {
        let request = Request::get("/app.js").header("Accept-Encoding", accept).header("Range", range);
        proxy.send(&match tag {
            Some(tag) => request.header("If-Range", tag),
            None => request,
        })
    };
    let part = ask("gzip", "bytes=0-3", None);
    assert_eq!((part.status, got(&part)), (206, ("gzip", "gzip")));
    assert_eq!(part.header("content-range"), Some("bytes 0-3/15"));
    let plain = ask("identity", "bytes=-4", None);
    assert_eq!((plain.status, plain.text()), (206, "6789"));
    let tag = part.header("etag").unwrap();
    assert_eq!(ask("gzip", "bytes=5-", Some(tag)).status, 206);
    assert_eq!(ask("br", "bytes=5-", Some(tag)).status, 200, "a part of another would not fit");
}

#[test]
fn head_tells_of_the_twin() {
    let proxy = site().start();
    let response = proxy.send(&Request::new("HEAD", "/app.js").header("Accept-Encoding", "gzip"));
    assert_eq!(response.header("content-length"), Some("15"));
    assert_eq!(response.header("content-encoding"), Some("gzip"));
}

#[test]
fn a_twin_older_than_its_original_is_none() {
    let builder = site();
    age(&builder.dir().join("www/app.js"), 60);
    let proxy = builder.start();
    assert_eq!(got(&ask(&proxy, "/app.js", "br, gzip")), ("identity", "plain"));
}

#[test]
fn a_twin_that_has_the_time_of_its_original_but_for_what_is_less_than_a_second_is_one() {
    let builder = site();
    let at = |nanoseconds| SystemTime::UNIX_EPOCH + Duration::new(1_700_000_000, nanoseconds);
    for (name, time) in [("app.js", at(457_471_478)), ("app.js.br", at(0))] {
        let file = File::options().write(true).open(builder.dir().join("www").join(name)).unwrap();
        file.set_modified(time).unwrap();
    }
    assert_eq!(got(&ask(&builder.start(), "/app.js", "br")), ("br", "br"), "as brotli -k makes it");
}

#[test]
fn a_twin_is_left_within_a_second_when_its_original_is_replaced() {
    let proxy = site().start();
    assert_eq!(got(&ask(&proxy, "/app.js", "br")), ("br", "br"));
    let new = proxy.dir().join("new.js");
    fs::write(&new, "newer").unwrap();
    fs::rename(&new, proxy.dir().join("www/app.js")).unwrap();
    let asked = std::time::Instant::now();
    let seen = std::iter::repeat_with(|| ask(&proxy, "/app.js", "br"))
        .take_while(|_| asked.elapsed() < PATIENCE)
        .find(|response| response.text() == "newer");
    assert_eq!(seen.unwrap().header("content-encoding"), None);
}

#[test]
fn a_twin_that_may_not_be_served_is_none() {
    let builder = site().file("secret.txt", "secret");
    let www = builder.dir().join("www");
    std::os::unix::fs::symlink("../secret.txt", www.join("none.html.gz")).unwrap();
    fs::create_dir(www.join("none.html.br")).unwrap();
    let proxy = builder.start();
    assert_eq!(got(&ask(&proxy, "/none.html", "br, gzip")), ("identity", "plain"));
}

#[test]
fn without_the_key_twins_are_files_like_others() {
    let proxy = Proxy::files().file("www/a.js", "plain").file("www/a.js.gz", "gzip").start();
    let response = ask(&proxy, "/a.js", "gzip");
    assert_eq!((got(&response), response.header("vary")), (("identity", "plain"), None));
    assert_eq!(proxy.get("/a.js.gz").header("content-type"), Some("application/gzip"));
}

#[test]
fn large_twins_leave_by_sendfile() {
    let long = "gzip ".repeat(40_000);
    let builder = Proxy::site(LOCATION).file("www/big.js", "plain").file("www/big.js.gz", &long);
    let proxy = builder.start();
    let trace = Trace::attach(proxy.pid(), "sendfile");
    assert_eq!(ask(&proxy, "/big.js", "gzip").text(), long);
    assert!(trace::count(&trace.finish(), "sendfile", "big.js.gz") > 0);
}
