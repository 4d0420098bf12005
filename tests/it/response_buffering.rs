use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

use socket2::{Domain, Socket, Type};

use crate::support::kernel::{self, eventually};
use crate::support::origin::{Conversation, ok};
use crate::support::proxy::Builder;
use crate::support::{
    Client, Gunicorn, Origin, PATIENCE, Proxy, Request, Transport, over_tcp_and_unix, repository,
};

const MIB: usize = 1 << 20;

over_tcp_and_unix! {
    an_application_is_free_while_a_client_reads_nothing,
    a_sync_worker_is_free_of_a_large_download_at_once,
}

/// With a temp directory of its own, and no idle connections: an application sees when it is let go.
fn to(address: &str, more: &str) -> Builder {
    Proxy::site(&format!(
        "[[site.location]]\nmatch = \"/\"\nproxy = \"app\"\n{more}\n\
         [upstream.app]\nservers = [\"{address}\"]\nkeep_alive = {{ idle = 0 }}\n"
    ))
    .own_temp()
}

fn pattern(size: usize) -> Vec<u8> {
    (0..=250).cycle().take(size).collect()
}

/// A client whose kernel takes little for it, and which has asked for something.
fn asking(proxy: &Proxy, path: &str) -> Client {
    let socket = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
    socket.set_recv_buffer_size(16 * 1024).unwrap();
    socket.connect(&proxy.addr().into()).unwrap();
    let mut client = Client::over(socket.into());
    client.send(Request::get(path).bytes());
    client
}

/// Answers `/large` with so many bytes, and anything else with `page`.
fn large(size: usize) -> Origin {
    let body = pattern(size);
    Origin::new(Transport::Tcp, move |peer| {
        while let Some(request) = peer.request() {
            if request.request_line().contains("/large") {
                peer.send(format!("HTTP/1.1 200 OK\r\nContent-Length: {size}\r\n\r\n")).send(&body);
            } else {
                peer.send(ok("page"));
            }
        }
    })
}

