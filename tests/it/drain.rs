//! Signals: an orderly end, and what is none of our business.

use std::process::ExitStatus;
use std::sync::Mutex;
use std::sync::mpsc::{Sender, channel};

use rustix::process::Signal;

use crate::support::kernel::{self, eventually};
use crate::support::origin::ok;
use crate::support::stream::Stream;
use crate::support::{Origin, PATIENCE, Proxy, Request, Transport};

/// Answers when it is told to.
fn told() -> (Origin, Sender<()>) {
    let (answer, told) = channel();
    let told = Mutex::new(told);
    let origin = Origin::new(Transport::Tcp, move |peer| {
        while peer.request().is_some() {
            let _ = told.lock().unwrap().recv_timeout(PATIENCE);
            peer.send(ok("finished"));
        }
    });
    (origin, answer)
}

fn proxy(origin: &Origin, grace: &str) -> Proxy {
    Proxy::config(&format!(
        "[server]\nshutdown_grace = \"{grace}\"\n[log]\naccess = \"stdout\"\n[[site]]\nlisten = [\"127.0.0.1:0\"]\n\
         [[site.location]]\nmatch = \"/\"\nproxy = \"http://{}\"\n",
        origin.address()
    ))
    .start()
}

fn assert_stopped_as_asked(status: ExitStatus) {
    assert_eq!(status.code(), Some(0), "{status}");
}

fn finishes_what_is_in_flight(signal: Signal) {
    let (origin, answer) = told();
    let mut proxy = proxy(&origin, "30s");
    let mut idle = proxy.connect();
    let mut used = proxy.connect();
    answer.send(()).unwrap();
    assert_eq!(used.exchange(&Request::get("/")).text(), "finished");
    let mut busy = proxy.connect();
    busy.send(Request::get("/work").bytes());
    origin.wait_for_request(2);
    proxy.signal(signal);
    assert!(idle.is_closed() && used.is_closed(), "idle connections end at once");
    eventually("new connections are refused", || Stream::try_connect(&proxy.addresses()[0]).is_err());
    answer.send(()).unwrap();
    let response = busy.response();
    assert_eq!((response.text(), response.header("connection")), ("finished", Some("close")));
    assert!(busy.is_closed());
    assert_stopped_as_asked(proxy.wait());
    proxy.wait_for_access("\"GET /work HTTP/1.1\" 200 8 ");
}

#[test]
fn term_finishes_what_is_in_flight() {
    finishes_what_is_in_flight(Signal::TERM);
}

#[test]
fn int_finishes_what_is_in_flight() {
    finishes_what_is_in_flight(Signal::INT);
}

#[test]
fn quit_finishes_what_is_in_flight() {
    finishes_what_is_in_flight(Signal::QUIT);
}

#[test]
fn a_download_is_finished_to_its_last_byte() {
    let content = vec![b'x'; 32 << 20];
    let mut proxy = Proxy::files().file("www/large.bin", &content).start();
    let mut client = proxy.connect();
    client.send(Request::get("/large.bin").bytes());
    client.head();
    proxy.signal(Signal::TERM);
    proxy.wait_for_log("stopping");
    assert!(client.take(content.len()) == content);
    assert!(client.is_closed());
    assert_stopped_as_asked(proxy.wait());
}

#[test]
fn the_grace_is_a_limit() {
    let (origin, _answer) = told();
    let mut proxy = proxy(&origin, "200ms");
    let mut busy = proxy.connect();
    busy.send(Request::get("/work").bytes());
    origin.wait_for_request(1);
    proxy.signal(Signal::TERM);
    assert!(busy.is_closed(), "cut off");
    assert_stopped_as_asked(proxy.wait());
    proxy.wait_for_log("cut off");
    // The log is written to its end all the same.
    proxy.wait_for_access("\"GET /work HTTP/1.1\" 499 ");
}

#[test]
fn a_second_signal_stops_at_once() {
    let (origin, _answer) = told();
    let mut proxy = proxy(&origin, "1h");
    let mut busy = proxy.connect();
    busy.send(Request::get("/work").bytes());
    origin.wait_for_request(1);
    proxy.signal(Signal::TERM);
    proxy.wait_for_log("stopping: ");
    proxy.signal(Signal::TERM);
    assert!(busy.is_closed(), "cut off");
    assert_stopped_as_asked(proxy.wait());
}

#[test]
fn an_open_tunnel_holds_a_stop_no_longer_than_the_grace() {
    let origin = Origin::new(Transport::Tcp, |peer| {
        peer.request();
        peer.send("HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\n");
        peer.wait_for_close();
    });
    let mut proxy = proxy(&origin, "200ms");
    let mut client = proxy.connect();
    client.send(Request::get("/").header("Connection", "upgrade").header("Upgrade", "websocket").bytes());
    assert_eq!(client.head().status, 101);
    proxy.signal(Signal::TERM);
    assert!(client.is_closed());
    assert_stopped_as_asked(proxy.wait());
}

#[test]
fn hup_does_not_end_it() {
    let proxy = Proxy::files().file("www/page.txt", "page").start();
    proxy.signal(Signal::HUP);
    proxy.wait_for_log("no change");
    assert_eq!(proxy.get("/page.txt").text(), "page");
}

#[test]
fn there_is_one_event_loop_for_each_core() {
    let proxy = Proxy::files().start();
    let cores = std::thread::available_parallelism().unwrap().get();
    assert_eq!(kernel::threads(proxy.pid(), "loop-"), cores);
}

#[test]
fn the_number_of_event_loops_can_be_set_and_each_takes_connections() {
    let proxy = Proxy::config(
        "[server]\nworkers = 3\n[[site]]\nlisten = [\"127.0.0.1:0\"]\n\
         [[site.location]]\nmatch = \"/\"\nrespond = { body = \"here\" }\n",
    )
    .start();
    assert_eq!(kernel::threads(proxy.pid(), "loop-"), 3);
    // The kernel spreads connections by their ports: none of so many may meet a loop that is not served.
    for _ in 0..60 {
        assert_eq!(proxy.get("/").text(), "here");
    }
}
