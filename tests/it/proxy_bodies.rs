//! Bodies through the proxy: every framing, any size, as they come, in bounded memory.

use std::io::Write;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::time::{Duration, Instant};

use crate::support::kernel::{self, eventually};
use crate::support::origin::ok;
use crate::support::{self, Origin, PATIENCE, Proxy, Request, Transport};

const MIB: u64 = 1 << 20;

/// How much a proxy may grow over what passes through it, however much that is.
const BOUND: u64 = 64 * MIB;

#[test]
fn answers_of_every_framing_arrive_whole_and_leave_the_connection_in_order() {
    #[rustfmt::skip]
    let table = [
        ("GET", "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello", 200, "hello"),
        ("GET", "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", 200, ""),
        ("GET", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhe\r\n3;x=y\r\nllo\r\n0\r\n\r\n", 200, "hello"),
        ("GET", "HTTP/1.1 200 OK\r\nConnection: close\r\n\r\nhello", 200, "hello"),
        ("GET", "HTTP/1.0 200 OK\r\n\r\nhello", 200, "hello"),
        ("HEAD", "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n", 200, ""),
        ("HEAD", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", 200, ""),
        ("DELETE", "HTTP/1.1 204 No Content\r\n\r\n", 204, ""),
        ("GET", "HTTP/1.1 304 Not Modified\r\nETag: \"x\"\r\nContent-Length: 5\r\n\r\n", 304, ""),
        ("GET", "HTTP/1.1 599 What\r\nContent-Length: 2\r\n\r\nno", 599, "no"),
    ];
    for (method, answer, status, body) in table {
        let origin = Origin::new(Transport::Tcp, move |peer| {
            while let Some(request) = peer.request() {
                let last = request.request_line().contains(" /next ");
                peer.send(if last { ok("next") } else { answer.to_owned() });
                if !last && (answer.contains("close") || answer.contains("HTTP/1.0")) {
                    return;
                }
            }
        });
        let proxy = Proxy::to(origin.address()).start();
        let mut client = proxy.connect();
        let response = client.exchange(&Request::new(method, "/"));
        assert_eq!((response.status, response.text()), (status, body), "{answer}");
        assert_eq!(client.exchange(&Request::get("/next")).text(), "next", "behind {answer}");
    }
}

#[test]
fn an_http_1_0_client_gets_no_chunks() {
    let origin =
        Origin::answering("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n");
    let proxy = Proxy::to(origin.address()).start();
    let mut client = proxy.connect();
    client.send("GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n");
    let head = client.head();
    assert_eq!(head.header("transfer-encoding"), None);
    assert_eq!(client.rest(), b"hello");
}

#[test]
fn requests_of_both_framings_arrive_whole() {
    let origin = Origin::ok("");
    let proxy = Proxy::to(origin.address()).start();
    let mut client = proxy.connect();
    client.exchange(&Request::post("/", "hello"));
    let chunked = Request::post("/", "3\r\nhel\r\n2;x\r\nlo\r\n0\r\nX-Trailer: 1\r\n\r\n");
    client.exchange(&chunked.header("Transfer-Encoding", "chunked"));
    let requests = origin.requests();
    assert_eq!((&*requests[0].body, requests[0].header("content-length")), (&b"hello"[..], Some("5")));
    assert_eq!((&*requests[1].body, requests[1].header("content-length")), (&b"hello"[..], Some("5")));
}

/// Both directions at once: where nothing is buffered, an application may answer while it still reads.
#[test]
fn a_large_body_comes_back_while_it_is_sent() {
    const SIZE: usize = 32 << 20;
    let origin = Origin::new(Transport::Tcp, |peer| {
        let Some(head) = peer.head() else { return };
        assert!(
            head.contains(&format!("\r\ncontent-length: {SIZE}\r\n"))
                || head.contains(&format!("Content-Length: {SIZE}\r\n")),
            "{head}"
        );
        peer.send(format!("HTTP/1.1 200 OK\r\nContent-Length: {SIZE}\r\n\r\n"));
        let mut left = SIZE;
        while left > 0 {
            let piece = peer.some();
            left -= piece.len();
            peer.send(piece);
        }
    });
    let proxy = streaming_to(&origin).start();
    let block: Vec<u8> = (0..65_521_u32).map(|at| u8::try_from(at * 7 % 251).unwrap()).collect();
    let mut body = block.repeat(SIZE / block.len() + 1);
    body.truncate(SIZE);
    let mut client = proxy.connect();
    let mut writer = client.stream().try_clone();
    std::thread::scope(|scope| {
        scope.spawn(|| writer.write_all(&Request::post("/", &*body).bytes()).unwrap());
        assert!(client.response().body == body);
    });
}

/// Nothing is buffered, and nothing too large.
fn streaming_to(origin: &Origin) -> support::proxy::Builder {
    Proxy::site(&format!(
        "max_body = 0\n[[site.location]]\nmatch = \"/\"\nproxy = \"http://{}\"\nbuffer_request = false\n\
         buffer_response = false\n",
        origin.address()
    ))
}

#[test]
fn an_event_stream_arrives_event_by_event() {
    let (next, told) = channel();
    let told = std::sync::Mutex::new(told);
    let origin = Origin::new(Transport::Tcp, move |peer| {
        peer.request();
        let told = told.lock().unwrap();
        peer.send("HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n");
        for event in ["one", "two", "three"] {
            told.recv_timeout(PATIENCE).unwrap();
            peer.send(format!("{:x}\r\n{event}\r\n", event.len()));
        }
        told.recv_timeout(PATIENCE).unwrap();
        peer.send("0\r\n\r\n");
    });
    let proxy = Proxy::to(origin.address()).start();
    let mut client = proxy.connect();
    client.send(Request::get("/events").bytes());
    // The head comes before the first event is there.
    assert_eq!(client.head().header("content-type"), Some("text/event-stream"));
    for event in ["one", "two", "three"] {
        next.send(()).unwrap();
        assert_eq!(client.chunk().as_deref(), Some(event.as_bytes()));
    }
    next.send(()).unwrap();
    assert_eq!(client.chunk(), None);
}

#[test]
fn early_hints_come_before_the_answer() {
    let (answer, told) = channel();
    let told = std::sync::Mutex::new(told);
    let origin = Origin::new(Transport::Tcp, move |peer| {
        peer.request();
        peer.send("HTTP/1.1 103 Early Hints\r\nLink: </a.css>; rel=preload\r\nConnection: x\r\n\r\n");
        told.lock().unwrap().recv_timeout(PATIENCE).unwrap();
        peer.send(ok("page"));
    });
    let proxy = Proxy::to(origin.address()).start();
    let mut client = proxy.connect();
    client.send(Request::get("/").header("Connection", "close").bytes());
    let hints = String::from_utf8(client.take(26)).unwrap();
    assert_eq!(hints, "HTTP/1.1 103 Early Hints\r\n");
    answer.send(()).unwrap();
    let rest = String::from_utf8(client.rest()).unwrap();
    assert!(
        rest.to_ascii_lowercase().starts_with("link: </a.css>; rel=preload\r\n\r\nhttp/1.1 200 ok"),
        "{rest}"
    );
}

#[test]
fn trailers_reach_clients_that_take_them() {
    let origin = Origin::answering(
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTrailer: X-Sum\r\n\r\n2\r\nhi\r\n0\r\nX-Sum: 42\r\n\r\n",
    );
    let proxy = Proxy::to(origin.address()).start();
    let whole = |te: &str| {
        let mut client = proxy.connect();
        client.send(Request::get("/").header("TE", te).header("Connection", "TE, close").bytes());
        String::from_utf8(client.rest()).unwrap().to_ascii_lowercase()
    };
    assert!(whole("trailers").ends_with("2\r\nhi\r\n0\r\nx-sum: 42\r\n\r\n"));
    assert!(whole("gzip").ends_with("2\r\nhi\r\n0\r\n\r\n"));
}

#[test]
fn a_client_that_waits_to_be_asked_for_its_body_is_asked() {
    let origin = Origin::ok("");
    let proxy = Proxy::to(origin.address()).start();
    let mut client = proxy.connect();
    client.send("POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 5\r\nExpect: 100-continue\r\n\r\n");
    assert_eq!(client.take(25), b"HTTP/1.1 100 Continue\r\n\r\n");
    client.send("hello");
    assert_eq!(client.response().status, 200);
    let received = origin.wait_for_request(1);
    assert_eq!((&*received.body, received.header("expect")), (&b"hello"[..], None));
}

/// Waits until nothing has moved for a while: all buffers between the two ends are full.
fn wait_until_still(moved: &AtomicU64, pid: u32, before: u64) {
    let mut last = (moved.load(Ordering::SeqCst), Instant::now());
    eventually("a sender that nobody reads from stands still", || {
        assert!(kernel::resident(pid) < before + BOUND, "{} bytes more", kernel::resident(pid) - before);
        let now = moved.load(Ordering::SeqCst);
        if now != last.0 {
            last = (now, Instant::now());
        }
        now > 0 && last.1.elapsed() > Duration::from_millis(500)
    });
}

#[test]
fn clients_that_stand_still_cost_no_memory() {
    const CLIENTS: usize = 20;
    const SIZE: u64 = 200 * MIB;
    let sent = Arc::new(AtomicU64::new(0));
    let counter = Arc::clone(&sent);
    let origin = Origin::new(Transport::Tcp, move |peer| {
        peer.request();
        peer.send(format!("HTTP/1.1 200 OK\r\nContent-Length: {SIZE}\r\n\r\n"));
        let block = vec![b'x'; 64 * 1024];
        for _ in 0..SIZE / 65_536 {
            peer.send(&block);
            counter.fetch_add(65_536, Ordering::SeqCst);
        }
    });
    let proxy = streaming_to(&origin).start();
    let before = kernel::resident(proxy.pid());
    let clients: Vec<_> = (0..CLIENTS)
        .map(|_| {
            let mut client = proxy.connect();
            client.send(Request::get("/").bytes());
            assert_eq!(client.head().status, 200);
            client
        })
        .collect();
    wait_until_still(&sent, proxy.pid(), before);
    assert!(sent.load(Ordering::SeqCst) < SIZE * CLIENTS as u64 / 2, "nobody held the application back");
    // One of them goes on, and gets everything.
    let mut client = clients.into_iter().next().unwrap();
    let mut got = 0;
    while got < SIZE {
        got +=
            client.take(usize::try_from(MIB).unwrap().min(usize::try_from(SIZE - got).unwrap())).len() as u64;
    }
    assert!(kernel::resident(proxy.pid()) < before + BOUND);
}

#[test]
fn an_application_that_does_not_read_holds_the_client_back() {
    const SIZE: u64 = 500 * MIB;
    let (read, told): (Sender<()>, Receiver<()>) = channel();
    let told = std::sync::Mutex::new(told);
    let origin = Origin::new(Transport::Tcp, move |peer| {
        peer.head();
        told.lock().unwrap().recv_timeout(PATIENCE).unwrap();
        let mut left = SIZE;
        while left > 0 {
            left -= peer.some().len() as u64;
        }
        peer.send(ok("all of it"));
    });
    let proxy = streaming_to(&origin).start();
    let before = kernel::resident(proxy.pid());
    let mut client = proxy.connect();
    client.send(format!("POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: {SIZE}\r\n\r\n"));
    let sent = AtomicU64::new(0);
    let mut writer = client.stream().try_clone();
    std::thread::scope(|scope| {
        scope.spawn(|| {
            let block = vec![b'x'; 64 * 1024];
            for _ in 0..SIZE / 65_536 {
                writer.write_all(&block).unwrap();
                sent.fetch_add(65_536, Ordering::SeqCst);
            }
        });
        wait_until_still(&sent, proxy.pid(), before);
        assert!(sent.load(Ordering::SeqCst) < SIZE / 2, "nobody held the client back");
        read.send(()).unwrap();
        assert_eq!(client.response().text(), "all of it");
    });
    assert!(kernel::resident(proxy.pid()) < before + BOUND);
}
