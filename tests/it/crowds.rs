//! Many clients at once, rude ones among them: whoever behaves is still served, and everything is given
//! back afterwards.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use rustix::process::{Resource, getrlimit, setrlimit};

use crate::support::kernel::{descriptors, eventually, resident};
use crate::support::origin::ok;
use crate::support::proxy::ABSENT;
use crate::support::{Client, Origin, PATIENCE, Proxy, Request, Transport};

/// Lets this process have as many connections as a test needs.
fn allow_connections(count: u64) {
    let mut limit = getrlimit(Resource::Nofile);
    let most = limit.maximum.unwrap_or(u64::MAX);
    assert!(most > count + 1000, "this test needs {count} open files; the hard limit is {most} (ulimit -Hn)");
    limit.current = limit.maximum;
    setrlimit(Resource::Nofile, limit).unwrap();
}

/// A page from memory, where clients may be idle for as long as a test takes.
fn patient() -> Proxy {
    Proxy::config(
        "[server]\nmax_connections = 11_000\n[timeouts]\nheader = \"10m\"\nkeep_alive = \"10m\"\n\
         [log]\naccess = \"off\"\n[[site]]\nlisten = [\"127.0.0.1:0\"]\n[[site.location]]\nmatch = \"/\"\nrespond = { body = \"page\" }\n",
    )
    .start()
}

/// A newcomer's request, which must not take much longer than on an idle machine.
fn probe(proxy: &Proxy) {
    let begun = Instant::now();
    assert_eq!(proxy.get("/").text(), "page");
    assert!(begun.elapsed() < Duration::from_secs(5), "a newcomer waited for {:?}", begun.elapsed());
}

#[test]
fn two_thousand_slow_heads_do_not_keep_a_newcomer_waiting() {
    allow_connections(2_000);
    let proxy = patient();
    let mut slow: Vec<TcpStream> = (0..2_000).map(|_| TcpStream::connect(proxy.addr()).unwrap()).collect();
    for round in 0..3 {
        for stream in &mut slow {
            write!(stream, "{}", if round == 0 { "GET / HTTP/1.1\r\nX" } else { "x" }).unwrap();
        }
        probe(&proxy);
    }
}

#[test]
fn ten_thousand_idle_connections_are_cheap_and_keep_nobody_waiting() {
    const COUNT: u64 = 10_000;
    allow_connections(COUNT);
    let proxy = patient();
    probe(&proxy);
    let before = resident(proxy.pid());
    let request = Request::get("/").bytes();
    let idle: Vec<TcpStream> = (0..COUNT)
        .map(|_| {
            let mut stream = TcpStream::connect(proxy.addr()).unwrap();
            stream.write_all(&request).unwrap();
            stream
        })
        .collect();
    let mut answer = [0; 1024];
    for mut stream in &idle {
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        assert!(stream.read(&mut answer).unwrap() > 0);
    }
    let each = resident(proxy.pid()).saturating_sub(before) / COUNT;
    println!("an idle connection takes {each} bytes of memory");
    assert!(each < 8 * 1024, "an idle connection takes {each} bytes");
    probe(&proxy);
    // All of them are still there.
    for mut stream in idle.iter().step_by(997) {
        stream.write_all(&request).unwrap();
        assert!(stream.read(&mut answer).unwrap() > 0);
    }
}

/// Clients that have begun a request each, as far as they are let in.
fn busy(proxy: &Proxy, count: usize) -> Vec<Client> {
    let begin = |_| {
        let mut client = proxy.connect();
        let _ = client.try_send("GET / HTTP/1.1\r\n");
        client
    };
    (0..count).map(begin).collect()
}

#[test]
fn a_file_that_cannot_be_opened_for_want_of_descriptors_is_a_503() {
    let proxy = Proxy::config(
        "[server]\nworkers = 1\nmax_connections = 1000\n[timeouts]\nheader = \"10m\"\n[[site]]\nlisten = [\"127.0.0.1:0\"]\n\
         [[site.location]]\nmatch = \"/\"\nfiles = \"www\"\n",
    )
    .file("www/large.bin", vec![b'x'; 1 << 20])
    .file_limit(64)
    .start();
    let mut early = proxy.connect();
    early.send("GET /large.bin HTTP/1.1\r\n");
    let crowd = busy(&proxy, 100);
    proxy.wait_for_log("cannot accept");
    assert_eq!(early.send("Host: localhost\r\n\r\n").response().status, 503);
    proxy.wait_for_log("too-many-open-files");
    drop(crowd);
    eventually("descriptors are there again", || early.exchange(&Request::get("/large.bin")).status == 200);
}

#[test]
fn an_application_that_cannot_be_asked_for_want_of_descriptors_is_a_503() {
    let origin = Origin::ok("page");
    let proxy = Proxy::config(&format!(
        "[server]\nworkers = 1\nmax_connections = 1000\n[timeouts]\nheader = \"10m\"\n[[site]]\nlisten = [\"127.0.0.1:0\"]\n\
         [[site.location]]\nmatch = \"/\"\nproxy = \"http://{}\"\n",
        origin.address()
    ))
    .file_limit(64)
    .start();
    let mut early = proxy.connect();
    early.send("GET / HTTP/1.1\r\n");
    let crowd = busy(&proxy, 100);
    proxy.wait_for_log("cannot accept");
    assert_eq!(early.send("Host: localhost\r\n\r\n").response().status, 503);
    proxy.wait_for_log("too-many-open-files");
    drop(crowd);
    eventually("descriptors are there again", || early.exchange(&Request::get("/")).status == 200);
}

/// Leaves while most of the answer is on its way: the kernel resets such a connection.
fn cut_off(proxy: &Proxy, path: &str) {
    let mut client = proxy.connect();
    client.send(Request::get(path).bytes());
    client.take(1000);
}

