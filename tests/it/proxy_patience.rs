//! Applications that are away for a moment: requests wait for them, as long as someone waits for the answer.

use std::os::unix::net::UnixListener;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use crate::support::{Gunicorn, Proxy, Request, Transport, repository};

fn window(address: impl std::fmt::Display, window: &str) -> Proxy {
    Proxy::site(&format!(
        "[[site.location]]\nmatch = \"/\"\nproxy = \"app\"\n\n\
         [upstream.app]\nservers = [\"{address}\"]\nretry = {{ window = \"{window}\" }}\n"
    ))
    .start()
}

#[test]
fn a_restart_of_gunicorn_loses_no_request() {
    let shop = repository("tests/apps/flask_shop");
    let mut gunicorn = Gunicorn::serving("shop:app", &shop, "sync", Transport::Unix).workers(2).start();
    let proxy = window(gunicorn.address(), "10s");
    let restarted = AtomicBool::new(false);
    let statuses = std::thread::scope(|scope| {
        let client = scope.spawn(|| {
            let mut statuses = Vec::new();
            while !restarted.load(Ordering::SeqCst) {
                statuses.push(proxy.get("/where").status);
            }
            statuses
        });
        gunicorn.restart();
        restarted.store(true, Ordering::SeqCst);
        client.join().unwrap()
    });
    assert!(statuses.iter().all(|status| *status == 200), "{statuses:?}");
    assert_eq!(proxy.get("/where").status, 200);
}

#[test]
fn the_wait_has_its_end() {
    let folder = tempfile::tempdir().unwrap();
    let proxy = window(format_args!("unix:{}", folder.path().join("app.sock").display()), "300ms");
    let begin = Instant::now();
    assert_eq!(proxy.get("/").status, 502);
    assert!(begin.elapsed() >= Duration::from_millis(300));
    let line = proxy.wait_for_log("socket-missing");
    assert!(line.contains("times within 0.3 s"), "{line}");
}

#[test]
fn nobody_waits_for_a_client_that_has_left() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("app.sock");
    // Left behind by its application: connections to it are refused.
    drop(UnixListener::bind(&path).unwrap());
    let proxy = window(format_args!("unix:{}", path.display()), "1h");
    let mut client = proxy.connect();
    client.send(Request::get("/left").bytes());
    drop(client);
    proxy.wait_for_access("GET /left");
}
