use std::io::Write;
use std::net::SocketAddr;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use ::http::Method;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use super::*;
use crate::http::{Body, Cause, FileRange, Response, Tried};
use crate::net::UpstreamAddr;
use crate::upstream::testing::{
    Act, RETRY, SETTINGS, Server, channel, data, dialer, get, over as over_servers, request, send,
};
use crate::upstream::{Conditions, RetryRules, Server as Member, Settings};

mod replays;
mod waiting;

const OK: &str = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";

fn proxy(servers: &[SocketAddr]) -> Proxy {
    over(dialer(servers, SETTINGS))
}

fn over(dialer: Rc<Dialer>) -> Proxy {
    Proxy::new(dialer, HeaderRules::default(), true)
}

async fn answer(proxy: &Proxy, request: Request) -> Result<Response, Fault> {
    proxy.handle(request.into()).await.map(|outcome| match outcome {
        Outcome::Response(response) => response,
        other => panic!("no response: {other:?}"),
    })
}

fn addresses(tried: &Tried) -> String {
    let mut text = Vec::new();
    tried.write_addresses(&mut text);
    String::from_utf8(text).unwrap()
}

/// An address where nothing listens.
fn dead() -> SocketAddr {
    std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap()
}

/// A server that answers a first request, and closes when it has read a second one.
async fn forgetful() -> Server {
    let first = vec![Act::Head, send(OK), Act::Head];
    Server::start([first, vec![Act::Head, send(OK)]]).await
}

#[tokio::test(flavor = "local")]
async fn servers_take_turns() {
    let script = || vec![Act::Head, send(OK), Act::Head, send(OK)];
    let (a, b) = (Server::start([script()]).await, Server::start([script()]).await);
    let proxy = proxy(&[a.addr, b.addr]);
    let mut tried = Vec::new();
    for _ in 0..4 {
        tried.push(addresses(&answer(&proxy, get()).await.unwrap().trace.upstream.unwrap()));
    }
    let [a, b] = [a.addr.to_string(), b.addr.to_string()];
    assert_eq!(tried, [a.clone(), b.clone(), a, b]);
}

#[tokio::test(flavor = "local")]
async fn the_next_server_is_tried_when_one_cannot_be_reached() {
    let server = Server::start([vec![Act::Until("hello"), send(OK)]]).await;
    let dead = dead();
    let proxy = proxy(&[dead, server.addr]);
    let (pieces, body) = channel(Some(5));
    pieces.send(data("hello")).unwrap();
    let response = answer(&proxy, request(Method::POST, &[], body)).await.unwrap();
    assert_eq!(response.status, 200);
    assert_eq!(addresses(response.trace.upstream.as_ref().unwrap()), format!("{dead}, {}", server.addr));
    let mut statuses = Vec::new();
    response.trace.upstream.unwrap().write_statuses(&mut statuses);
    assert_eq!(statuses, b"502, 200");
}

#[tokio::test(flavor = "local")]
async fn each_server_is_tried_once() {
    let servers = [dead(), dead(), dead()];
    let fault = answer(&proxy(&servers), get()).await.unwrap_err();
    assert_eq!(fault.cause, Cause::ConnectRefused);
    let tried = addresses(&fault.upstream.unwrap());
    for server in servers {
        assert_eq!(tried.matches(&server.to_string()).count(), 1, "{tried}");
        assert!(fault.detail.contains(&server.to_string()), "{}", fault.detail);
    }
}

#[tokio::test(flavor = "local")]
async fn an_upstream_without_servers_says_so() {
    let fault = answer(&proxy(&[]), get()).await.unwrap_err();
    assert_eq!(fault.cause, Cause::NoServer);
    assert!(fault.detail.contains("`app`"));
}

#[tokio::test(flavor = "local")]
async fn an_idempotent_request_is_repeated_when_a_kept_connection_was_closed() {
    for method in [Method::GET, Method::PUT] {
        let server = forgetful().await;
        let proxy = proxy(&[server.addr]);
        answer(&proxy, get()).await.unwrap();
        let response = answer(&proxy, request(method, &[], Body::from("x"))).await.unwrap();
        assert_eq!(response.status, 200);
        assert_eq!(server.connections(), 2);
    }
}

#[tokio::test(flavor = "local")]
async fn a_body_on_disk_is_repeated_from_its_beginning() {
    for method in [Method::PUT, Method::DELETE] {
        let first = vec![Act::Head, send(OK), Act::Until("on disk")];
        let server = Server::start([first, vec![Act::Until("on disk"), send(OK)]]).await;
        let proxy = proxy(&[server.addr]);
        answer(&proxy, get()).await.unwrap();
        let mut file = tempfile::tempfile().unwrap();
        file.write_all(b"on disk").unwrap();
        let range = FileRange { file: Arc::new(file), offset: 0, length: 7 };
        let response = answer(&proxy, request(method, &[], Body::File(range))).await.unwrap();
        assert_eq!(response.status, 200);
        for connection in 0..2 {
            let received = server.received(connection);
            assert!(received.ends_with("Content-Length: 7\r\n\r\non disk"), "{received}");
        }
    }
}

