//! What becomes of a request when the application fails: the status, the cause's name in the log, and a
//! page that tells a stranger nothing about the inside.

use std::io::{ErrorKind, Read};
use std::net::{SocketAddr, TcpListener};
use std::os::unix::net::UnixListener;
use std::sync::{Mutex, mpsc};

use crate::support::{Origin, Proxy, Request, Response, Transport};

/// A proxy in front of one server, with a limit that tests can wait for.
fn proxy_to(address: &str) -> Proxy {
    Proxy::site(&format!(
        "[[site.location]]\nmatch = \"/\"\nproxy = \"app\"\n\n\
         [upstream.app]\nservers = [\"{address}\"]\ntimeouts = {{ connect = \"1s\", send = \"1s\", read = \"1s\" }}\n\
         retry = {{ window = \"0s\" }}\n"
    ))
    .start()
}

/// An application that answers its first request with these bytes and closes.
fn saying(reply: impl Into<Vec<u8>>) -> Origin {
    let reply = reply.into();
    Origin::new(Transport::Tcp, move |peer| {
        peer.request();
        peer.send(&reply);
    })
}

/// One request fails as it should.
fn refused(address: &str, status: u16, cause: &str) {
    let proxy = proxy_to(address);
    let response = proxy.get("/page");
    assert_eq!(response.status, status, "{}", response.text());
    assert_discreet(&response, address);
    let line = proxy.wait_for_log(cause);
    assert!(line.contains(address.trim_start_matches("unix:")), "the operator is told where: {line}");
    proxy.wait_for_access(&format!(" {status} "));
}

/// The page names neither addresses nor paths nor system errors.
fn assert_discreet(response: &Response, address: &str) {
    let page = response.text();
    assert!(
        response.header("content-type").is_some_and(|kind| kind.starts_with("text/plain")),
        "{response:?}"
    );
    assert!(!page.is_empty() && page.len() < 300, "{page}");
    let internals = [address, "unix:", "/tmp", "127.0.0.1", "os error", "errno", "app.sock", "upstream"];
    for internal in internals {
        assert!(!page.contains(internal), "`{internal}` is in the page: {page}");
    }
}

#[test]
fn a_socket_that_is_missing() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("app.sock");
    refused(&format!("unix:{}", path.display()), 502, "socket-missing");
}

#[test]
fn a_socket_whose_path_leads_through_a_file() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("file"), "").unwrap();
    refused(&format!("unix:{}/file/app.sock", folder.path().display()), 502, "socket-missing");
}

#[test]
fn a_socket_that_nobody_listens_on_any_more() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("app.sock");
    drop(UnixListener::bind(&path).unwrap());
    refused(&format!("unix:{}", path.display()), 502, "connect-refused");
}

#[test]
fn a_port_that_refuses() {
    // Bound but not listening: refuses, and nobody else can take the port.
    let socket = socket2::Socket::new(socket2::Domain::IPV4, socket2::Type::STREAM, None).unwrap();
    socket.bind(&SocketAddr::from(([127, 0, 0, 1], 0)).into()).unwrap();
    let address = socket.local_addr().unwrap().as_socket().unwrap();
    refused(&address.to_string(), 502, "connect-refused");
}

#[test]
fn a_server_that_never_accepts() {
    // The kernel completes the handshake, so this is silence rather than a refusal.
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    refused(&listener.local_addr().unwrap().to_string(), 504, "first-byte-timeout");
}

#[test]
fn an_application_that_is_silent() {
    refused(Origin::hanging().address(), 504, "first-byte-timeout");
}

#[test]
fn an_application_that_stops_inside_the_head() {
    let origin = Origin::new(Transport::Tcp, |peer| {
        peer.request();
        peer.send("HTTP/1.1 200 OK\r\nContent-Le");
        peer.wait_for_close();
    });
    refused(origin.address(), 504, "upstream-read-timeout");
}

#[test]
fn an_application_that_closes_before_it_answers() {
    refused(Origin::closing().address(), 502, "closed-before-answer");
}

