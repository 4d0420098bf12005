//! Many reloads under load.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use super::answering;
use crate::support::kernel::{eventually, resident};
use crate::support::{Client, Origin, Proxy, Request, Transport};

/// Locations of every kind, different in each round; some of its upstream changes, too.
fn config(round: usize, origin: &Origin) -> String {
    format!(
        "[[site]]\nlisten = [\"127.0.0.1:0\"]\n\
         [[site.location]]\nmatch = \"/\"\nproxy = \"app\"\n\
         [[site.location]]\nmatch = \"/round\"\nrespond = {{ body = \"{round}\" }}\n\
         [[site.location]]\nmatch = \"~ ^/(a|b){round}/(.*)$\"\nredirect = {{ to = \"/$2\" }}\n\
         [[site.location]]\nmatch = \"/files\"\nfiles = \"www\"\n\
         [upstream.app]\nservers = [\"{}\"]\nqueue = {{ size = {} }}\n",
        origin.address(),
        1000 + round % 3
    )
}

/// Requests on a kept connection until told to end; how many were answered as they should be.
fn load(proxy: &Proxy, over: &AtomicBool, answered: &AtomicUsize) {
    let mut client = proxy.connect();
    while !over.load(Ordering::Relaxed) {
        for path in ["/app", "/files/page.txt", "/round"] {
            let response = client.exchange(&Request::get(path));
            assert_eq!(response.status, 200, "{path}: {}", response.text());
            assert_eq!(response.header("connection"), None, "a connection is ended by a reload");
            answered.fetch_add(1, Ordering::Relaxed);
        }
        assert_eq!(Client::connect(&proxy.addresses()[0]).exchange(&Request::get("/app")).text(), "answer");
    }
}

/// The load ends with this, also where a test fails.
struct Over<'a>(&'a AtomicBool);

impl Drop for Over<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

#[test]
fn a_thousand_reloads_cost_no_request_and_no_memory() {
    const REMEMBERED: usize = 200;
    let origin = Origin::ok("answer");
    let proxy = Proxy::config(&config(0, &origin)).file("www/page.txt", "page").start();
    let (over, answered) = (AtomicBool::new(false), AtomicUsize::new(0));
    let mut before = 0;
    std::thread::scope(|scope| {
        let load_ends = Over(&over);
        for _ in 0..2 {
            scope.spawn(|| load(&proxy, &over, &answered));
        }
        for round in 1..=1000 {
            let outcome = if round % 10 == 0 {
                proxy.reload(&config(round, &origin).replace("match", "mach"))
            } else {
                proxy.reload(&config(round, &origin))
            };
            assert_eq!(outcome.contains("refused"), round % 10 == 0, "{outcome}");
            if round == REMEMBERED {
                before = resident(proxy.pid());
            }
        }
        drop(load_ends);
    });
    assert!(answered.load(Ordering::Relaxed) > 1000, "there was no load");
    eventually("memory is what it was", || {
        proxy.get("/round");
        resident(proxy.pid()) < before + (4 << 20)
    });
    assert_eq!(proxy.get("/round").text(), "999");
}

const SWITCHING: &str =
    "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n";

#[test]
fn a_thousand_websockets_outlive_two_hundred_reloads() {
    let origin = Origin::new(Transport::Tcp, |peer| {
        let _ = peer.request();
        peer.send(SWITCHING);
        loop {
            let bytes = peer.some();
            if bytes.is_empty() {
                return;
            }
            peer.send(bytes);
        }
    });
    let proxy = Proxy::config(&config(0, &origin)).file("www/page.txt", "page").start();
    let handshake =
        Request::get("/app/ws").header("Connection", "Upgrade").header("Upgrade", "websocket").bytes();
    let mut sockets: Vec<Client> = (0..1000)
        .map(|_| {
            let mut client = proxy.connect();
            client.send(&handshake);
            assert_eq!(client.head().status, 101);
            client
        })
        .collect();
    for round in 1..=200 {
        // In the end there is not even a route to their server.
        let config = if round == 200 { answering("nothing else") } else { config(round, &origin) };
        assert!(proxy.reload(&config).contains("in force"));
    }
    for (index, socket) in sockets.iter_mut().enumerate() {
        let text = format!("still here, {index}");
        socket.send(&text);
        assert_eq!(socket.take(text.len()), text.as_bytes());
    }
    assert_eq!(proxy.get("/").text(), "nothing else");
}
