//! What may go wrong meanwhile.

use std::fs;

use rustix::process::Signal;

use super::{answering, assert_applied, assert_refused};
use crate::support::{Origin, Proxy, Request, Transport};

#[test]
fn a_stop_during_a_reload_is_a_stop() {
    for _ in 0..10 {
        let mut proxy = Proxy::config(&answering("old")).start();
        proxy.write(&answering("new"));
        proxy.signal(Signal::HUP);
        proxy.signal(Signal::TERM);
        assert_eq!(proxy.wait().code(), Some(0));
    }
}

#[test]
fn two_reloads_at_once_end_with_the_last_content() {
    let proxy = Proxy::config(&answering("0")).start();
    for round in 1..50 {
        proxy.write(&answering(&round.to_string()));
        proxy.signal(Signal::HUP);
        proxy.signal(Signal::HUP);
    }
    assert_applied(&proxy.reload(&answering("last")));
    crate::support::kernel::eventually("the last is in force", || proxy.get("/").text() == "last");
}

#[test]
fn a_file_that_is_gone_is_refused_and_taken_up_when_it_is_back() {
    let proxy = Proxy::config(&answering("old")).start();
    fs::remove_file(proxy.dir().join("site.toml")).unwrap();
    assert_refused(&proxy.hang_up());
    assert_eq!(proxy.get("/").text(), "old");
    assert_applied(&proxy.reload(&answering("new")));
}

#[test]
fn a_request_in_flight_keeps_a_stop_that_follows_a_reload_waiting() {
    let (answer, told) = std::sync::mpsc::channel::<()>();
    let told = std::sync::Mutex::new(told);
    let origin = Origin::new(Transport::Tcp, move |peer| {
        while peer.request().is_some() {
            let _ = told.lock().unwrap().recv_timeout(crate::support::PATIENCE);
            peer.send(crate::support::origin::ok("finished"));
        }
    });
    let mut proxy = Proxy::to(origin.address()).start();
    let mut client = proxy.connect();
    client.send(Request::get("/").bytes());
    origin.wait_for_request(1);
    assert_applied(&proxy.reload(&answering("no upstream any more")));
    proxy.signal(Signal::TERM);
    proxy.wait_for_log("stopping");
    answer.send(()).unwrap();
    assert_eq!(client.response().text(), "finished");
    assert_eq!(proxy.wait().code(), Some(0));
}
