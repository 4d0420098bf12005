use std::cell::RefCell;
use std::fmt::Write;
use std::rc::Rc;
use std::time::Duration;

use ::http::Method;

use super::*;
use crate::http::{Cause, Interim};
use crate::upstream::testing::{Act, SETTINGS, Server, channel, collect, data, dialer, get, request, send};
use crate::upstream::{Dialer, Settings};

/// One exchange, over a kept connection where there is one.
async fn ask(dialer: &Rc<Dialer>, mut request: Request) -> Result<Answer, Fault> {
    let lease = dialer.pick(&[]).unwrap();
    let connection = match lease.reuse() {
        Some(connection) => connection,
        None => lease.connect().await?,
    };
    exchange(&mut request, Line { connection, lease }).await.map_err(|failure| failure.fault)
}

async fn response(dialer: &Rc<Dialer>, request: Request) -> Response {
    match ask(dialer, request).await {
        Ok(Answer::Response(response)) => response,
        other => panic!("no response: {other:?}"),
    }
}

async fn fault(settings: Settings, request: Request, script: Vec<Act>) -> Fault {
    let server = Server::start([script]).await;
    ask(&dialer(&[server.addr], settings), request).await.expect_err("the exchange fails")
}

/// The request's bytes as a server received them.
async fn sent(request: Request, end: &'static str) -> String {
    let server = Server::start([vec![Act::Until(end), send("HTTP/1.1 204 No Content\r\n\r\n")]]).await;
    response(&dialer(&[server.addr], SETTINGS), request).await;
    server.received(0)
}

const HEAD: &str = "/a?b=c HTTP/1.1\r\nhost: Example.com\r\n";

#[tokio::test(flavor = "local")]
async fn a_request_is_written_anew() {
    let fields = [
        ("accept", "*/*"),
        ("content-length", "99"),
        ("transfer-encoding", "gzip"),
        ("connection", "x, close"),
        ("expect", "100-continue"),
        ("host", "other"),
        ("keep-alive", "5"),
        ("trailer", "x"),
        ("te", "gzip"),
    ];
    let request = request(Method::GET, &fields, Body::Empty);
    assert_eq!(sent(request, "\r\n\r\n").await, format!("GET {HEAD}accept: */*\r\n\r\n"));
}

#[tokio::test(flavor = "local")]
async fn bodies_are_framed_by_what_is_known_of_them() {
    let bytes = request(Method::POST, &[], Body::from("hello"));
    assert_eq!(sent(bytes, "hello").await, format!("POST {HEAD}content-length: 5\r\n\r\nhello"));
    let none = request(Method::POST, &[], Body::Empty);
    assert_eq!(sent(none, "\r\n\r\n").await, format!("POST {HEAD}content-length: 0\r\n\r\n"));
    let (pieces, body) = channel(Some(5));
    for piece in ["he", "llo"] {
        pieces.send(data(piece)).unwrap();
    }
    let exact = request(Method::PUT, &[], body);
    assert_eq!(sent(exact, "hello").await, format!("PUT {HEAD}content-length: 5\r\n\r\nhello"));
    let (pieces, body) = channel(None);
    for piece in ["he", "llo"] {
        pieces.send(data(piece)).unwrap();
    }
    drop(pieces);
    let chunked = request(Method::PUT, &[], body);
    let wire = "transfer-encoding: chunked\r\n\r\n2\r\nhe\r\n3\r\nllo\r\n0\r\n\r\n";
    assert_eq!(sent(chunked, "0\r\n\r\n").await, format!("PUT {HEAD}{wire}"));
}

