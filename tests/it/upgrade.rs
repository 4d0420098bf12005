//! WebSocket and its like pass through without a key in the configuration; nothing else does.

use std::sync::Mutex;
use std::sync::mpsc::channel;

use crate::support::{Client, Origin, PATIENCE, Proxy, Request, Transport, over_tcp_and_unix};

const SWITCHING: &str = "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
                         Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n";

fn handshake(path: &str) -> Request {
    Request::get(path)
        .header("Connection", "keep-alive, Upgrade")
        .header("Upgrade", "websocket")
        .header("Sec-WebSocket-Version", "13")
        .header("Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ==")
}

/// Sends back what it gets, with a word of its own in front.
fn echo(transport: Transport) -> Origin {
    Origin::new(transport, |peer| {
        let request = peer.request().unwrap();
        if request.header("upgrade").is_none() || request.request_line().contains("/hang") {
            return peer.wait_for_close();
        }
        peer.send(SWITCHING).send("early;");
        loop {
            let bytes = peer.some();
            if bytes.is_empty() {
                return;
            }
            peer.send(bytes);
        }
    })
}

fn open(proxy: &Proxy) -> Client {
    let mut client = proxy.connect();
    client.send(handshake("/ws").bytes());
    let response = client.head();
    assert_eq!(response.status, 101);
    assert_eq!(response.header("upgrade"), Some("websocket"));
    assert_eq!(response.header("connection").map(str::to_ascii_lowercase).as_deref(), Some("upgrade"));
    assert_eq!(response.header("sec-websocket-accept"), Some("s3pPLMBiTxaQ9kYGzzhZRbK+xOo="));
    assert_eq!(response.header("content-length"), None);
    assert_eq!(client.take(6), b"early;");
    client
}

over_tcp_and_unix!(a_websocket_is_a_tunnel);

fn a_websocket_is_a_tunnel(transport: Transport) {
    let origin = echo(transport);
    let proxy = Proxy::to(origin.address()).start();
    let mut client = open(&proxy);
    let received = origin.wait_for_request(1);
    assert_eq!(received.header("upgrade"), Some("websocket"));
    assert_eq!(received.header("connection").map(str::to_ascii_lowercase).as_deref(), Some("upgrade"));
    assert_eq!(received.header("sec-websocket-key"), Some("dGhlIHNhbXBsZSBub25jZQ=="));
    assert_eq!(received.header("sec-websocket-version"), Some("13"));
    for message in ["ping", "\u{0}\u{1}binary", "GET / HTTP/1.1\r\n\r\n"] {
        client.send(message);
        assert_eq!(client.take(message.len()), message.as_bytes());
    }
}

#[test]
fn much_passes_through_a_tunnel_both_ways_at_once() {
    let origin = echo(Transport::Tcp);
    let proxy = Proxy::to(origin.address()).start();
    let mut client = open(&proxy);
    let sent: Vec<u8> = (0..20_000_000_u32).map(|at| u8::try_from(at % 251).unwrap()).collect();
    let mut writer = client.stream().try_clone();
    std::thread::scope(|scope| {
        scope.spawn(|| std::io::Write::write_all(&mut writer, &sent).unwrap());
        assert!(client.take(sent.len()) == sent);
    });
}

#[test]
fn what_a_client_sends_with_its_handshake_goes_to_the_tunnel() {
    let origin = echo(Transport::Tcp);
    let proxy = Proxy::to(origin.address()).start();
    let mut client = proxy.connect();
    client.send([handshake("/ws").bytes(), b"hasty".to_vec()].concat());
    assert_eq!(client.head().status, 101);
    assert_eq!(client.take(11), b"early;hasty");
}

#[test]
fn either_end_of_a_tunnel_is_passed_on() {
    let (ended, told) = channel();
    let ended = Mutex::new(ended);
    let origin = Origin::new(Transport::Tcp, move |peer| {
        let request = peer.request().unwrap();
        peer.send(SWITCHING);
        if request.request_line().contains("/bye") {
            return;
        }
        peer.wait_for_close();
        ended.lock().unwrap().send(()).unwrap();
    });
    let proxy = Proxy::to(origin.address()).start();
    let mut client = proxy.connect();
    client.send(handshake("/bye").bytes());
    assert_eq!(client.head().status, 101);
    assert!(client.is_closed(), "the application hung up");
    let mut client = proxy.connect();
    client.send(handshake("/ws").bytes());
    assert_eq!(client.head().status, 101);
    drop(client);
    told.recv_timeout(PATIENCE).expect("the application is told that the client hung up");
}

/// The limits of requests are none for a tunnel: chat may be silent for long.
#[test]
fn a_silent_tunnel_outlives_the_limits_of_requests() {
    let origin = echo(Transport::Tcp);
    let proxy = Proxy::site(&format!(
        "[site.timeouts]\nkeep_alive = \"100ms\"\nheader = \"100ms\"\nbody = \"100ms\"\nsend = \"100ms\"\n\
         [[site.location]]\nmatch = \"/\"\nproxy = \"app\"\n[upstream.app]\nservers = [\"{}\"]\n\
         timeouts = {{ read = \"100ms\", send = \"100ms\" }}\n",
        origin.address()
    ))
    .start();
    let mut client = open(&proxy);
    for _ in 0..3 {
        // Each takes as long as the limit, meanwhile.
        assert_eq!(proxy.get("/hang").status, 504);
    }
    client.send("still here");
    assert_eq!(client.take(10), b"still here");
}

#[test]
fn an_upgrade_may_be_declined() {
    let origin = Origin::ok("plain");
    let proxy = Proxy::to(origin.address()).start();
    let mut client = proxy.connect();
    assert_eq!(client.exchange(&handshake("/")).text(), "plain");
    assert_eq!(client.exchange(&Request::get("/")).text(), "plain");
}

/// HTTP/2 inside a tunnel would pass every rule of the configuration.
#[test]
fn h2c_is_never_passed_on() {
    let origin = Origin::ok("plain");
    let proxy = Proxy::to(origin.address()).start();
    for (count, upgrade) in ["h2c", "H2C", "h2c, websocket"].iter().enumerate() {
        let request =
            Request::get("/").header("Connection", "Upgrade, HTTP2-Settings").header("Upgrade", upgrade);
        assert_eq!(proxy.send(&request.header("HTTP2-Settings", "AAMAAABkAAQAAP__")).text(), "plain");
        let received = origin.wait_for_request(count + 1);
        assert!(!received.head.to_ascii_lowercase().contains("h2c"), "{}", received.head);
        assert_eq!(received.header("http2-settings"), None);
    }
}

#[test]
fn an_upgrade_with_a_body_is_an_ordinary_request() {
    let origin = Origin::ok("plain");
    let proxy = Proxy::to(origin.address()).start();
    let mut client = proxy.connect();
    assert_eq!(client.exchange(&handshake("/").body("body")).text(), "plain");
    assert_eq!(origin.wait_for_request(1).body, b"body");
    assert_eq!(client.exchange(&Request::get("/")).text(), "plain");
}
