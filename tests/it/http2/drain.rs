//! Connections that are to end, and those that have to make room.

use rustix::process::Signal;

use super::{fixed, proxied};
use crate::support::frames::*;
use crate::support::kernel::eventually;
use crate::support::origin::ok;
use crate::support::{Origin, PATIENCE, Proxy, Transport};

/// Answers when it is told to.
fn told() -> (Origin, std::sync::mpsc::Sender<()>) {
    let (answer, told) = std::sync::mpsc::channel();
    let told = std::sync::Mutex::new(told);
    let origin = Origin::new(Transport::Tcp, move |peer| {
        while peer.request().is_some() {
            let _ = told.lock().unwrap().recv_timeout(PATIENCE);
            peer.send(ok("finished"));
        }
    });
    (origin, answer)
}

#[test]
fn idle_connections_end_at_once_and_say_what_they_have_seen() {
    let mut proxy = fixed();
    let mut client = Frames::open(&proxy);
    client.goes_on(1);
    proxy.signal(Signal::TERM);
    let away = loop {
        match client.next() {
            Some(frame) if frame.kind == GOAWAY => break frame,
            Some(_) => {}
            None => panic!("it says no farewell"),
        }
    };
    assert_eq!(away.payload, [0, 0, 0, 1, 0, 0, 0, 0]);
    assert_eq!(client.next(), None);
    assert_eq!(proxy.wait().code(), Some(0));
}

#[test]
fn a_stream_in_flight_is_finished_first() {
    let (origin, answer) = told();
    let mut proxy = proxied(&origin);
    let mut client = Frames::open(&proxy);
    client.request(1, GET);
    origin.wait_for_request(1);
    proxy.signal(Signal::TERM);
    eventually("it accepts no more", || std::net::TcpStream::connect(proxy.addr()).is_err());
    answer.send(()).unwrap();
    assert_eq!(client.answer(1).body, b"finished");
    client.fails(&[NO_ERROR]);
    assert_eq!(proxy.wait().code(), Some(0));
}

#[test]
fn idle_connections_make_room_for_new_ones() {
    let proxy = Proxy::config(
        "[server]\nmax_connections = 10\n[timeouts]\nheader = \"10m\"\nkeep_alive = \"10m\"\n[[site]]\n\
         listen = [\"127.0.0.1:0\"]\nh2c = true\n[[site.location]]\nmatch = \"/\"\nrespond = { body = \"page\" }\n",
    )
    .start();
    let mut clients: Vec<_> = (0..30)
        .map(|_| {
            let mut client = Frames::open(&proxy);
            client.goes_on(1);
            client
        })
        .collect();
    clients[0].fails(&[NO_ERROR]);
}
