//! The demo site and the pool of workers that rproxy runs for it.

use std::fs;

use rustix::process::{Pid, Signal, kill_process};

use super::{is_alive, master, pid};
use crate::support::{Proxy, repository};

/// The demo site as it is in `conf/`, on a free port and with its socket in a directory of its own.
fn demo() -> Proxy {
    let conf = repository("conf");
    let fixtures = repository("static_fixtures");
    let site = fs::read_to_string(conf.join("site.toml")).unwrap();
    assert!(site.contains("127.0.0.1:8080") && site.contains("../static_fixtures"), "the demo has moved");
    let site = site
        .replace("127.0.0.1:8080", "127.0.0.1:0")
        .replace("../static_fixtures", fixtures.to_str().unwrap());
    let mut proxy = Proxy::config(&site);
    for name in ["demo_app.py", "demo_app.html"] {
        proxy = proxy.file(name, fs::read(conf.join(name)).unwrap());
    }
    let proxy = proxy.start();
    proxy.wait_for_log("app is ready");
    proxy
}

/// The pid of the worker that answers next.
fn worker(proxy: &Proxy) -> Pid {
    pid(proxy.get("/whoami").json("pid"))
}

#[test]
fn the_demo_shows_files_and_pages_on_one_address() {
    let proxy = demo();
    let page = proxy.get("/");
    assert_eq!(page.status, 200);
    assert!(page.text().contains("It works."));
    for (path, kind) in [
        ("/static/site.css", "text/css"),
        ("/static/site.js", "text/javascript"),
        ("/static/", "text/html"),
        ("/favicon.ico", "image/"),
        ("/media/", "text/html"),
        ("/media/spiral.webp", "image/webp"),
        ("/media/zoom.webm", "video/webm"),
        ("/media/my%20photo.svg", "image/svg+xml"),
        ("/media/Gr%C3%BC%C3%9Fe%20aus%20K%C3%B6ln.txt", "text/plain"),
        ("/media/albums/summer%202024/", "text/html"),
    ] {
        let file = proxy.get(path);
        assert_eq!(file.status, 200, "{path}");
        assert!(file.header("content-type").unwrap().starts_with(kind), "{path}: {:?}", file.headers);
    }
}

#[test]
fn missing_files_and_missing_pages_have_different_authors() {
    let proxy = demo();
    let (file, page) = (proxy.get("/static/nothing-here"), proxy.get("/nothing-here"));
    assert_eq!((file.status, page.status), (404, 404));
    assert!(file.text().contains("[site.errors]"), "{}", file.text());
    assert!(page.text().contains("The application has no such page"), "{}", page.text());
}

#[test]
fn a_worker_that_dies_over_a_request_gets_its_client_the_error_page() {
    let proxy = demo();
    let answer = proxy.get("/crash");
    assert_eq!(answer.status, 502);
    assert!(answer.text().contains("The application did not answer"), "{}", answer.text());
    proxy.wait_for_log("takes its place");
    assert_eq!(proxy.get("/whoami").status, 200);
}

#[test]
fn a_killed_pool_is_started_again() {
    let proxy = demo();
    let first = master(&proxy, 1);
    kill_process(first, Signal::KILL).unwrap();
    proxy.wait_for_log("SIGKILL");
    assert_ne!(master(&proxy, 2), first);
    proxy.log.wait_for_nth("app is ready", 2);
    assert_eq!(proxy.get("/").status, 200);
}

#[test]
fn stopping_ends_the_whole_pool() {
    let mut proxy = demo();
    let pool = [master(&proxy, 1), worker(&proxy), worker(&proxy)];
    assert!(pool.iter().all(|pid| is_alive(*pid)));
    proxy.signal(Signal::TERM);
    assert_eq!(proxy.wait().code(), Some(0));
    assert!(!pool.iter().any(|pid| is_alive(*pid)), "{pool:?}");
    assert!(!proxy.dir().join("run/app.sock").exists());
}
