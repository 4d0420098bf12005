//! Active checks, and what comes of them.

use std::collections::HashSet;
use std::fs;
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use rustix::process::Signal;

use crate::support::kernel::descriptors;
use crate::support::origin::{Received, ok};
use crate::support::venv::output;
use crate::support::{Gunicorn, Origin, Proxy, Request, Transport, over_tcp_and_unix, repository};

over_tcp_and_unix! {
    a_server_whose_checks_fail_is_not_asked_until_they_pass_again,
    status_and_body_say_which_answers_pass,
    a_pool_at_work_is_busy_and_not_down,
    a_pool_that_is_killed_is_down_within_two_intervals,
}

/// Two event loops before these servers, each checked as `health` says.
fn checked(servers: &[&str], health: &str) -> Proxy {
    let servers = servers.join("\", \"");
    Proxy::config(&format!(
        "[server]\nworkers = 2\n[log]\naccess = \"stdout\"\nlevel = \"debug\"\n\
         [[site]]\nlisten = [\"127.0.0.1:0\"]\n[[site.location]]\nmatch = \"/\"\nproxy = \"app\"\n\
         headers.response = {{ set = {{ X-Tried = \"$upstream_addr\" }} }}\n\
         [upstream.app]\nservers = [\"{servers}\"]\nhealth = {health}\n"
    ))
    .start()
}

/// Answers with its `name`; checks are answered as `well` says.
fn origin(transport: Transport, name: &'static str) -> (Origin, Arc<AtomicBool>) {
    let well = Arc::new(AtomicBool::new(true));
    let says = Arc::clone(&well);
    let origin = Origin::new(transport, move |peer| {
        while let Some(request) = peer.request() {
            if is_check(&request) && !says.load(Ordering::SeqCst) {
                peer.send("HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\n\r\n");
            } else {
                peer.send(ok(name));
            }
        }
    });
    (origin, well)
}

fn is_check(request: &Received) -> bool {
    request.header("user-agent").is_some_and(|agent| agent.ends_with("(health check)"))
}

/// Who answers a few requests.
fn answers(proxy: &Proxy) -> HashSet<String> {
    (0..10).map(|_| proxy.get("/").text().to_owned()).collect()
}

fn names<const N: usize>(names: [&str; N]) -> HashSet<String> {
    names.map(str::to_owned).into()
}

/// How many lines of the log hold this.
fn told(proxy: &Proxy, text: &str) -> usize {
    proxy.log.all().iter().filter(|line| line.contains(text)).count()
}

fn a_server_whose_checks_fail_is_not_asked_until_they_pass_again(transport: Transport) {
    let ((a, a_is_well), (b, _)) = (origin(transport, "a"), origin(transport, "b"));
    let health = "{ path = \"/healthz\", interval = \"250ms\", rise = 2, fall = 2 }";
    let proxy = checked(&[a.address(), b.address()], health);
    assert_eq!(answers(&proxy), names(["a", "b"]));

    a_is_well.store(false, Ordering::SeqCst);
    let line = proxy.wait_for_log("is down");
    let address = a.address();
    let expected = format!(
        "server {address} of upstream `app` is down: 2 checks in a row failed, the last: \
         {address} answered 503 to GET /healthz, where 200-399 passes cause=\"unexpected-status\" remedy="
    );
    assert!(line.contains("WARN") && line.contains(&expected), "{line}");
    assert_eq!(answers(&proxy), names(["b"]));
    // Once is enough, however long it lasts.
    a.wait_for_request(a.requests().len() + 5);
    assert_eq!(told(&proxy, "is down"), 1);

    a_is_well.store(true, Ordering::SeqCst);
    let line = proxy.wait_for_log("is up again");
    assert!(line.contains("INFO") && line.ends_with(" s: 2 checks passed"), "{line}");
    assert_eq!(answers(&proxy), names(["a", "b"]));
    a.wait_for_request(a.requests().len() + 5);
    assert_eq!((told(&proxy, "is down"), told(&proxy, "is up again")), (1, 1));
}

