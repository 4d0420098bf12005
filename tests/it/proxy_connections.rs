//! Connections to applications: kept, taken in turns, given up, and ended when nobody wants the answer.

use std::io::Write;
use std::net::{SocketAddr, TcpStream};
use std::os::unix::net::{UnixListener, UnixStream};
use std::sync::Mutex;
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

use socket2::{Domain, SockAddr, Socket, Type};

use crate::support::kernel::eventually;
use crate::support::origin::{Conversation, ok};
use crate::support::{Origin, PATIENCE, Proxy, Request, Transport};

/// One event loop, so that it is certain who has which connection.
fn proxy(servers: &str, more: &str) -> Proxy {
    Proxy::config(&format!(
        "[server]\nworkers = 1\n[log]\naccess = \"stdout\"\n[[site]]\nlisten = [\"127.0.0.1:0\"]\n\
         [[site.location]]\nmatch = \"/\"\nproxy = \"app\"\n[upstream.app]\nservers = [{servers}]\n{more}"
    ))
    .start()
}

fn to(origin: &Origin, more: &str) -> Proxy {
    proxy(&format!("{:?}", origin.address()), more)
}

/// An address where nothing listens, and where nothing else can begin to.
fn refusing() -> (Socket, String) {
    let socket = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
    socket.bind(&SocketAddr::from(([127, 0, 0, 1], 0)).into()).unwrap();
    let address = socket.local_addr().unwrap().as_socket().unwrap().to_string();
    (socket, address)
}

#[test]
fn a_connection_serves_request_after_request() {
    let origin = Origin::ok("page");
    let proxy = to(&origin, "");
    for _ in 0..5 {
        // Each from a client of its own.
        assert_eq!(proxy.get("/").text(), "page");
    }
    assert_eq!((origin.requests().len(), origin.connections()), (5, 1));
}

#[test]
fn requests_at_once_have_a_connection_each() {
    let origin = Origin::hanging();
    let proxy = to(&origin, "");
    let mut clients: Vec<_> = (0..3).map(|_| proxy.connect()).collect();
    for client in &mut clients {
        client.send(Request::get("/").bytes());
    }
    origin.wait_for_request(3);
    assert_eq!(origin.connections(), 3);
}

/// Answers once, and tells how long the connection was idle until rproxy closed it.
fn told_idle_time() -> (Origin, Receiver<Duration>) {
    let (closed, told) = channel();
    let closed = Mutex::new(closed);
    let origin = Origin::new(Transport::Tcp, move |peer| {
        peer.request();
        peer.send(ok(""));
        let idle = Instant::now();
        peer.wait_for_close();
        let _ = closed.lock().unwrap().send(idle.elapsed());
    });
    (origin, told)
}

/// gunicorn's threads close after 2 s, and must not be the first to.
#[test]
fn an_idle_connection_is_closed_before_the_application_would() {
    let (origin, told) = told_idle_time();
    let proxy = to(&origin, "");
    proxy.get("/");
    let idle = told.recv_timeout(PATIENCE).unwrap();
    assert!(idle >= Duration::from_millis(1400), "closed after {idle:?}");
    assert!(idle < Duration::from_secs(10), "closed after {idle:?}");
}

#[test]
fn how_long_a_connection_idles_can_be_set() {
    let (origin, told) = told_idle_time();
    let proxy = to(&origin, "keep_alive = { timeout = \"50ms\" }");
    proxy.get("/");
    assert!(told.recv_timeout(PATIENCE).unwrap() < Duration::from_millis(1400));
}

#[test]
fn without_idle_connections_each_request_has_its_own() {
    let origin = Origin::new(Transport::Tcp, |peer| {
        peer.request();
        peer.send(ok(""));
        peer.wait_for_close();
    });
    let proxy = to(&origin, "keep_alive = { idle = 0 }");
    (0..3).for_each(|_| assert_eq!(proxy.get("/").status, 200));
    assert_eq!(origin.connections(), 3);
    assert_eq!(origin.requests()[0].header("connection"), Some("close"));
}

/// Even a POST, which must not be repeated, is not given to a connection that is closed already.
#[test]
fn a_connection_the_application_closed_is_not_used() {
    let (closed, told) = channel();
    let closed = Mutex::new(closed);
    let origin = Origin::new(Transport::Tcp, move |peer| {
        peer.request();
        peer.send(ok(""));
        peer.stream().shutdown(std::net::Shutdown::Both);
        closed.lock().unwrap().send(()).unwrap();
    });
    let proxy = to(&origin, "");
    for _ in 0..10 {
        assert_eq!(proxy.send(&Request::post("/", "once")).status, 200);
        told.recv_timeout(PATIENCE).unwrap();
    }
    assert_eq!((origin.requests().len(), origin.connections()), (10, 10));
}

#[test]
fn servers_take_turns() {
    let origins = [Origin::ok("a"), Origin::ok("b"), Origin::ok("c")];
    let servers: Vec<_> = origins.iter().map(|origin| format!("{:?}", origin.address())).collect();
    let proxy = proxy(&servers.join(","), "");
    let mut client = proxy.connect();
    let turns: String = (0..6).map(|_| client.exchange(&Request::get("/")).text().to_owned()).collect();
    assert!("abcabcabc".contains(&turns), "{turns}");
}

#[test]
fn a_server_that_refuses_is_passed_over() {
    let (_held, dead) = refusing();
    let missing = tempfile::tempdir().unwrap();
    let missing = format!("unix:{}/no.sock", missing.path().display());
    let origin = Origin::ok("alive");
    let proxy = proxy(&format!("{dead:?}, {missing:?}, {:?}", origin.address()), "");
    for _ in 0..6 {
        let answer = proxy.send(&Request::post("/", "kept"));
        assert_eq!((answer.status, answer.text()), (200, "alive"));
    }
    assert!(origin.requests().iter().all(|request| request.body == b"kept"));
}

