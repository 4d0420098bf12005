//! Listeners that come, go, and stay.

use std::net::TcpListener;

use super::{answering, assert_applied, assert_refused, get};
use crate::support::kernel::eventually;
use crate::support::stream::Stream;
use crate::support::{Client, Proxy, Request};

/// A port that nobody listens on, for a moment.
fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

/// The same site on these listeners.
fn on(listeners: &[&str], text: &str) -> String {
    let listeners: Vec<String> = listeners.iter().map(|addr| format!("\"{addr}\"")).collect();
    answering(text).replace("\"127.0.0.1:0\"", &listeners.join(", "))
}

#[test]
fn a_new_listener_is_served() {
    let proxy = Proxy::config(&on(&["127.0.0.1:0"], "page")).start();
    assert_applied(&proxy.reload(&on(&["127.0.0.1:0", "unix:new.sock"], "page")));
    let added = format!("unix:{}", proxy.dir().join("new.sock").display());
    assert_eq!(get(&mut Client::connect(&added), "/"), "page");
    assert_eq!(proxy.get("/").text(), "page");
}

#[test]
fn a_listener_that_is_gone_answers_each_of_its_connections_once_more() {
    let proxy = Proxy::config(&on(&["127.0.0.1:0", "unix:gone.sock"], "old")).start();
    let socket = proxy.dir().join("gone.sock");
    let mut idle = Client::connect(&proxy.addresses()[1]);
    assert_eq!(get(&mut idle, "/"), "old");
    assert_applied(&proxy.reload(&on(&["127.0.0.1:0"], "new")));
    assert!(Stream::try_connect(&proxy.addresses()[1]).is_err() && !socket.exists());
    let last = idle.exchange(&Request::get("/"));
    assert_eq!((last.text(), last.header("connection")), ("old", Some("close")));
    assert!(idle.is_closed());
    assert_eq!(proxy.get("/").text(), "new");
}

#[test]
fn a_port_that_is_gone_is_free() {
    let port = free_port();
    let proxy = Proxy::config(&on(&["127.0.0.1:0", &format!("127.0.0.1:{port}")], "page")).start();
    assert_applied(&proxy.reload(&on(&["127.0.0.1:0"], "page")));
    eventually("the port can be bound", || TcpListener::bind(("127.0.0.1", port)).is_ok());
}

#[test]
fn a_port_that_is_taken_leaves_everything_as_it_was() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let taken = taken.local_addr().unwrap().to_string();
    let proxy = Proxy::config(&on(&["127.0.0.1:0"], "old")).start();
    assert_refused(&proxy.reload(&on(&["127.0.0.1:0", "unix:new.sock", &taken], "new")));
    proxy.wait_for_log(&format!("{taken} cannot be bound"));
    proxy.wait_for_log("another process listens there");
    assert_eq!(proxy.get("/").text(), "old");
    assert!(!proxy.dir().join("new.sock").exists(), "what was bound for nothing is left");
}

#[test]
fn an_address_becomes_all_addresses_of_its_port() {
    let port = free_port();
    let proxy = Proxy::config(&on(&[&format!("127.0.0.1:{port}")], "page")).start();
    assert_applied(&proxy.reload(&on(&[&format!("0.0.0.0:{port}")], "page")));
    assert_eq!(get(&mut Client::connect(&format!("127.0.0.2:{port}")), "/"), "page");
    assert_eq!(get(&mut Client::connect(&format!("127.0.0.1:{port}")), "/"), "page");
}

#[test]
fn new_limits_hold_on_connections_that_are_there() {
    let with = |limit: &str| format!("[timeouts]\nkeep_alive = \"{limit}\"\n{}", answering("page"));
    let proxy = Proxy::config(&with("1h")).start();
    let mut client = proxy.connect();
    assert_eq!(get(&mut client, "/"), "page");
    assert_applied(&proxy.reload(&with("1s")));
    assert_eq!(get(&mut client, "/"), "page");
    assert!(client.is_closed(), "it is idle for longer than it may be");
}