fn status_and_body_say_which_answers_pass(transport: Transport) {
    let answer = |status: &str, body: &str| {
        let answer = format!("HTTP/1.1 {status}\r\nContent-Length: {}\r\n\r\n{body}", body.len());
        Origin::new(transport, move |peer| {
            while peer.request().is_some() {
                peer.send(&answer);
            }
        })
    };
    let well = answer("404 Not Found", "all is well");
    let (wrong_body, wrong_status) = (answer("204 Made Up", ""), answer("200 OK", "all is well"));
    let proxy = checked(
        &[well.address(), wrong_body.address(), wrong_status.address()],
        "{ path = \"/\", interval = \"250ms\", fall = 2, status = \"204,4xx\", body = \"is well\" }",
    );
    let cause = |origin: &Origin| {
        let start = format!(
            "server {} of upstream `app` is down: 2 checks in a row failed, the last: ",
            origin.address()
        );
        proxy.wait_for_log(&start).contains("cause=\"unexpected-status\"")
    };
    assert!(!cause(&wrong_body) && cause(&wrong_status));
    well.wait_for_request(3);
    assert_eq!(told(&proxy, "is down"), 2);
}

/// Both workers are at work for longer than it takes to be down, and the checks wait behind them.
fn a_pool_at_work_is_busy_and_not_down(transport: Transport) {
    let dir = tempfile::tempdir().unwrap();
    let fifo = dir.path().join("go");
    output(Command::new("mkfifo").arg(&fifo));
    let gunicorn = Gunicorn::serving("busy:app", &repository("tests/apps/busy_pool"), "sync", transport)
        .workers(2)
        .env("BUSY_FIFO", &fifo)
        .start();
    let health = "{ path = \"/\", interval = \"400ms\", fall = 2 }";
    let proxy = checked(&[gunicorn.address()], health);
    let mut clients = [proxy.connect(), proxy.connect()];
    for client in &mut clients {
        client.send(Request::get("/work").bytes());
    }
    let line = proxy.wait_for_log("is busy");
    assert!(
        line.contains("checks time out while it is at work on 2 requests; others are asked first")
            && line.contains("cause=\"check-timeout\""),
        "{line}"
    );
    proxy.log.wait_for_nth("does not count while the server is at work", 5);

    fs::write(fifo, "on").unwrap();
    for client in &mut clients {
        assert_eq!(client.response().text(), "done");
    }
    proxy.wait_for_log("is not busy any more");
    assert_eq!(["is down", "is busy", "is not busy"].map(|text| told(&proxy, text)), [0, 1, 1]);
}

/// It answers neither requests nor checks for longer than a request may wait.
#[test]
fn a_server_that_hangs_is_busy_first_and_then_down() {
    let silent = Origin::hanging();
    let health = "{ path = \"/\", interval = \"250ms\", fall = 2 }\ntimeouts = { read = \"1s\" }";
    let proxy = checked(&[silent.address()], health);
    let mut clients = [proxy.connect(), proxy.connect()];
    for client in &mut clients {
        client.send(Request::get("/").bytes());
    }
    let down = proxy.wait_for_log("is down");
    assert!(down.contains("did not answer GET / within 250ms cause=\"check-timeout\""), "{down}");
    for client in &mut clients {
        assert_eq!(client.response().status, 504);
    }
    let lines = proxy.log.all();
    let place = |text| lines.iter().position(|line| line.contains(text));
    assert!(place("is busy").is_some_and(|busy| Some(busy) < place("is down")), "{lines:?}");
}

fn a_pool_that_is_killed_is_down_within_two_intervals(transport: Transport) {
    let gunicorn =
        Gunicorn::serving("busy:app", &repository("tests/apps/busy_pool"), "sync", transport).start();
    let (other, _) = origin(transport, "other");
    let interval = Duration::from_secs(1);
    let proxy = checked(&[gunicorn.address(), other.address()], "{ interval = \"1s\", fall = 2 }");
    assert_eq!(answers(&proxy), names(["done", "other"]));
    let killed = Instant::now();
    drop(gunicorn);
    proxy.wait_for_log("is down");
    // Two checks, each a tenth of an interval late at most; the rest is for a machine that is busy itself.
    assert!(killed.elapsed() < 3 * interval, "{:?}", killed.elapsed());
    assert_eq!(answers(&proxy), names(["other"]));
}

