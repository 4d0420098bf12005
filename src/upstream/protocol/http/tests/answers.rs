//! What is made of answers, and of their connections.

use super::*;

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
#[tokio::test(flavor = "local")]
async fn a_body_nobody_wants_closes_the_connection() {
    let wire = "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhello";
    let mut server = Server::start([vec![Act::Head, send(wire), Act::Hold]]).await;
    let dialer = dialer(&[server.addr], SETTINGS);
    let response = response(&dialer, get()).await;
    assert_eq!(dialer.upstream().servers[0].endpoint.in_flight(), 1);
    drop(response);
    assert_eq!(dialer.upstream().servers[0].endpoint.in_flight(), 0);
    server.played().await;
}