#[tokio::test(flavor = "local")]
async fn a_post_is_never_sent_twice() {
    let server = forgetful().await;
    let proxy = proxy(&[server.addr]);
    answer(&proxy, get()).await.unwrap();
    let fault = answer(&proxy, request(Method::POST, &[], Body::from("x"))).await.unwrap_err();
    assert_eq!(fault.cause, Cause::ReusedConnectionClosed);
    assert_eq!(server.connections(), 1);
}

#[tokio::test(flavor = "local")]
async fn a_body_that_was_begun_is_not_repeated() {
    let server = forgetful().await;
    let proxy = proxy(&[server.addr]);
    answer(&proxy, get()).await.unwrap();
    let (pieces, body) = channel(Some(5));
    pieces.send(data("hello")).unwrap();
    let fault = answer(&proxy, request(Method::PUT, &[], body)).await.unwrap_err();
    assert_eq!(fault.cause, Cause::ReusedConnectionClosed);
    assert_eq!(server.connections(), 1);
}

#[tokio::test(flavor = "local")]
async fn a_body_that_was_not_begun_is() {
    let first = vec![Act::Head, send(OK), Act::Head];
    let server = Server::start([first, vec![Act::Until("hello"), send(OK)]]).await;
    let proxy = proxy(&[server.addr]);
    answer(&proxy, get()).await.unwrap();
    let (pieces, body) = channel(Some(5));
    let (response, ()) = tokio::join!(answer(&proxy, request(Method::PUT, &[], body)), async {
        // The client sends its body once the second connection has the head.
        while server.connections() < 2 {
            tokio::task::yield_now().await;
        }
        pieces.send(data("hello")).unwrap();
    });
    assert_eq!(response.unwrap().status, 200);
}

#[tokio::test(flavor = "local")]
async fn a_connection_closed_while_idle_fails_nobody() {
    let mut server = Server::start([vec![Act::Head, send(OK)]]).await;
    let proxy = proxy(&[server.addr]);
    answer(&proxy, get()).await.unwrap();
    server.played().await;
    // A POST could not be repeated: that the connection ended has to be seen before it is used.
    let fault = answer(&proxy, request(Method::POST, &[], Body::from("x"))).await.unwrap_err();
    assert_eq!(fault.cause, Cause::ConnectRefused);
}

#[tokio::test(flavor = "local")]
async fn a_fresh_connection_that_is_closed_is_final() {
    let server = Server::start([vec![Act::Head], vec![Act::Head, send(OK)]]).await;
    let fault = answer(&proxy(&[server.addr]), get()).await.unwrap_err();
    assert_eq!(fault.cause, Cause::ClosedBeforeAnswer);
    assert_eq!(server.connections(), 1);
    assert_eq!(addresses(&fault.upstream.unwrap()), server.addr.to_string());
}

#[tokio::test(flavor = "local")]
async fn a_time_limit_is_not_tried_at_the_next_server() {
    let slow = Server::start([vec![Act::Head, Act::Hold]]).await;
    let other = Server::start([vec![Act::Head, send(OK)]]).await;
    let settings = Settings { read: Duration::from_millis(30), ..SETTINGS };
    let proxy = over(dialer(&[slow.addr, other.addr], settings));
    assert_eq!(answer(&proxy, get()).await.unwrap_err().cause, Cause::FirstByteTimeout);
    assert_eq!(other.connections(), 0);
}

#[tokio::test(flavor = "local")]
async fn hop_by_hop_fields_stay_with_the_server() {
    let wire =
        "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nKeep-Alive: timeout=5\r\nUpgrade: h2c\r\nX-App: a\r\n\r\nok";
    let server = Server::start([vec![Act::Head, send(wire)]]).await;
    let response = answer(&proxy(&[server.addr]), get()).await.unwrap();
    assert!(!response.headers.contains_key("keep-alive") && !response.headers.contains_key("upgrade"));
    assert_eq!(response.headers["x-app"], "a");
}

#[tokio::test(flavor = "local")]
async fn a_head_answer_keeps_the_length_it_tells() {
    let server = Server::start([vec![Act::Head, send("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n")]]).await;
    let response = answer(&proxy(&[server.addr]), request(Method::HEAD, &[], Body::Empty)).await.unwrap();
    assert_eq!(response.headers["content-length"], "5");
    assert!(matches!(response.body, Body::Empty));
}

#[tokio::test(flavor = "local")]
async fn a_small_answer_is_in_memory_and_its_server_free_again() {
    let server = Server::start([vec![Act::Head, send(OK), Act::Hold]]).await;
    let dialer = dialer(&[server.addr], SETTINGS);
    let response = answer(&over(Rc::clone(&dialer)), get()).await.unwrap();
    assert!(matches!(response.body, Body::Bytes(_)));
    assert_eq!(dialer.upstream().servers[0].endpoint.in_flight(), 0);
}

