//! Servers that do so many requests at once and no more: the others wait their turn, for as long as somebody
//! waits for the answer.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{Sender, channel};
use std::sync::{Arc, Mutex};

use rustix::process::Signal;

use crate::support::origin::ok;
use crate::support::{Gunicorn, Origin, Proxy, Request, Transport, over_tcp_and_unix, repository};

over_tcp_and_unix! {
    a_pool_never_has_more_than_it_may,
}

/// One server behind a queue, on two event loops.
fn queued(server: &str, queue: &str) -> Proxy {
    Proxy::config(&format!(
        "[server]\nworkers = 2\n[log]\naccess = \"stdout\"\n\
         access_format = \"$uri $status $queue_time $upstream_status $cause\"\n\
         [[site]]\nlisten = [\"127.0.0.1:0\"]\n[[site.location]]\nmatch = \"/\"\nproxy = \"app\"\n\
         [upstream.app]\nservers = [{server}]\nqueue = {queue}\n"
    ))
    .start()
}

fn member(address: &str, max_conns: usize) -> String {
    format!("{{ address = \"{address}\", max_conns = {max_conns} }}")
}

/// Counts the requests it is at work on; its answer tells the most there were.
fn counting(transport: Transport) -> Origin {
    let (now, most) = (AtomicUsize::new(0), AtomicUsize::new(0));
    Origin::new(transport, move |peer| {
        while peer.request().is_some() {
            most.fetch_max(now.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
            // Others get the chance to come too many.
            std::thread::yield_now();
            let seen = most.load(Ordering::SeqCst);
            now.fetch_sub(1, Ordering::SeqCst);
            peer.send(ok(&seen.to_string()));
        }
    })
}

fn a_pool_never_has_more_than_it_may(transport: Transport) {
    let origin = counting(transport);
    let proxy = queued(&member(origin.address(), 3), "{ size = 100 }");
    std::thread::scope(|scope| {
        for _ in 0..16 {
            scope.spawn(|| {
                let mut client = proxy.connect();
                for _ in 0..50 {
                    let most: usize = client.exchange(&Request::get("/")).text().parse().unwrap();
                    assert!(most <= 3, "{most} at once");
                }
            });
        }
    });
    assert_eq!(origin.requests().len(), 16 * 50);
}

/// Answers each request when the test says so.
fn held() -> (Sender<()>, Origin) {
    let (go, told) = channel();
    let told = Mutex::new(told);
    let origin = Origin::new(Transport::Tcp, move |peer| {
        while peer.request().is_some() {
            let _ = told.lock().unwrap().recv();
            peer.send(ok("done"));
        }
    });
    (go, origin)
}

#[test]
fn a_client_that_leaves_leaves_the_queue() {
    let (go, origin) = held();
    let proxy = queued(&member(origin.address(), 1), "{ size = 10 }");
    let mut first = proxy.connect();
    first.send(Request::get("/first").bytes());
    origin.wait_for_request(1);
    let mut leaves = proxy.connect();
    leaves.send(Request::get("/leaves").bytes());
    drop(leaves);
    proxy.wait_for_access("/leaves 499");
    let mut stays = proxy.connect();
    stays.send(Request::get("/stays").bytes());
    go.send(()).unwrap();
    assert_eq!(first.response().text(), "done");
    go.send(()).unwrap();
    assert_eq!(stays.response().text(), "done");
    let lines: Vec<String> =
        origin.requests().iter().map(|request| request.request_line().to_owned()).collect();
    assert_eq!(lines, ["GET /first HTTP/1.1", "GET /stays HTTP/1.1"]);
}

#[test]
fn who_does_not_fit_or_waits_too_long_is_told_to_come_back() {
    let (_go, origin) = held();
    let proxy = queued(&member(origin.address(), 1), "{ size = 1, timeout = \"2s\" }");
    let mut first = proxy.connect();
    first.send(Request::get("/first").bytes());
    origin.wait_for_request(1);
    let mut waits = [proxy.connect(), proxy.connect()];
    for (client, path) in waits.iter_mut().zip(["/one", "/other"]) {
        client.send(Request::get(path).bytes());
    }
    for client in &mut waits {
        let response = client.response();
        assert_eq!((response.status, response.header("retry-after")), (503, Some("2")));
        assert_eq!(response.text(), "503 Service Unavailable: the application is busy\n");
    }
    let full = proxy.wait_for_log("queue-full");
    assert!(
        full.contains("1 requests wait for upstream `app` already") && full.contains("more workers"),
        "{full}"
    );
    let late = proxy.wait_for_log("queue-timeout");
    assert!(late.contains("waited 2.") && late.contains(" s for upstream `app`"), "{late}");
    assert!(proxy.wait_for_access("queue-timeout").contains(" 503 2."));
}

#[test]
fn the_log_tells_how_long_a_request_waited() {
    let (go, origin) = held();
    let proxy = queued(&member(origin.address(), 1), "{ size = 10 }");
    let mut clients = [proxy.connect(), proxy.connect()];
    clients[0].send(Request::get("/first").bytes());
    origin.wait_for_request(1);
    clients[1].send(Request::get("/second").bytes());
    let begun = std::time::Instant::now();
    crate::support::kernel::eventually("a tenth of a second goes by", || begun.elapsed().as_millis() >= 100);
    (0..2).for_each(|_| go.send(()).unwrap());
    for client in &mut clients {
        assert_eq!(client.response().status, 200);
    }
    assert_eq!(proxy.wait_for_access("/first"), "/first 200 0.000 200 -");
    let line = proxy.wait_for_access("/second");
    let waited: f64 = line.split(' ').nth(2).unwrap().parse().unwrap();
    assert!(waited >= 0.09, "{line}");
}

/// The kernel refuses a Unix socket's connections when its backlog is full, where those of TCP wait.
#[test]
fn a_backlog_of_one_loses_no_request() {
    let shop = repository("tests/apps/flask_shop");
    let gunicorn = Gunicorn::serving("shop:app", &shop, "sync", Transport::Unix).arg("--backlog=1").start();
    let proxy = Arc::new(queued(&format!("\"{}\"", gunicorn.address()), "{ size = 100 }"));
    std::thread::scope(|scope| {
        for _ in 0..24 {
            scope.spawn(|| {
                for _ in 0..4 {
                    assert_eq!(proxy.get("/slow?ms=5").status, 200);
                }
            });
        }
    });
    assert!(!proxy.log.all().iter().any(|line| line.contains("ERROR")), "{:?}", proxy.log.all());
}

/// Places are kept until their servers are done, but not beyond the end of the process.
#[test]
fn a_stop_waits_neither_for_places_nor_for_those_who_want_one() {
    let (_go, origin) = held();
    let mut proxy = queued(&member(origin.address(), 1), "{ size = 10, timeout = \"1h\" }");
    let mut clients = [proxy.connect(), proxy.connect(), proxy.connect()];
    clients[0].send(Request::get("/at-work").bytes());
    origin.wait_for_request(1);
    clients[1].send(Request::get("/left").bytes());
    let [at_work, left, waits] = clients;
    drop(left);
    proxy.wait_for_access("/left 499");
    drop(at_work);
    proxy.wait_for_access("/at-work 499");
    let mut waits = waits;
    waits.send(Request::get("/waits").bytes());
    proxy.signal(Signal::TERM);
    proxy.wait_for_log("stopping: requests in flight");
    proxy.signal(Signal::INT);
    assert_eq!(proxy.wait().code(), Some(0));
    assert!(!proxy.log.all().iter().any(|line| line.contains("panic")), "{:?}", proxy.log.all());
}
