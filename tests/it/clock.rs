//! The system's clock is set while rproxy runs: no deadline counts by it.

use std::path::{Path, PathBuf};

use crate::support::origin::ok;
use crate::support::proxy::Builder;
use crate::support::{Origin, PATIENCE, Proxy, Request, Transport, package};

/// Lies to a program about the time of day.
fn library() -> Option<PathBuf> {
    let below = std::fs::read_dir("/usr/lib").ok()?;
    let found = below.flatten().map(|folder| folder.path().join("faketime/libfaketimeMT.so.1"));
    found.into_iter().find(|path| path.exists())
}

/// Has it believe from its start on that it is so much earlier or later than it is, and only the time of day.
pub fn lie(builder: Builder, offset: &str) -> Builder {
    package::require("faketime", || library().is_some());
    set(builder.dir(), offset);
    let clock = builder.dir().join("clock");
    builder
        .env("LD_PRELOAD", library().unwrap().to_str().unwrap())
        .env("FAKETIME_TIMESTAMP_FILE", clock.to_str().unwrap())
        .env("FAKETIME_NO_CACHE", "1")
        .env("FAKETIME_DONT_FAKE_MONOTONIC", "1")
        .env("DONT_FAKE_MONOTONIC", "1")
}

/// Has rproxy believe that it is so much earlier or later than it is.
fn set(dir: &Path, offset: &str) {
    let new = dir.join("clock.new");
    std::fs::write(&new, offset).unwrap();
    std::fs::rename(new, dir.join("clock")).unwrap();
}

/// The day of an answer, as its Date has it.
fn day(client: &mut crate::support::Client, path: &str) -> httpdate::HttpDate {
    client.exchange(&Request::get(path)).header("date").unwrap().parse().unwrap()
}

#[test]
fn a_clock_that_is_set_ends_no_request_and_no_connection() {
    let (answer, told) = std::sync::mpsc::channel::<()>();
    let told = std::sync::Mutex::new(told);
    let origin = Origin::new(Transport::Tcp, move |peer| {
        while let Some(request) = peer.request() {
            if request.request_line().contains("/hold") {
                let _ = told.lock().unwrap().recv_timeout(PATIENCE);
            }
            peer.send(ok("answer"));
        }
    });
    let builder = Proxy::site(&format!(
        "[[site.location]]\nmatch = \"/\"\nproxy = \"app\"\n[[site.location]]\nmatch = \"/files/\"\nfiles = \"www\"\n\
         [upstream.app]\nservers = [\"{}\"]\n",
        origin.address()
    ));
    let dir = builder.dir().to_owned();
    let proxy = lie(builder.file("www/page.txt", "page"), "+0").start();
    let mut kept = proxy.connect();
    let before = day(&mut kept, "/files/page.txt");
    let mut held = proxy.connect();
    held.send(Request::get("/hold").bytes());
    origin.wait_for_request(1);
    for offset in ["+400d", "-400d", "+0"] {
        set(&dir, offset);
        crate::support::kernel::eventually("the answers have the new date", || {
            let now = day(&mut kept, "/files/page.txt");
            match offset {
                "+400d" => now > before && !is_near(now, before),
                "-400d" => now < before && !is_near(now, before),
                _ => is_near(now, before),
            }
        });
        assert_eq!(kept.exchange(&Request::get("/app")).text(), "answer");
        assert!(proxy.hang_up().contains("no change"));
    }
    answer.send(()).unwrap();
    assert_eq!(held.response().text(), "answer");
    assert!(!proxy.log.all().iter().any(|line| line.contains(" ERROR ") || line.contains(" WARN ")));
}

fn is_near(one: httpdate::HttpDate, other: httpdate::HttpDate) -> bool {
    let [one, other] = [one, other].map(std::time::SystemTime::from);
    let apart = one.duration_since(other).or_else(|_| other.duration_since(one)).unwrap();
    apart < std::time::Duration::from_secs(3600)
}
