//! Workers that die with a request: what is harmless is done again, and nothing is done twice that is not.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use crate::support::{Gunicorn, Origin, Proxy, Request, Transport, over_tcp_and_unix, repository};

over_tcp_and_unix! {
    workers_that_are_killed_cost_no_get_and_run_no_post_twice,
}

fn proxy_to(servers: &str, more: &str) -> Proxy {
    Proxy::site(&format!(
        "[[site.location]]\nmatch = \"/\"\nproxy = \"app\"\n[upstream.app]\nservers = [{servers}]\n{more}\n"
    ))
    .start()
}

fn workers_that_are_killed_cost_no_get_and_run_no_post_twice(transport: Transport) {
    let folder = tempfile::tempdir().unwrap();
    let orders = folder.path().join("orders");
    std::fs::write(&orders, "").unwrap();
    let shop = repository("tests/apps/flask_shop");
    let gunicorn =
        Gunicorn::serving("shop:app", &shop, "sync", transport).workers(3).env("ORDERS", &orders).start();
    // Six attempts: the kills come faster than on any bad day.
    let proxy = proxy_to(&format!("\"{}\"", gunicorn.address()), "retry = { attempts = 6, budget = 100 }");
    let (done, number) = (AtomicBool::new(false), AtomicUsize::new(0));
    let accepted = std::thread::scope(|scope| {
        let getters: Vec<_> = (0..2)
            .map(|_| {
                scope.spawn(|| {
                    while !done.load(Ordering::SeqCst) {
                        let response = proxy.get("/slow?ms=20");
                        assert_eq!(response.status, 200, "{}", response.text());
                    }
                })
            })
            .collect();
        let poster = scope.spawn(|| {
            let mut accepted = Vec::new();
            while !done.load(Ordering::SeqCst) {
                let id = number.fetch_add(1, Ordering::SeqCst).to_string();
                let mut client = proxy.connect();
                client.send(Request::post("/order", id.clone()).header("Connection", "close").bytes());
                let answer = client.head();
                let whole = client.rest().len().to_string();
                match answer.status {
                    // gunicorn writes head and body apart, and a worker may die in between: that is seen.
                    200 if answer.header("content-length") == Some(&whole) => accepted.push(id),
                    200 => {}
                    status => assert_eq!(status, 502),
                }
            }
            accepted
        });
        for round in 0..12 {
            gunicorn.log.wait_for_nth("Booting worker", 3 + round);
            gunicorn.kill_a_worker();
        }
        done.store(true, Ordering::SeqCst);
        for getter in getters {
            getter.join().unwrap();
        }
        poster.join().unwrap()
    });
    let mut executed = HashMap::new();
    for id in std::fs::read_to_string(&orders).unwrap().lines() {
        *executed.entry(id.to_owned()).or_insert(0) += 1;
    }
    assert!(executed.values().all(|times| *times == 1), "{executed:?}");
    assert!(!accepted.is_empty() && accepted.iter().all(|id| executed.contains_key(id)));
}

#[test]
fn a_server_that_keeps_failing_is_left_alone_and_tried_again() {
    let well = std::sync::Arc::new(AtomicBool::new(false));
    let recovers = std::sync::Arc::clone(&well);
    let ill = Origin::new(Transport::Tcp, move |peer| {
        while peer.request().is_some() {
            if !recovers.load(Ordering::SeqCst) {
                return;
            }
            peer.send(crate::support::origin::ok("recovered"));
        }
    });
    let healthy = Origin::ok("healthy");
    let servers = format!("\"{}\", \"{}\"", ill.address(), healthy.address());
    let proxy = proxy_to(
        &servers,
        "health = false\npassive = { fails = 2, window = \"10s\", eject = \"500ms\" }\nkeep_alive = { idle = 0 }",
    );
    for _ in 0..10 {
        assert_eq!(proxy.get("/").text(), "healthy");
    }
    assert_eq!(ill.requests().len(), 2);
    let line = proxy.wait_for_log("is left alone for 500ms");
    assert!(
        line.contains("2 of its last 2 requests failed") && line.contains("closed-before-answer"),
        "{line}"
    );
    well.store(true, Ordering::SeqCst);
    crate::support::kernel::eventually("it is tried again", || proxy.get("/").text() == "recovered");
    proxy.wait_for_log("answers again");
    let texts: Vec<String> = (0..4).map(|_| proxy.get("/").text().to_owned()).collect();
    assert_eq!(texts.iter().filter(|text| *text == "recovered").count(), 2, "{texts:?}");
}

#[test]
fn a_refused_status_is_asked_elsewhere() {
    let refuses = Origin::answering("HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\n\r\n");
    let answers = Origin::ok("page");
    let servers = format!("\"{}\", \"{}\"", refuses.address(), answers.address());
    let proxy =
        proxy_to(&servers, "retry = { attempts = 2, on = [\"connect\", \"timeout\", \"502\", \"503\"] }");
    for _ in 0..4 {
        assert_eq!(proxy.get("/").text(), "page");
    }
    // Both say no to a POST, which may have been executed: that answer counts.
    let statuses: Vec<u16> = (0..2).map(|_| proxy.send(&Request::post("/", "x")).status).collect();
    assert!(statuses.contains(&200), "{statuses:?}");
    assert!(refuses.requests().len() >= 2);
}