#[test]
fn cut_downloads_leave_nothing_behind() {
    let origin = Origin::new(Transport::Tcp, |peer| {
        peer.request();
        peer.send(ok(&"x".repeat(8 << 20)));
    });
    let proxy = Proxy::config(&format!(
        "[server]\nworkers = 1\n[[site]]\nlisten = [\"127.0.0.1:0\"]\n[[site.location]]\nmatch = \"/\"\nfiles = \"www\"\n\
         [[site.location]]\nmatch = \"/app\"\nproxy = \"app\"\n\
         [upstream.app]\nservers = [\"{}\"]\nkeep_alive = {{ idle = 0 }}\n",
        origin.address()
    ))
    .file("www/large.bin", vec![b'x'; 8 << 20])
    .start();
    cut_off(&proxy, "/large.bin");
    cut_off(&proxy, "/app");
    let before = descriptors(proxy.pid());
    for path in ["/large.bin", "/app"] {
        (0..250).for_each(|_| cut_off(&proxy, path));
    }
    eventually("all descriptors are given back", || descriptors(proxy.pid()) <= before);
    assert_eq!(proxy.get("/large.bin").body.len(), 8 << 20);
}

#[test]
fn failed_requests_leave_nothing_behind() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let hanging = listener.local_addr().unwrap();
    let proxy = Proxy::config(&format!(
        "[server]\nworkers = 1\n[[site]]\nlisten = [\"127.0.0.1:0\"]\n\
         [[site.location]]\nmatch = \"/\"\nproxy = \"absent\"\n\
         [[site.location]]\nmatch = \"/late\"\nproxy = \"late\"\n\
         [[site.location]]\nmatch = \"/files/\"\nfiles = \"www\"\n\
         [upstream.late]\nservers = [\"{hanging}\"]\ntimeouts = {{ read = \"1ms\" }}\n{ABSENT}"
    ))
    .directory("www")
    .start();
    let each = || {
        assert_eq!(proxy.get("/").status, 502);
        assert_eq!(proxy.get("/late").status, 504);
        assert_eq!(proxy.get("/files/none").status, 404);
        proxy.connect().send("rubbish\r\n\r\n").response();
    };
    each();
    let before = descriptors(proxy.pid());
    (0..50).for_each(|_| each());
    eventually("all descriptors are given back", || descriptors(proxy.pid()) <= before);
}

/// Requests that nobody takes the answers of are not worked off into memory.
#[test]
fn a_flood_of_pipelined_requests_is_answered_no_faster_than_it_is_read() {
    const REQUESTS: usize = 100_000;
    let proxy = patient();
    let mut client = proxy.connect();
    let before = resident(proxy.pid());
    let mut writer = client.stream().try_clone();
    std::thread::scope(|scope| {
        scope.spawn(move || writer.write_all(&Request::get("/").bytes().repeat(REQUESTS)).unwrap());
        for _ in 0..REQUESTS / 1_000 {
            (0..1_000).for_each(|_| assert_eq!(client.response().text(), "page"));
            let grown = resident(proxy.pid()).saturating_sub(before);
            assert!(grown < 16 << 20, "{grown} bytes more");
        }
    });
}

#[test]
fn many_clients_share_few_connections_without_mixing_answers() {
    const CLIENTS: usize = 32;
    const REQUESTS: usize = 50;
    let origin = Origin::echo();
    let proxy = Proxy::to(origin.address()).start();
    std::thread::scope(|scope| {
        for client in 0..CLIENTS {
            let proxy = &proxy;
            scope.spawn(move || {
                let mut connection = proxy.connect();
                for request in 0..REQUESTS {
                    let token = format!("/{client}-{request}-");
                    let answer = connection.exchange(&Request::post(&token, format!("body of {token}")));
                    let text = answer.text();
                    assert!(text.starts_with(&format!("POST {token} ")), "{text}");
                    assert!(text.ends_with(&format!("body of {token}")), "{text}");
                }
            });
        }
    });
    assert_eq!(origin.requests().len(), CLIENTS * REQUESTS);
}

/// A pool of ten, and a crowd before it: nobody is turned away, and the pool never has an eleventh.
#[test]
fn a_thousand_clients_share_ten_places() {
    const CLIENTS: usize = 1000;
    allow_connections(CLIENTS as u64);
    let (now, most) = (AtomicUsize::new(0), Arc::new(AtomicUsize::new(0)));
    let seen = Arc::clone(&most);
    let origin = Origin::new(Transport::Tcp, move |peer| {
        while peer.request().is_some() {
            seen.fetch_max(now.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
            std::thread::yield_now();
            now.fetch_sub(1, Ordering::SeqCst);
            peer.send(ok("page"));
        }
    });
    let proxy = Proxy::config(&format!(
        "[server]\nworkers = 2\n[log]\naccess = \"off\"\n[[site]]\nlisten = [\"127.0.0.1:0\"]\n\
         [[site.location]]\nmatch = \"/\"\nproxy = \"app\"\n[upstream.app]\n\
         servers = [{{ address = \"{}\", max_conns = 10 }}]\nqueue = {{ timeout = \"1m\" }}\n",
        origin.address()
    ))
    .start();
    let mut clients: Vec<Client> = (0..CLIENTS).map(|_| proxy.connect()).collect();
    for client in &mut clients {
        client.send(Request::get("/").bytes());
    }
    for client in &mut clients {
        assert_eq!(client.response().text(), "page");
    }
    assert!(most.load(Ordering::SeqCst) <= 10, "{} at once", most.load(Ordering::SeqCst));
    assert!(origin.connections() <= 100, "connections are kept: {}", origin.connections());
}