#[test]
fn an_application_that_closes_inside_the_head() {
    refused(saying("HTTP/1.1 200 OK\r\nContent-Le").address(), 502, "closed-before-answer");
}

#[test]
fn a_post_is_never_sent_twice() {
    let origin = Origin::closing();
    let proxy = proxy_to(origin.address());
    assert_eq!(proxy.send(&Request::post("/pay", "100")).status, 502);
    proxy.wait_for_log("closed-before-answer");
    assert_eq!(origin.requests().len(), 1);
}

#[test]
fn an_answer_that_is_not_http() {
    for reply in [
        "SSH-2.0-OpenSSH_9.6\r\n\r\n",
        "<html>hello</html>\r\n\r\n",
        "\x15\x03\x01\x00\x02\x02\x46\r\n\r\n",
        "HTTP/2.0 200 OK\r\n\r\n",
        "HTTP/1.1 99 Low\r\n\r\n",
        "HTTP/1.1 20 OK\r\n\r\n",
        "HTTP/1.1 abc OK\r\n\r\n",
        "HTTP/1.1 200 OK\r\nNo colon\r\n\r\n",
        "HTTP/1.1 200 OK\r\nX-A : b\r\nContent-Length: 0\r\n\r\n",
        "HTTP/1.1 200 OK\r\nX-A: b\0c\r\nContent-Length: 0\r\n\r\n",
        "HTTP/1.1 200 OK\r\nX-A: b\rc\r\nContent-Length: 0\r\n\r\n",
    ] {
        refused(saying(reply).address(), 502, "malformed-response");
    }
}

#[test]
fn an_answer_with_two_meanings() {
    for fields in [
        "Content-Length: 5\r\nTransfer-Encoding: chunked",
        "Transfer-Encoding: chunked\r\nContent-Length: 5",
        "Content-Length: 5\r\nContent-Length: 6",
        "Content-Length: +5",
        "Content-Length: 5x",
        "Content-Length: 18446744073709551621",
        "Transfer-Encoding: xchunked",
        "Transfer-Encoding: chunked, chunked",
        "Transfer-Encoding: chunked\r\nTransfer-Encoding: identity",
    ] {
        let reply = format!("HTTP/1.1 200 OK\r\n{fields}\r\n\r\n0\r\n\r\n");
        refused(saying(reply).address(), 502, "malformed-response");
    }
}

#[test]
fn an_answer_whose_header_is_too_large() {
    let long = format!("X-A: {}\r\n", "b".repeat(100 * 1024));
    let many = "Set-Cookie: a=b\r\n".repeat(300);
    for fields in [long, many] {
        let reply = format!("HTTP/1.1 200 OK\r\n{fields}Content-Length: 0\r\n\r\n");
        refused(saying(reply).address(), 502, "response-header-too-large");
    }
}

#[test]
fn an_upgrade_nobody_asked_for() {
    let reply = "HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\n";
    refused(saying(reply).address(), 502, "unasked-upgrade");
}

#[test]
fn interim_answers_without_end() {
    refused(saying("HTTP/1.1 100 Continue\r\n\r\n".repeat(10_000)).address(), 502, "malformed-response");
}

#[test]
fn interim_answers_are_never_the_final_one() {
    let early = "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 102 Processing\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n";
    let origin = saying(format!("{early}HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nfinal"));
    let response = proxy_to(origin.address()).get("/page");
    assert_eq!((response.status, response.text()), (200, "final"));
    // 100 answers an expectation that this client did not have.
    assert_eq!(response.interim, [102, 103]);
}