#[tokio::test(flavor = "local")]
async fn connection_options_are_remade() {
    let upgrade = request(Method::GET, &[("upgrade", "websocket"), ("connection", "Upgrade")], Body::Empty);
    let wire = format!("GET {HEAD}upgrade: websocket\r\nconnection: upgrade\r\n\r\n");
    assert_eq!(sent(upgrade, "\r\n\r\n").await, wire);
    let trailers = request(Method::GET, &[("te", "gzip, trailers")], Body::Empty);
    assert_eq!(sent(trailers, "\r\n\r\n").await, format!("GET {HEAD}te: trailers\r\nconnection: te\r\n\r\n"));
}

#[tokio::test(flavor = "local")]
async fn a_request_without_host_names_the_server() {
    let mut request = get();
    request.authority = crate::http::Authority::default();
    assert!(sent(request, "\r\n\r\n").await.contains("host: 127.0.0.1:"));
}

/// An answer, what is made of it, and whether its connection serves the next request.
struct Case {
    method: Method,
    wire: &'static str,
    status: u16,
    body: &'static str,
    kept: bool,
}

const fn case(method: Method, wire: &'static str, status: u16, body: &'static str, kept: bool) -> Case {
    Case { method, wire, status, body, kept }
}

#[rustfmt::skip]
const CASES: &[Case] = &[
    case(Method::GET, "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello", 200, "hello", true),
    case(Method::GET, "HTTP/1.1 200 OK\r\nContent-Length: 5, 5\r\n\r\nhello", 200, "hello", true),
    case(Method::GET, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", 200, "", true),
    case(Method::GET, "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nConnection: close\r\n\r\nhello", 200, "hello", false),
    case(Method::GET, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2;x\r\nhe\r\n3\r\nllo\r\n0\r\n\r\n", 200, "hello", true),
    case(Method::GET, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\nA: b\r\n\r\n", 200, "", true),
    case(Method::GET, "HTTP/1.1 200 OK\r\n\r\nhello", 200, "hello", false),
    case(Method::GET, "HTTP/1.0 200 OK\r\n\r\nhello", 200, "hello", false),
    case(Method::GET, "HTTP/1.0 200 OK\r\nContent-Length: 5\r\n\r\nhello", 200, "hello", false),
    case(Method::GET, "HTTP/1.0 200 OK\r\nConnection: keep-alive\r\nContent-Length: 5\r\n\r\nhello", 200, "hello", true),
    case(Method::GET, "HTTP/1.1 204 No Content\r\n\r\n", 204, "", true),
    case(Method::GET, "HTTP/1.1 304 Not Modified\r\nContent-Length: 5\r\n\r\n", 304, "", true),
    case(Method::HEAD, "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n", 200, "", true),
    case(Method::HEAD, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", 200, "", true),
    case(Method::GET, "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok", 200, "ok", true),
    case(Method::GET, "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhelloHTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil", 200, "hello", false),
    case(Method::HEAD, "HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil", 200, "", false),
    case(Method::GET, "HTTP/1.1 204 No Content\r\nContent-Length: 4\r\n\r\nevil", 204, "", false),
];

async fn check(case: &Case, act: fn(Bytes) -> Act) {
    let answer = act(Bytes::from_static(case.wire.as_bytes()));
    // Only the end of the connection ends some of the bodies; the others leave it open to be reused.
    let ends =
        case.body == "hello" && !case.wire.contains("Content-Length") && !case.wire.contains("chunked");
    let mut script = vec![Act::Head, answer];
    if !ends {
        script.extend([Act::Head, send("HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nnext"), Act::Hold]);
    }
    let next = vec![Act::Head, send("HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nnext")];
    let server = Server::start([script, next]).await;
    let dialer = dialer(&[server.addr], SETTINGS);
    let first = response(&dialer, request(case.method.clone(), &[], Body::Empty)).await;
    assert_eq!(first.status.as_u16(), case.status, "{}", case.wire);
    assert_eq!(collect(first.body).await.unwrap().0, case.body, "{}", case.wire);
    let second = response(&dialer, get()).await;
    assert_eq!(collect(second.body).await.unwrap().0, "next", "{}", case.wire);
    assert_eq!(server.connections(), if case.kept { 1 } else { 2 }, "{}", case.wire);
}

#[tokio::test(flavor = "local")]
async fn answers_end_where_they_should_and_never_run_into_the_next() {
    for case in CASES {
        check(case, Act::Send).await;
    }
}

#[tokio::test(flavor = "local")]
async fn answers_that_arrive_byte_by_byte_are_the_same() {
    // What comes in later than the next request goes out cannot be told from its answer.
    for case in CASES.iter().filter(|case| !case.wire.contains("evil")) {
        check(case, Act::Drip).await;
    }
}

#[tokio::test(flavor = "local")]
async fn answers_that_are_not_valid_are_refused_with_the_reason() {
    for (wire, cause, reason) in [
        ("<html>hello</html>\r\n\r\n", Cause::MalformedResponse, "<html>hello"),
        ("HTTP/1.1 200 OK\nA: b\n\n", Cause::MalformedResponse, "LF without CR"),
        ("HTTP/1.1 200 OK\r\nA : b\r\n\r\n", Cause::MalformedResponse, "name or value"),
        ("HTTP/1.1 200 OK\r\nA: b\r\n c\r\n\r\n", Cause::MalformedResponse, "blank"),
        (
            "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n",
            Cause::MalformedResponse,
            "different",
        ),
        ("HTTP/1.1 200 OK\r\nContent-Length: +1\r\n\r\n", Cause::MalformedResponse, "Content-Length"),
        (
            "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n",
            Cause::MalformedResponse,
            "both there",
        ),
        (
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n",
            Cause::MalformedResponse,
            "other than chunked",
        ),
        ("HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", Cause::MalformedResponse, "HTTP/1.0"),
        ("HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\n\r\n", Cause::UnaskedUpgrade, "101"),
        ("\x15\x03\x01\x00\x02\x02\x46", Cause::MalformedResponse, "TLS"),
    ] {
        let fault = fault(SETTINGS, get(), vec![Act::Head, send(wire), Act::Hold]).await;
        assert_eq!(fault.cause, cause, "{wire:?}");
        assert!(fault.detail.contains(reason), "{wire:?}: {}", fault.detail);
    }
}

#[tokio::test(flavor = "local")]
async fn heads_are_bounded() {
    let many = format!("HTTP/1.1 200 OK\r\n{}\r\n", "a: b\r\n".repeat(201));
    let large = format!("HTTP/1.1 200 OK\r\na: {}", "b".repeat(70_000));
    let endless = "HTTP/1.1 102 Processing\r\n\r\n".repeat(1000);
    for (wire, cause) in [
        (many, Cause::ResponseHeaderTooLarge),
        (large, Cause::ResponseHeaderTooLarge),
        (endless, Cause::MalformedResponse),
    ] {
        let fault = fault(SETTINGS, get(), vec![Act::Head, Act::Send(wire.into()), Act::Hold]).await;
        assert_eq!(fault.cause, cause, "{}", fault.detail);
    }
}

#[tokio::test(flavor = "local")]
async fn connections_that_end_before_an_answer_are_named() {
    for script in [vec![Act::Head], vec![Act::Head, Act::Reset]] {
        let fault = fault(SETTINGS, get(), script).await;
        assert_eq!(fault.cause, Cause::ClosedBeforeAnswer);
        assert!(fault.detail.contains("before any byte of an answer"), "{}", fault.detail);
    }
    let fault = fault(SETTINGS, get(), vec![Act::Head, send("HTTP/1.1 200 OK\r\nA")]).await;
    assert_eq!(fault.cause, Cause::ClosedBeforeAnswer);
    assert!(fault.detail.contains("within the head"), "{}", fault.detail);
}

#[tokio::test(flavor = "local")]
async fn answers_cut_short_never_end_cleanly() {
    for (wire, said) in [
        ("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhello", "after 5 of 10 bytes"),
        ("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n", "after 5 bytes"),
        ("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n", "after 5 bytes"),
        (
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhelloX\r\n0\r\n\r\n",
            "not ended by CRLF",
        ),
    ] {
        let server = Server::start([vec![Act::Head, send(wire)]]).await;
        let response = response(&dialer(&[server.addr], SETTINGS), get()).await;
        let fault = collect(response.body).await.expect_err("cut short");
        assert_eq!(fault.cause, Cause::ResponseCutShort);
        assert!(fault.detail.contains(said), "{}", fault.detail);
    }
}

#[tokio::test(flavor = "local")]
async fn a_reset_is_no_end_of_a_body_that_ends_with_its_connection() {
    let script = vec![Act::Head, send("HTTP/1.1 200 OK\r\n\r\nhello"), Act::Until("the end"), Act::Reset];
    let server = Server::start([script]).await;
    let (pieces, body) = channel(Some(7));
    let response = response(&dialer(&[server.addr], SETTINGS), request(Method::POST, &[], body)).await;
    let Body::Stream(mut stream) = response.body else { panic!("not streamed") };
    assert!(stream.frame().await.unwrap().is_ok());
    pieces.send(data("the end")).unwrap();
    assert_eq!(stream.frame().await.unwrap().unwrap_err().cause, Cause::ResponseCutShort);
}

#[tokio::test(flavor = "local")]
async fn each_phase_has_its_limit() {
    let short = Duration::from_millis(40);
    let settings = Settings { read: short, ..SETTINGS };
    let silent = fault(settings, get(), vec![Act::Head, Act::Hold]).await;
    assert_eq!(silent.cause, Cause::FirstByteTimeout);
    assert!(silent.detail.contains("no byte of an answer within 0.0 s"), "{}", silent.detail);
    let stalled = fault(settings, get(), vec![Act::Head, send("HTTP/1.1 200 OK\r\n"), Act::Hold]).await;
    assert_eq!(stalled.cause, Cause::ReadTimeout);

    let body = "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhello";
    let server = Server::start([vec![Act::Head, send(body), Act::Hold]]).await;
    let response = response(&dialer(&[server.addr], settings), get()).await;
    assert_eq!(collect(response.body).await.unwrap_err().cause, Cause::ReadTimeout);

    let large = Body::Bytes(Bytes::from(vec![b'x'; 32 << 20]));
    let request = request(Method::POST, &[], large);
    let full = fault(Settings { send: short, ..SETTINGS }, request, vec![Act::Head, Act::Ignore]).await;
    assert_eq!(full.cause, Cause::SendTimeout);
}

#[tokio::test(flavor = "local")]
async fn the_time_a_slow_client_takes_is_not_the_servers() {
    let limit = Duration::from_millis(60);
    let wire = "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhello";
    let server = Server::start([vec![Act::Head, send(wire), Act::Until("\r\n\r\n"), Act::Hold]]).await;
    let dialer = dialer(&[server.addr], Settings { read: limit, ..SETTINGS });
    let Body::Stream(mut body) = response(&dialer, get()).await.body else { panic!("not streamed") };
    assert!(body.frame().await.unwrap().is_ok());
    // Only behind this the wait for the server begins.
    tokio::time::sleep(limit * 2).await;
    let before = tokio::time::Instant::now();
    assert_eq!(body.frame().await.unwrap().unwrap_err().cause, Cause::ReadTimeout);
    assert!(before.elapsed() >= limit);
}

#[tokio::test(flavor = "local")]
async fn trailers_are_for_clients_that_take_them() {
    let wire =
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\nX-Sum: 1\r\nContent-Length: 5\r\n\r\n";
    let script = vec![Act::Head, send(wire), Act::Head, send(wire)];
    let server = Server::start([script]).await;
    let dialer = dialer(&[server.addr], SETTINGS);
    let plain = response(&dialer, get()).await;
    assert_eq!(collect(plain.body).await.unwrap().1, None);
    let taker = response(&dialer, request(Method::GET, &[("te", "trailers")], Body::Empty)).await;
    let trailers = collect(taker.body).await.unwrap().1.unwrap();
    assert_eq!(trailers.len(), 1);
    assert_eq!(trailers["x-sum"], "1");
}

#[tokio::test(flavor = "local")]
async fn early_hints_are_passed_on_without_hop_by_hop_fields() {
    let wire = "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: </a.css>\r\nConnection: x\r\n\r\n\
                HTTP/1.1 204 No Content\r\n\r\n";
    let server = Server::start([vec![Act::Head, send(wire)]]).await;
    let seen = Rc::new(RefCell::new(Vec::new()));
    let log = Rc::clone(&seen);
    let mut request = get();
    request.interim = Some(Interim(Rc::new(move |status, fields| {
        log.borrow_mut().push((status.as_u16(), fields.clone()));
    })));
    response(&dialer(&[server.addr], SETTINGS), request).await;
    let seen = seen.borrow();
    assert_eq!(seen.len(), 1);
    assert_eq!(seen[0].0, 103);
    assert_eq!(seen[0].1.len(), 1);
    assert_eq!(seen[0].1["link"], "</a.css>");
}

#[tokio::test(flavor = "local")]
async fn an_upgrade_that_was_asked_for_switches() {
    let wire = "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\nearly";
    let server = Server::start([vec![Act::Head, send(wire), Act::Hold]]).await;
    let request = request(Method::GET, &[("upgrade", "websocket")], Body::Empty);
    let answer = ask(&dialer(&[server.addr], SETTINGS), request).await.unwrap();
    let Answer::Switched { head, early, .. } = answer else { panic!("not switched: {answer:?}") };
    assert_eq!(head.headers["upgrade"], "websocket");
    assert_eq!(&early[..], b"early");
}

#[tokio::test(flavor = "local")]
async fn an_upgrade_may_be_declined() {
    let server =
        Server::start([vec![Act::Head, send("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nno")]]).await;
    let request = request(Method::GET, &[("upgrade", "websocket")], Body::Empty);
    assert_eq!(response(&dialer(&[server.addr], SETTINGS), request).await.status, 200);
}

#[tokio::test(flavor = "local")]
async fn an_early_answer_is_passed_on_at_once() {
    let wire = "HTTP/1.1 413 Content Too Large\r\nContent-Length: 3\r\n\r\nbig";
    let mut server = Server::start([vec![Act::Head, send(wire), Act::Hold]]).await;
    let dialer = dialer(&[server.addr], SETTINGS);
    let (pieces, body) = channel(Some(1000));
    pieces.send(data("begin")).unwrap();
    let response = response(&dialer, request(Method::POST, &[], body)).await;
    assert_eq!(response.status, 413);
    assert_eq!(collect(response.body).await.unwrap().0, "big");
    // The request was not sent whole, so its connection is of no use to others.
    server.played().await;
    assert!(pieces.is_closed());
}

#[tokio::test(flavor = "local")]
async fn sending_goes_on_while_an_early_answer_is_read() {
    let head = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nfirst\r\n";
    let rest = "4\r\nlast\r\n0\r\n\r\n";
    let script = vec![
        Act::Head,
        send(head),
        Act::Until("the end"),
        send(rest),
        Act::Head,
        send("HTTP/1.1 204 .\r\n\r\n"),
    ];
    let server = Server::start([script]).await;
    let dialer = dialer(&[server.addr], SETTINGS);
    let (pieces, body) = channel(Some(7));
    let Body::Stream(mut stream) = response(&dialer, request(Method::POST, &[], body)).await.body else {
        panic!("not streamed");
    };
    let first = stream.frame().await.unwrap().unwrap();
    assert!(matches!(first, crate::http::Frame::Data(data) if data == "first"));
    pieces.send(data("the end")).unwrap();
    assert_eq!(collect(Body::Stream(stream)).await.unwrap().0, "last");
    // All of it was sent and read: the connection serves the next request.
    assert_eq!(response(&dialer, get()).await.status, 204);
}

#[tokio::test(flavor = "local")]
async fn an_answer_from_a_server_that_stopped_reading_is_still_read() {
    let wire = "HTTP/1.1 403 Forbidden\r\nContent-Length: 2\r\n\r\nno";
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let addr = listener.local_addr().unwrap();
    let server = std::thread::spawn(move || {
        use std::io::{Read, Write};
        let (mut stream, _) = listener.accept().unwrap();
        // Everything read so far, so that the close behind the answer sends FIN, not RST.
        stream.read_exact(&mut [0; 200]).unwrap();
        stream.shutdown(std::net::Shutdown::Read).unwrap();
        stream.write_all(wire.as_bytes()).unwrap();
        let mut rest = Vec::new();
        stream.read_to_end(&mut rest).ok();
    });
    let (pieces, body) = channel(Some(1 << 30));
    let piece: &'static str = "x".repeat(4096).leak();
    pieces.send(data(piece)).unwrap();
    let response = response(&dialer(&[addr], SETTINGS), request(Method::POST, &[], body)).await;
    assert_eq!(response.status, 403);
    server.join().unwrap();
}

#[tokio::test(flavor = "local")]
async fn a_failing_request_body_ends_the_exchange() {
    let mut server = Server::start([vec![Act::Hold]]).await;
    let (pieces, body) = channel(Some(10));
    pieces.send(data("begin")).unwrap();
    pieces.send(Err(Cause::BodyTimeout.into())).unwrap();
    let dialer = dialer(&[server.addr], SETTINGS);
    let fault = ask(&dialer, request(Method::POST, &[], body)).await.unwrap_err();
    assert_eq!(fault.cause, Cause::BodyTimeout);
    server.played().await;
}

#[tokio::test(flavor = "local")]
async fn a_request_body_shorter_than_announced_is_never_completed() {
    let mut server = Server::start([vec![Act::Hold]]).await;
    let (pieces, body) = channel(Some(10));
    pieces.send(data("begin")).unwrap();
    drop(pieces);
    let fault = ask(&dialer(&[server.addr], SETTINGS), request(Method::POST, &[], body)).await.unwrap_err();
    assert_eq!(fault.cause, Cause::Internal);
    server.played().await;
    assert!(server.received(0).ends_with("content-length: 10\r\n\r\nbegin"));
}

#[tokio::test(flavor = "local")]
async fn a_body_nobody_wants_closes_the_connection() {
    let wire = "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhello";
    let mut server = Server::start([vec![Act::Head, send(wire), Act::Hold]]).await;
    let dialer = dialer(&[server.addr], SETTINGS);
    let response = response(&dialer, get()).await;
    assert_eq!(dialer.upstream().endpoints[0].in_flight(), 1);
    drop(response);
    assert_eq!(dialer.upstream().endpoints[0].in_flight(), 0);
    server.played().await;
}

#[tokio::test(flavor = "local")]
async fn large_bodies_pass_unchanged() {
    let content: String = ('a'..='z').cycle().take(1_300_000).collect();
    let mut chunked = String::from("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n");
    for piece in content.as_bytes().chunks(50_001) {
        let piece = std::str::from_utf8(piece).unwrap();
        write!(chunked, "{:x}\r\n{piece}\r\n", piece.len()).unwrap();
    }
    chunked += "0\r\n\r\n";
    let exact = format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{content}", content.len());
    let script = vec![Act::Head, Act::Send(chunked.into()), Act::Head, Act::Send(exact.into())];
    let server = Server::start([script]).await;
    let dialer = dialer(&[server.addr], SETTINGS);
    for _ in 0..2 {
        let response = response(&dialer, get()).await;
        assert!(collect(response.body).await.unwrap().0 == content, "the body was changed");
    }
}