fn an_application_is_free_while_a_client_reads_nothing(transport: Transport) {
    let (let_go, told) = channel();
    let let_go = std::sync::Mutex::new(let_go);
    let body = pattern(4 * MIB);
    let origin = Origin::new(transport, move |peer| {
        peer.request();
        peer.send(format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n", body.len())).send(&body);
        peer.wait_for_close();
        let_go.lock().unwrap().send(()).unwrap();
    });
    let proxy = to(origin.address(), "").start();
    let mut slow = asking(&proxy, "/large");
    told.recv_timeout(PATIENCE).unwrap();
    assert_eq!(proxy.spooled(), 1);
    assert!(slow.response().body == pattern(4 * MIB));
    eventually("its file is closed", || proxy.spooled() == 0);
}

/// What this is for: one worker, which its manager would kill as hung after 30 s of waiting for the client.
fn a_sync_worker_is_free_of_a_large_download_at_once(transport: Transport) {
    let gunicorn =
        Gunicorn::serving("shop:app", &repository("tests/apps/flask_shop"), "sync", transport).start();
    let proxy = to(gunicorn.address(), "").start();
    let mut slow = asking(&proxy, "/catalogue/100");
    assert_eq!(slow.head().status, 200);
    let begun = Instant::now();
    assert_eq!(proxy.get("/where").status, 200);
    // Unbuffered, it would be hours at 10 KiB a second.
    assert!(begun.elapsed() < Duration::from_secs(10), "{:?}", begun.elapsed());
    assert_eq!(slow.take(32), b"catalogue page  catalogue page  ");
}

/// Sends as long as somebody takes it, and counts.
fn endless(fields: &'static str) -> (Origin, Arc<AtomicUsize>) {
    let sent = Arc::new(AtomicUsize::new(0));
    let counter = Arc::clone(&sent);
    let origin = Origin::new(Transport::Tcp, move |peer| {
        peer.request();
        peer.send(format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n{fields}\r\n", 64 * MIB));
        let block = vec![b'x'; 64 * 1024];
        for _ in 0..1024 {
            peer.send(&block);
            counter.fetch_add(64 * 1024, Ordering::SeqCst);
        }
    });
    (origin, sent)
}

#[test]
fn what_is_to_stream_keeps_the_pace_of_its_client() {
    for (more, fields) in [
        ("", "Content-Type: text/event-stream\r\n"),
        ("", "Content-Type: application/grpc\r\n"),
        ("", "X-Accel-Buffering: no\r\n"),
        ("buffer_response = false", ""),
    ] {
        let (origin, sent) = endless(fields);
        let proxy = to(origin.address(), more).start();
        let client = asking(&proxy, "/");
        let mut last = (0, Instant::now());
        eventually("the application is held back", || {
            let now = sent.load(Ordering::SeqCst);
            if now != last.0 {
                last = (now, Instant::now());
            }
            now > 0 && last.1.elapsed() > Duration::from_millis(500)
        });
        assert!(last.0 < 32 * MIB, "{} bytes were taken: {more} {fields}", last.0);
        assert_eq!(proxy.spooled(), 0);
        drop(client);
    }
}

#[test]
fn an_answer_may_ask_to_be_buffered() {
    for (more, fields) in [
        ("buffer_response = false", "X-Accel-Buffering: yes\r\n"),
        ("", "Content-Type: text/event-stream\r\nX-Accel-Buffering: yes\r\n"),
    ] {
        let (origin, sent) = endless(fields);
        let proxy = to(origin.address(), more).start();
        let mut client = asking(&proxy, "/");
        assert_eq!(client.head().header("x-accel-buffering"), None);
        eventually("all of it is taken", || sent.load(Ordering::SeqCst) == 64 * MIB);
    }
}

/// Sends an event whenever it is told to, and says when.
fn events(fields: &'static str) -> (Origin, std::sync::mpsc::Sender<()>, Receiver<Instant>) {
    let (next, told) = channel();
    let (sent, when) = channel();
    let ends = std::sync::Mutex::new((told, sent));
    let origin = Origin::new(Transport::Tcp, move |peer: &mut Conversation| {
        peer.request();
        peer.send(format!("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n{fields}\r\n"));
        let ends = ends.lock().unwrap();
        while let Ok(()) = ends.0.recv_timeout(PATIENCE) {
            ends.1.send(Instant::now()).unwrap();
            peer.send("5\r\nevent\r\n");
        }
    });
    (origin, next, when)
}

/// Whether buffered or not: nothing is held up for company. The median, since the machine has other things
/// to do.
#[test]
fn an_event_is_with_its_client_in_less_than_20_ms() {
    for fields in ["Content-Type: text/event-stream\r\n", "", "X-Accel-Buffering: yes\r\n"] {
        let (origin, next, when) = events(fields);
        let proxy = to(origin.address(), "").start();
        let mut client = asking(&proxy, "/");
        assert_eq!(client.head().header("x-accel-buffering"), None);
        let mut delays: Vec<Duration> = (0..21)
            .map(|_| {
                next.send(()).unwrap();
                assert_eq!(client.chunk().as_deref(), Some(&b"event"[..]));
                when.recv_timeout(PATIENCE).unwrap().elapsed()
            })
            .collect();
        delays.sort();
        assert!(delays[10] < Duration::from_millis(20), "{delays:?}");
        drop(next);
    }
}

/// The application is held back then, as if nothing were buffered, and everything arrives.
#[test]
fn a_full_disk_costs_nothing_but_the_worker() {
    let origin = large(8 * MIB);
    let proxy = to(origin.address(), "").own_disk("1m").start();
    for _ in 0..2 {
        let mut slow = asking(&proxy, "/large");
        proxy.wait_for_log("spool-full");
        assert_eq!(proxy.get("/page").text(), "page");
        assert!(slow.response().body == pattern(8 * MIB));
    }
    let lines = proxy.log.all();
    assert_eq!(lines.iter().filter(|line| line.contains("spool-full")).count(), 1, "once a minute");
}

/// A body larger than its share is nothing that anybody has to be told.
#[test]
fn one_answer_gets_no_more_than_its_share() {
    let origin = large(8 * MIB);
    let proxy = Proxy::config(&format!(
        "[server]\nworkers = 1\nspool = {{ directory = \"tmp\", size = \"1MiB\" }}\n[[site]]\n\
         listen = [\"127.0.0.1:0\"]\n[[site.location]]\nmatch = \"/\"\nproxy = \"http://{}\"\n",
        origin.address()
    ))
    .directory("tmp")
    .start();
    let mut slow = asking(&proxy, "/large");
    let size = || {
        let files = kernel::open_file_sizes(proxy.pid(), &proxy.dir().join("tmp"));
        assert!(files.iter().all(|size| *size <= 256 * 1024), "{files:?}");
        files.first().copied().unwrap_or_default()
    };
    eventually("it has its share", || size() > 128 * 1024);
    // Its worker waits, another is free.
    assert_eq!(proxy.get("/page").text(), "page");
    assert!(slow.response().body == pattern(8 * MIB));
    assert!(proxy.log.all().iter().all(|line| !line.contains("WARN")));
}

#[test]
fn an_answer_that_breaks_off_never_looks_whole_however_late_it_is_read() {
    for chunked in [false, true] {
        let sent = pattern(2 * MIB);
        let content = sent.clone();
        let origin = Origin::new(Transport::Tcp, move |peer| {
            peer.request();
            if chunked {
                peer.send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n200000\r\n");
                peer.send(&content).send("\r\n");
            } else {
                peer.send(format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n", 4 * MIB)).send(&content);
            }
        });
        let proxy = to(origin.address(), "").start();
        let before = kernel::descriptors(proxy.pid());
        let mut slow = asking(&proxy, "/");
        // The client's connection and the file; the application's is closed.
        eventually("the application has gone", || {
            proxy.spooled() == 1 && kernel::descriptors(proxy.pid()) == before + 2
        });
        assert_eq!(slow.head().status, 200);
        if chunked {
            let mut got = Vec::new();
            while got.len() < sent.len() {
                got.extend(slow.chunk().expect("a chunk that is not the last"));
            }
            assert!(got == sent && slow.is_closed());
        } else {
            assert!(slow.rest() == sent);
        }
        assert!(proxy.wait_for_log("response-cut-short").contains("ERROR"));
    }
}

#[test]
fn a_client_that_leaves_takes_everything_along() {
    let origin = large(4 * MIB);
    let proxy = to(origin.address(), "").start();
    let before = kernel::descriptors(proxy.pid());
    let slow = asking(&proxy, "/large");
    eventually("it is on disk", || proxy.spooled() == 1);
    drop(slow);
    eventually("its file and its connections are closed", || {
        proxy.spooled() == 0 && kernel::descriptors(proxy.pid()) == before
    });
    proxy.wait_for_access("\"GET /large HTTP/1.1\" 200 ");
}

#[test]
fn a_file_is_freed_when_its_client_has_caught_up() {
    let (finish, told) = channel::<()>();
    let told = std::sync::Mutex::new(told);
    let origin = Origin::new(Transport::Tcp, move |peer| {
        peer.request();
        peer.send(format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n", 4 * MIB + 3));
        peer.send(pattern(4 * MIB));
        told.lock().unwrap().recv_timeout(PATIENCE).unwrap();
        peer.send("end");
    });
    let proxy = to(origin.address(), "").start();
    let mut slow = asking(&proxy, "/");
    eventually("it is on disk", || proxy.spooled() == 1);
    slow.head();
    assert!(slow.take(4 * MIB) == pattern(4 * MIB));
    eventually("its file is closed", || proxy.spooled() == 0);
    finish.send(()).unwrap();
    assert_eq!(slow.take(3), b"end");
}

/// Each has what it is sent next, twice 64 KiB, and the rest on disk. The test allows for as much again:
/// what the allocator keeps of the time when all were read at once, and the stacks of threads that wrote.
#[test]
fn a_hundred_slow_downloads_cost_little_memory() {
    const CLIENTS: usize = 100;
    let origin = large(4 * MIB);
    let proxy = to(origin.address(), "").start();
    let idle = kernel::descriptors(proxy.pid());
    // Some have been served before: what the program itself takes is not theirs.
    for _ in 0..4 {
        assert_eq!(asking(&proxy, "/large").response().body.len(), 4 * MIB);
    }
    let before = kernel::resident(proxy.pid());
    let clients: Vec<Client> = (0..CLIENTS).map(|_| asking(&proxy, "/large")).collect();
    // A connection and a file for each.
    eventually("the application has sent everything", || {
        proxy.spooled() == CLIENTS && kernel::descriptors(proxy.pid()) == idle + 2 * CLIENTS
    });
    let each = kernel::resident(proxy.pid()).saturating_sub(before) / CLIENTS as u64;
    assert!(each < 384 * 1024, "{each} bytes for each");
    drop(clients);
    eventually("their files are closed", || proxy.spooled() == 0);
}

/// The kernel tells of room often enough: in lumps of megabytes it would look as if nobody read.
#[test]
fn a_slow_reader_is_not_taken_for_one_that_stands_still() {
    let proxy =
        Proxy::site("[site.timeouts]\nsend = \"3s\"\n[[site.location]]\nmatch = \"/\"\nfiles = \"www\"\n")
            .file("www/large.bin", vec![b'x'; 16 * MIB])
            .start();
    // With the kernel's own buffers, as clients have them.
    let mut client = proxy.connect();
    client.send(Request::get("/large.bin").bytes());
    assert_eq!(client.head().status, 200);
    let begun = Instant::now();
    let (_nobody, silence) = channel::<()>();
    let mut got = 0;
    while begun.elapsed() < Duration::from_secs(8) {
        got += client.take(16 * 1024).len();
        // About 160 KiB a second.
        assert!(silence.recv_timeout(Duration::from_millis(100)).is_err());
    }
    got += client.take(16 * MIB - got).len();
    assert_eq!(got, 16 * MIB);
}