#[test]
fn interim_answers_do_not_reach_http_1_0() {
    let origin =
        saying("HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
    let proxy = proxy_to(origin.address());
    let response = proxy.connect().send("GET / HTTP/1.0\r\n\r\n").response();
    assert_eq!((response.status, response.interim), (200, vec![]));
}

#[test]
fn an_answer_with_a_length_that_breaks_off() {
    let origin = saying("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhello");
    let proxy = proxy_to(origin.address());
    let mut client = proxy.connect();
    let head = client.send(Request::get("/page").bytes()).head();
    assert_eq!(head.header("content-length"), Some("10"));
    assert!(client.rest().len() < 10);
    proxy.wait_for_log("response-cut-short");
}

#[test]
fn a_chunked_answer_that_breaks_off() {
    for end in
        ["", "5\r\nwor", "5\r\nworld", "5\r\nworld\r\n", "5\r\nworld\r\n0\r\n", "zz\r\nworld\r\n0\r\n\r\n"]
    {
        let origin =
            saying(format!("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n{end}"));
        let proxy = proxy_to(origin.address());
        let mut client = proxy.connect();
        let head = client.send(Request::get("/page").bytes()).head();
        assert_eq!(head.header("transfer-encoding"), Some("chunked"));
        let rest = client.rest();
        assert!(!rest.ends_with(b"0\r\n\r\n"), "a whole answer after `{end}`: {}", rest.escape_ascii());
        proxy.wait_for_log("response-cut-short");
    }
}

/// HTTP/1.0 knows no chunks, and a plain end would look like success.
#[test]
fn a_broken_answer_resets_an_http_1_0_connection() {
    let origin = saying("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n");
    let proxy = proxy_to(origin.address());
    let mut client = proxy.connect();
    client.send("GET /page HTTP/1.0\r\n\r\n");
    let mut stream = client.stream().try_clone();
    let error =
        stream.read_to_end(&mut Vec::new()).expect_err("the connection ended as if the answer were whole");
    assert_eq!(error.kind(), ErrorKind::ConnectionReset);
}

#[test]
fn an_answer_that_stalls_in_its_body() {
    let origin = Origin::new(Transport::Tcp, |peer| {
        peer.request();
        peer.send("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhello");
        peer.wait_for_close();
    });
    let proxy = proxy_to(origin.address());
    let mut client = proxy.connect();
    assert_eq!(client.send(Request::get("/page").bytes()).head().status, 200);
    assert!(client.rest().len() < 10);
    proxy.wait_for_log("upstream-read-timeout");
}

/// Response queue poisoning: what an application says beyond its answer must not wait for the next client.
#[test]
fn a_second_answer_is_for_nobody() {
    let origin = Origin::new(Transport::Tcp, |peer| {
        while peer.request().is_some() {
            peer.send(
                "HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nmineHTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil",
            );
        }
    });
    let proxy = proxy_to(origin.address());
    for _ in 0..20 {
        assert_eq!(proxy.get("/page").text(), "mine");
    }
    assert_eq!(origin.connections(), 20, "a connection with stray bytes is used again");
}

#[test]
fn bytes_that_come_while_a_connection_is_idle_are_for_nobody() {
    const MINE: &str = "HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nmine";
    // One side says when, the other when it is done: sent earlier or later, the bytes would be an answer.
    let (say, told) = mpsc::channel();
    let (done, said) = mpsc::channel();
    let script = Mutex::new((told, done));
    let origin = Origin::new(Transport::Tcp, move |peer| {
        peer.request();
        peer.send(MINE);
        if peer.number() == 0 {
            let script = script.lock().unwrap();
            let () = script.0.recv().unwrap();
            peer.send(MINE.replace("mine", "evil"));
            script.1.send(()).unwrap();
        }
        while peer.request().is_some() {
            peer.send(MINE);
        }
    });
    let proxy = proxy_to(origin.address());
    assert_eq!(proxy.get("/page").text(), "mine");
    say.send(()).unwrap();
    said.recv().unwrap();
    for _ in 0..3 {
        assert_eq!(proxy.get("/page").text(), "mine");
    }
}

#[test]
fn an_answer_without_a_body_has_none() {
    for status in ["204 No Content", "304 Not Modified"] {
        let origin = Origin::answering(format!("HTTP/1.1 {status}\r\n\r\n"));
        let proxy = proxy_to(origin.address());
        let mut client = proxy.connect();
        for _ in 0..2 {
            assert_eq!(client.exchange(&Request::get("/page")).body, b"");
        }
    }
}