#[tokio::test(flavor = "local")]
async fn an_upgrade_becomes_a_tunnel_that_counts_until_it_ends() {
    let wire = "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\nearly";
    let server =
        Server::start([vec![Act::Head, send(wire), Act::Until("ping"), send("pong"), Act::Hold]]).await;
    let dialer = dialer(&[server.addr], SETTINGS);
    let request = request(Method::GET, &[("upgrade", "websocket"), ("connection", "upgrade")], Body::Empty);
    let response = answer(&over(Rc::clone(&dialer)), request).await.unwrap();
    assert_eq!(response.status, 101);
    assert_eq!(response.headers["upgrade"], "websocket");
    let Body::Tunnel(mut tunnel) = response.body else { panic!("no tunnel") };
    assert_eq!(&tunnel.early[..], b"early");
    assert_eq!(dialer.upstream().servers[0].endpoint.in_flight(), 1);
    tunnel.io.write_all(b"ping").await.unwrap();
    let mut reply = [0; 4];
    tunnel.io.read_exact(&mut reply).await.unwrap();
    assert_eq!(&reply, b"pong");
    drop(tunnel);
    assert_eq!(dialer.upstream().servers[0].endpoint.in_flight(), 0);
}

/// A proxy to a socket that is not there yet.
fn patient(path: &std::path::Path) -> Proxy {
    let settings = Settings { retry: RetryRules { window: Duration::from_secs(10), ..RETRY }, ..SETTINGS };
    over(over_servers([Member::new(UpstreamAddr::Unix(path.into()))], settings))
}

/// Serves one request on the socket, from some time on.
async fn serve_later(path: &std::path::Path, after: Duration, until: &'static str) {
    tokio::time::sleep(after).await;
    let listener = tokio::net::UnixListener::bind(path).unwrap();
    let (mut stream, _) = listener.accept().await.unwrap();
    let mut received = Vec::new();
    while !String::from_utf8_lossy(&received).contains(until) {
        assert!(stream.read_buf(&mut received).await.unwrap() > 0);
    }
    stream.write_all(OK.as_bytes()).await.unwrap();
}

#[tokio::test(flavor = "local", start_paused = true)]
async fn a_request_waits_for_a_server_that_comes_back() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("app.sock");
    let proxy = patient(&path);
    let (pieces, body) = channel(Some(5));
    pieces.send(data("hello")).unwrap();
    // Not even a POST was seen by anyone.
    let post = request(Method::POST, &[], body);
    let (response, ()) =
        tokio::join!(answer(&proxy, post), serve_later(&path, Duration::from_secs(4), "hello"));
    let response = response.unwrap();
    assert_eq!(response.status, 200);
    assert_eq!(addresses(response.trace.upstream.as_ref().unwrap()), format!("unix:{}", path.display()));
}

#[tokio::test(flavor = "local", start_paused = true)]
async fn a_server_that_stays_away_is_waited_for_in_vain() {
    let folder = tempfile::tempdir().unwrap();
    let begin = tokio::time::Instant::now();
    let fault = answer(&patient(&folder.path().join("app.sock")), get()).await.unwrap_err();
    assert_eq!(begin.elapsed().as_secs(), 10);
    assert_eq!(fault.cause, Cause::SocketMissing);
    assert!(fault.detail.contains("times within 10.0 s"), "{}", fault.detail);
    // Each round would add a copy.
    assert_eq!(fault.detail.matches("connect to").count(), 1, "{}", fault.detail);
}

#[tokio::test(flavor = "local", start_paused = true)]
async fn what_does_not_pass_is_answered_at_once() {
    // The kernel has no room for such a path.
    let proxy = patient(std::path::Path::new(&"/long".repeat(100)));
    let begin = tokio::time::Instant::now();
    assert_eq!(answer(&proxy, get()).await.unwrap_err().cause, Cause::ConnectFailed);
    assert!(begin.elapsed().is_zero());
}

/// As when a server stops whose backlog held the connection: what was sent is reset, unread.
#[tokio::test(flavor = "local", start_paused = true)]
async fn what_was_not_read_is_repeated_if_that_is_harmless() {
    for (method, status) in [(Method::GET, Some(200)), (Method::POST, None)] {
        let server = Server::start([vec![Act::Head, Act::Reset], vec![Act::Head, send(OK)]]).await;
        let on = Conditions { closed: true, ..RETRY.on };
        let settings = Settings { retry: RetryRules { on, ..RETRY }, ..SETTINGS };
        let outcome = answer(&over(dialer(&[server.addr], settings)), request(method, &[], "x".into())).await;
        assert_eq!(outcome.as_ref().ok().map(|response| response.status.as_u16()), status);
        if let Err(fault) = outcome {
            assert_eq!(fault.cause, Cause::ResetBeforeAnswer);
            assert_eq!(server.connections(), 1);
        }
    }
}