#[test]
fn when_every_server_refuses_the_log_names_them_all() {
    let ((_a, first), (_b, second)) = (refusing(), refusing());
    let proxy = proxy(&format!("{first:?}, {second:?}"), "retry = { window = \"0s\" }");
    assert_eq!(proxy.get("/").status, 502);
    let line = proxy.wait_for_log("connect-refused");
    assert!(line.contains(&first) && line.contains(&second), "{line}");
}

/// A listener whose queue is full lets further handshakes wait.
#[test]
fn connecting_has_its_limit() {
    let listener = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
    listener.bind(&SocketAddr::from(([127, 0, 0, 1], 0)).into()).unwrap();
    listener.listen(0).unwrap();
    let address = listener.local_addr().unwrap().as_socket().unwrap();
    let mut queued = Vec::new();
    while let Ok(stream) = TcpStream::connect_timeout(&address, Duration::from_millis(300)) {
        queued.push(stream);
    }
    let proxy = proxy(&format!("\"{address}\""), "timeouts = { connect = \"200ms\" }");
    assert_eq!(proxy.get("/").status, 504);
    proxy.wait_for_log("connect-timeout");
}

#[test]
fn a_full_backlog_of_a_unix_socket_is_a_busy_application() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("app.sock");
    let listener = Socket::new(Domain::UNIX, Type::STREAM, None).unwrap();
    listener.bind(&SockAddr::unix(&path).unwrap()).unwrap();
    listener.listen(0).unwrap();
    let _listener = UnixListener::from(listener);
    let _queued = UnixStream::connect(&path).unwrap();
    let proxy = proxy(&format!("\"unix:{}\"", path.display()), "retry = { window = \"200ms\" }");
    assert_eq!(proxy.get("/").status, 503);
    proxy.wait_for_log("backlog-full");
}

#[test]
fn sending_has_its_limit() {
    let origin = Origin::new(Transport::Tcp, |peer| {
        peer.head();
        // Reads nothing more until the test is over.
        std::thread::park_timeout(PATIENCE);
    });
    let proxy = to(&origin, "timeouts = { send = \"200ms\" }");
    let mut client = proxy.connect();
    client.send(format!("POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: {}\r\n\r\n", 64 << 20));
    let mut writer = client.stream().try_clone();
    std::thread::scope(|scope| {
        // Cut off when rproxy gives up.
        scope.spawn(move || drop(writer.write_all(&vec![b'x'; 64 << 20])));
        assert_eq!(client.response().status, 504);
        client.stream().shutdown(std::net::Shutdown::Both);
    });
    proxy.wait_for_log("upstream-send-timeout");
}

/// Tells when the connection to the application has ended.
fn told_end(script: impl Fn(&mut Conversation) + Send + Sync + 'static) -> (Origin, Receiver<()>) {
    let (ended, told) = channel();
    let ended = Mutex::new(ended);
    let origin = Origin::new(Transport::Tcp, move |peer| {
        script(peer);
        peer.wait_for_close();
        let _ = ended.lock().unwrap().send(());
    });
    (origin, told)
}

#[test]
fn a_client_that_leaves_while_it_waits_ends_the_work() {
    let (origin, ended) = told_end(|peer| drop(peer.request()));
    let proxy = to(&origin, "");
    let mut client = proxy.connect();
    client.send(Request::get("/slow").bytes());
    origin.wait_for_request(1);
    drop(client);
    ended.recv_timeout(PATIENCE).expect("the application is told");
    proxy.wait_for_access("GET /slow HTTP/1.1\" 499 ");
}

/// As `nc -N` does it: no more is sent, but an answer is still wanted.
#[test]
fn a_client_that_ended_its_direction_gets_an_answer_that_is_ready() {
    let origin = Origin::ok("page");
    let proxy = to(&origin, "");
    // A machine that is busy for a quarter of a second may take the first of them for gone.
    eventually("the answer arrives", || {
        let mut client = proxy.connect();
        client.send(Request::get("/").bytes()).finish();
        client.rest().ends_with(b"page")
    });
}

#[test]
fn a_client_that_leaves_inside_an_answer_ends_the_work() {
    let (origin, ended) = told_end(|peer| {
        peer.request();
        peer.send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n");
    });
    let proxy = to(&origin, "");
    let mut client = proxy.connect();
    client.send(Request::get("/").bytes());
    client.head();
    assert_eq!(client.chunk().as_deref(), Some(&b"hi"[..]));
    drop(client);
    ended.recv_timeout(PATIENCE).expect("the application is told");
}

#[test]
fn a_client_that_leaves_inside_a_request_that_streams_ends_the_work() {
    let (origin, ended) = told_end(|peer| drop(peer.head()));
    let proxy = Proxy::site(&format!(
        "[[site.location]]\nmatch = \"/\"\nproxy = \"http://{}\"\nbuffer_request = false\n",
        origin.address()
    ))
    .start();
    let mut client = proxy.connect();
    client.send("POST /part HTTP/1.1\r\nHost: localhost\r\nContent-Length: 10\r\n\r\nhalf");
    drop(client);
    ended.recv_timeout(PATIENCE).expect("the application is told");
    assert_eq!(origin.requests().len(), 0, "half a request is none");
    proxy.wait_for_access("POST /part HTTP/1.1\"");
}
