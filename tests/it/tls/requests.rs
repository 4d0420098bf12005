use std::sync::Mutex;
use std::sync::mpsc::channel;

use rustls::version::{TLS12, TLS13};

use super::{answering, connect, get, saying, site};
use crate::support::tls::Options;
use crate::support::{Client, Origin, PATIENCE, Proxy, Request, Response, Tls, Transport};

fn versions() -> [Tls; 2] {
    [&[&TLS12][..], &[&TLS13]]
        .map(|versions| Tls::with("localhost", Options { versions: Some(versions), ..Options::default() }))
}

#[test]
fn a_request_tells_what_was_agreed_on() {
    let proxy = answering("$scheme $ssl_protocol $ssl_server_name $ssl_client_verify$ssl_client_s_dn");
    let [old, new] = versions();
    assert_eq!(get(&proxy, &old, "/").text(), "https TLSv1.2 localhost NONE");
    assert_eq!(get(&proxy, &new, "/").text(), "https TLSv1.3 localhost NONE");
}

#[test]
fn a_large_file_arrives_whole_at_a_client_that_reads_slowly() {
    let content: Vec<u8> = (0..3_000_000_u32).flat_map(u32::to_be_bytes).collect();
    let proxy = Proxy::config(&(site("", "") + "[[site.location]]\nmatch = \"/\"\nfiles = \"www\"\n"))
        .file("www/large", &content)
        .start();
    for tls in versions() {
        let mut client = connect(&proxy, &tls);
        client.send(Request::get("/large").bytes());
        let head = client.head();
        assert_eq!(head.header("content-length"), Some("12000000"));
        let mut received = Vec::new();
        while received.len() < content.len() {
            received.extend(client.take(content.len().min(received.len() + 100_001) - received.len()));
        }
        assert!(received == content, "every byte is the file's");
        client.send(Request::get("/large").header("Range", "bytes=4-11,11999996-").bytes());
        assert_eq!(client.response().status, 206);
    }
}

#[test]
fn an_upload_reaches_the_application_with_the_clients_scheme() {
    let origin = Origin::echo();
    let location = format!(
        "[[site.location]]\nmatch = \"/\"\nproxy = \"app\"\n\n[upstream.app]\nservers = [\"{}\"]\n",
        origin.address()
    );
    let proxy = Proxy::config(&(site("", "") + &location)).start();
    let body: Vec<u8> = (0..400_000_u32).flat_map(u32::to_le_bytes).collect();
    for tls in versions() {
        let response = connect(&proxy, &tls)
            .exchange(&Request::post("/", body.clone()).header("X-Forwarded-Proto", "http"));
        assert_eq!(response.status, 200);
    }
    for received in origin.requests() {
        assert_eq!(received.header_values("x-forwarded-proto"), ["https"]);
        assert_eq!(received.header_values("x-forwarded-port"), ["443"]);
        assert!(received.body == body, "every byte is the client's");
    }
}

#[test]
fn many_requests_one_behind_the_other_are_answered_in_order() {
    let proxy = answering("$request_uri");
    let mut client = connect(&proxy, &Tls::to("localhost"));
    let all: Vec<u8> = (0..500).flat_map(|index| Request::get(&format!("/{index}")).bytes()).collect();
    client.send(all);
    for index in 0..500 {
        assert_eq!(client.response().text(), format!("/{index}"));
    }
}

#[test]
fn a_websocket_is_a_tunnel() {
    let origin = Origin::new(Transport::Tcp, |peer| {
        peer.request().unwrap();
        peer.send(
            "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\nearly",
        );
        loop {
            let bytes = peer.some();
            if bytes.is_empty() {
                return;
            }
            peer.send(bytes);
        }
    });
    let location = format!("[[site.location]]\nmatch = \"/\"\nproxy = \"http://{}\"\n", origin.address());
    let proxy = Proxy::config(&(site("", "") + &location)).start();
    let mut client = connect(&proxy, &Tls::to("localhost"));
    client.send(Request::get("/").header("Connection", "Upgrade").header("Upgrade", "websocket").bytes());
    assert_eq!(client.head().status, 101);
    assert_eq!(client.take(5), b"early");
    let large: Vec<u8> = (0..100_000_u32).flat_map(u32::to_le_bytes).collect();
    for part in large.chunks(10_000) {
        client.send(part);
        assert!(client.take(part.len()) == part);
    }
}

#[test]
fn a_streamed_answer_arrives_piece_by_piece() {
    let (go, told) = channel::<()>();
    let told = Mutex::new(told);
    let origin = Origin::new(Transport::Tcp, move |peer| {
        peer.request().unwrap();
        peer.send("HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n");
        for _ in 0..3 {
            peer.send("6\r\nevent\n\r\n");
            told.lock().unwrap().recv_timeout(PATIENCE).unwrap();
        }
        peer.send("0\r\n\r\n");
    });
    let location = format!("[[site.location]]\nmatch = \"/\"\nproxy = \"http://{}\"\n", origin.address());
    let proxy = Proxy::config(&(site("", "") + &location)).start();
    let mut client = connect(&proxy, &Tls::to("localhost"));
    client.send(Request::get("/").bytes());
    assert_eq!(client.head().status, 200);
    for _ in 0..3 {
        assert_eq!(client.chunk().as_deref(), Some(&b"event\n"[..]));
        go.send(()).unwrap();
    }
    assert_eq!(client.chunk(), None);
}