#[test]
fn a_port_that_nobody_listens_on_is_found_by_connecting() {
    let (dead, (other, _)) = (Origin::ok("dead"), origin(Transport::Tcp, "other"));
    let address = dead.address().to_owned();
    drop(dead);
    let proxy = checked(&[&address, other.address()], "{ interval = \"100ms\" }");
    let line = proxy.wait_for_log("is down");
    assert!(line.contains("connection refused cause=\"connect-refused\" remedy="), "{line}");
    for _ in 0..10 {
        assert_eq!(proxy.get("/").header("x-tried"), Some(other.address()));
    }
}

/// It may be the checks that are wrong.
#[test]
fn when_all_servers_are_down_all_of_them_are_asked() {
    let origins = [origin(Transport::Tcp, "a"), origin(Transport::Tcp, "b")];
    for (_, well) in &origins {
        well.store(false, Ordering::SeqCst);
    }
    let servers = origins.each_ref().map(|(origin, _)| origin.address());
    let proxy = checked(&servers, "{ path = \"/\", interval = \"100ms\", fall = 1 }");
    proxy.log.wait_for_nth("is down", 2);
    assert_eq!(answers(&proxy), names(["a", "b"]));
}

#[test]
fn each_server_is_checked_once_for_the_whole_process() {
    let (origin, _) = origin(Transport::Tcp, "a");
    let _proxy = checked(&[origin.address()], "{ path = \"/\", interval = \"200ms\" }");
    origin.wait_for_request(1);
    let first = Instant::now();
    origin.wait_for_request(11);
    // Two event loops with checks of their own would need half of ten intervals.
    assert!(first.elapsed() > Duration::from_millis(1500), "{:?}", first.elapsed());
}

#[test]
fn checks_leave_no_descriptors_behind() {
    let dead = Origin::ok("dead").address().to_owned();
    let (silent, (other, _)) = (Origin::hanging(), origin(Transport::Tcp, "other"));
    let servers = [&dead, silent.address(), other.address()];
    let proxy = checked(&servers, "{ path = \"/\", interval = \"100ms\" }");
    let before = descriptors(proxy.pid());
    silent.wait_for_request(30);
    other.wait_for_request(30);
    // One check of each may be under way.
    assert!(descriptors(proxy.pid()) <= before + servers.len());
}

#[test]
fn a_stop_does_not_wait_for_a_check() {
    let silent = Origin::hanging();
    let mut proxy = checked(&[silent.address()], "{ path = \"/\", interval = \"3s\", timeout = \"3s\" }");
    silent.wait_for_request(1);
    let stopped = Instant::now();
    proxy.signal(Signal::TERM);
    assert!(proxy.wait().success());
    assert!(stopped.elapsed() < Duration::from_secs(2), "{:?}", stopped.elapsed());
}

/// Its processes are stopped, not ended: the kernel goes on to take connections, and nobody answers.
#[test]
fn a_server_that_freezes_with_requests_is_passed_over() {
    let frozen = Origin::hanging();
    let quick = Origin::ok("quick");
    let proxy = checked(
        &[frozen.address(), quick.address()],
        "{ path = \"/\", interval = \"300ms\", timeout = \"200ms\", fall = 100 }",
    );
    // One of two in turn is for it.
    let mut clients = [proxy.connect(), proxy.connect()];
    for client in &mut clients {
        client.send(Request::get("/held").bytes());
    }
    proxy.wait_for_log("is busy");
    let before = frozen.requests().iter().filter(|request| request.head.starts_with("GET /page ")).count();
    for _ in 0..8 {
        assert_eq!(proxy.get("/page").text(), "quick");
    }
    let after = frozen.requests().iter().filter(|request| request.head.starts_with("GET /page ")).count();
    assert_eq!(before, after);
    assert_eq!(told(&proxy, "is down"), 0);
}