#[test]
fn an_answer_that_is_cut_short_does_not_look_whole() {
    let origin = Origin::new(Transport::Tcp, |peer| {
        peer.request().unwrap();
        peer.send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhalf \r\n");
    });
    let location = format!("[[site.location]]\nmatch = \"/\"\nproxy = \"http://{}\"\n", origin.address());
    let proxy = Proxy::config(&(site("", "") + &location)).start();
    let mut client = connect(&proxy, &Tls::to("localhost"));
    client.send("GET / HTTP/1.0\r\nHost: localhost\r\n\r\n");
    assert_eq!(client.head().status, 200);
    assert_eq!(client.take(5), b"half ");
    // The end of the connection is that of the body here: with a farewell it would look whole.
    let error = client.read_some(&mut [0]).unwrap_err();
    assert_ne!(error.kind(), std::io::ErrorKind::WouldBlock, "{error}");
}

/// The same site by plain HTTP and over TLS.
fn both(tls: &str, rest: &str) -> Proxy {
    let rest = format!("listen = [\"127.0.0.2:0\"]\n{rest}");
    Proxy::config(&(site(tls, &rest) + &saying("$scheme"))).start()
}

fn plainly(proxy: &Proxy, request: &Request) -> Response {
    let address = proxy.addresses().iter().find(|address| address.starts_with("127.0.0.2:")).unwrap();
    Client::connect(address).exchange(request)
}

fn securely(proxy: &Proxy, request: &Request) -> Response {
    let address = proxy.addresses().iter().find(|address| address.starts_with("127.0.0.1:")).unwrap();
    Client::over_tls(&Tls::to("localhost"), address.parse().unwrap()).unwrap().exchange(request)
}

#[test]
fn plain_http_is_sent_to_the_same_place_over_tls() {
    let proxy = both("", "https_only = true");
    let response = plainly(&proxy, &Request::get("/a%20b?c=d").header("Host", "LocalHost:8080"));
    assert_eq!(response.status, 308);
    assert_eq!(response.header("location"), Some("https://localhost/a%20b?c=d"));
    assert_eq!(securely(&proxy, &Request::get("/").header("Host", "localhost")).text(), "https");
}

#[test]
fn strict_transport_security_is_for_answers_over_tls() {
    let proxy = both("hsts = { max_age = \"1y\", subdomains = true, preload = true }", "");
    let request = Request::get("/").header("Host", "localhost");
    let strict = "max-age=31536000; includeSubDomains; preload";
    assert_eq!(securely(&proxy, &request).header("strict-transport-security"), Some(strict));
    assert_eq!(plainly(&proxy, &request).header("strict-transport-security"), None);
}

#[test]
fn what_authorities_ask_for_is_asked_by_plain_http() {
    let proxy = both("", "https_only = true");
    let request = |path: &str| Request::get(path).header("Host", "localhost");
    assert_eq!(plainly(&proxy, &request("/.well-known/acme-challenge/token")).text(), "http");
    assert_eq!(plainly(&proxy, &request("/.well-known/other")).status, 308);
}

#[test]
fn where_https_is_wanted_nobody_is_answered_without_it() {
    let config = format!(
        "[[site]]\nlisten = [\"127.0.0.2:0\"]\nlisten_tls = [\"127.0.0.1:0\"]\nhttps_only = true\n[site.tls]\n{}{}",
        crate::support::tls::identity("localhost"),
        saying("here")
    );
    let proxy = Proxy::config(&config).start();
    let address = proxy.addresses().iter().find(|address| address.starts_with("127.0.0.2:")).unwrap();
    let response = Client::connect(address).send("GET / HTTP/1.0\r\n\r\n").response();
    assert_eq!(response.status, 400);
    let response = Client::connect(address).send("OPTIONS * HTTP/1.1\r\nHost: a.test\r\n\r\n").response();
    assert_eq!(response.header("location"), Some("https://a.test/"));
}

#[test]
fn the_last_bytes_of_a_tunnel_arrive_however_late_they_are_read() {
    let origin = Origin::new(Transport::Tcp, |peer| {
        peer.request().unwrap();
        peer.send("HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n");
        // More than all buffers on the way hold.
        peer.send(vec![7; 12_000_000]);
    });
    let location = format!("[[site.location]]\nmatch = \"/\"\nproxy = \"http://{}\"\n", origin.address());
    let proxy = Proxy::config(&(site("", "") + &location)).start();
    for _ in 0..10 {
        let mut client = connect(&proxy, &Tls::to("localhost"));
        client.send(Request::get("/").header("Connection", "Upgrade").header("Upgrade", "websocket").bytes());
        assert_eq!(client.head().status, 101);
        client.finish();
        assert_eq!(client.rest().len(), 12_000_000);
    }
}
