//! The engine alone, over a socket pair, with services made for each test.

use std::convert::Infallible;
use std::future::Future;
use std::rc::Rc;
use std::time::Duration;

use ::http::StatusCode;
use bytes::Bytes;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::UnixStream;
use tokio::sync::mpsc;
use tokio::task::LocalSet;
use tower::service_fn;

use super::connection::{self, Shared};
use super::drain::Connections;
use super::io::Io;
use super::{Incoming, Settings};
use crate::http::{
    Body, Cause, Connection, Fault, Fields, FileRange, Frame, OnEnd, Request, Response, Scheme, Source,
    Stream as BodyStream,
};
use crate::net::{ClientAddr, ListenAddr, Stream};

const SETTINGS: Settings = Settings {
    header: Duration::from_secs(15),
    keep_alive: Duration::from_secs(75),
    body: Duration::from_secs(60),
    send: Duration::from_secs(60),
};

/// A client connected to a service, and the connections there are.
struct Session {
    client: UnixStream,
    connections: Rc<Connections>,
}

fn session<F, Fut>(answer: F) -> Session
where
    F: Fn(Request) -> Fut + Clone + 'static,
    Fut: Future<Output = Response> + 'static,
{
    let (client, server) = UnixStream::pair().unwrap();
    let connections = Rc::new(Connections::new(crate::observe::Counters::default().shard()));
    let service = service_fn(move |incoming: Incoming| {
        let answer = answer.clone();
        async move {
            Ok::<_, Infallible>(match incoming {
                Incoming::Request(request) => answer(*request).await,
                Incoming::Refused(refused) => Response::new(refused.fault.status()).with_body("refused\n"),
            })
        }
    });
    let facts = Connection {
        peer: ClientAddr::Unix,
        local: None,
        scheme: Scheme::Http,
        listener: Rc::new(ListenAddr::Any(80)),
    };
    let shared = Shared { service, settings: SETTINGS, connections: Rc::clone(&connections) };
    let io = Io::new(Stream::Unix(server));
    tokio::task::spawn_local(connection::serve(io, Rc::new(facts), Rc::new(shared)));
    Session { client, connections }
}

impl Session {
    async fn send(&mut self, bytes: &[u8]) {
        self.client.write_all(bytes).await.unwrap();
    }

    /// Reads until `end` has come.
    async fn until(&mut self, end: &str) -> String {
        let mut seen = Vec::new();
        while !seen.ends_with(end.as_bytes()) {
            let byte = self.client.read_u8().await.unwrap_or_else(|_| panic!("{}", seen.escape_ascii()));
            seen.push(byte);
        }
        String::from_utf8(seen).unwrap()
    }

    async fn rest(&mut self) -> Vec<u8> {
        let mut seen = Vec::new();
        self.client.read_to_end(&mut seen).await.unwrap();
        seen
    }
}

/// Runs a test in an event loop whose clock moves only when nothing else can.
fn in_loop<Fut: Future<Output = ()>>(test: Fut) {
    let runtime =
        tokio::runtime::Builder::new_current_thread().enable_all().start_paused(true).build().unwrap();
    LocalSet::new().block_on(&runtime, test);
}

async fn path(request: Request) -> Response {
    Response::default().with_body(request.target.path)
}

/// Collects the request's body and answers with it.
async fn echo(mut request: Request) -> Response {
    let mut all = Vec::new();
    if let Body::Stream(stream) = &mut request.body {
        while let Some(frame) = stream.frame().await {
            match frame {
                Ok(Frame::Data(data)) => all.extend_from_slice(&data),
                Ok(Frame::Trailers(_)) => {}
                Err(fault) => return Response::new(fault.status()).with_body(fault.cause.name()),
            }
        }
    }
    Response::default().with_body(Bytes::from(all))
}

const GET: &[u8] = b"GET /a HTTP/1.1\r\nHost: a\r\n\r\n";

#[test]
fn pipelined_requests_are_answered_in_order() {
    in_loop(async {
        let mut session = session(path);
        session.send(b"GET /a HTTP/1.1\r\nHost: a\r\n\r\nGET /b HTTP/1.1\r\nHost: a\r\n\r\n").await;
        let both = session.until("/b").await;
        assert!(both.find("/a") < both.find("/b"), "{both}");
    });
}

#[test]
fn http_1_0_ends_with_its_answer_unless_asked_otherwise() {
    in_loop(async {
        let mut once = session(path);
        once.send(b"GET /a HTTP/1.0\r\n\r\n").await;
        let answer = String::from_utf8(once.rest().await).unwrap();
        assert!(answer.contains("Connection: close\r\n") && answer.ends_with("/a"), "{answer}");
        let mut kept = session(path);
        kept.send(b"GET /a HTTP/1.0\r\nConnection: keep-alive\r\n\r\n").await;
        assert!(kept.until("/a").await.contains("Connection: keep-alive\r\n"));
        kept.send(b"GET /b HTTP/1.0\r\n\r\n").await;
        kept.until("/b").await;
    });
}

#[test]
fn bodies_of_both_framings_arrive_whole() {
    in_loop(async {
        let mut session = session(echo);
        session.send(b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhello").await;
        session.until("\r\n\r\nhello").await;
        session.send(b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n").await;
        session.send(b"3;x=y\r\ndef\r\n0\r\nX-Trailer: dropped\r\n\r\n").await;
        session.until("\r\n\r\nabcdef").await;
    });
}

#[test]
fn a_client_that_waits_to_be_asked_is_asked_once() {
    in_loop(async {
        let mut session = session(echo);
        session
            .send(b"POST / HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\n")
            .await;
        assert_eq!(session.until("\r\n\r\n").await, "HTTP/1.1 100 Continue\r\n\r\n");
        session.send(b"hi").await;
        assert!(session.until("\r\n\r\nhi").await.starts_with("HTTP/1.1 200 OK"));
    });
}

#[test]
fn a_body_nobody_asked_for_ends_the_connection() {
    in_loop(async {
        let mut session = session(path);
        session
            .send(b"POST /a HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 9\r\n\r\n")
            .await;
        assert!(session.until("\r\n\r\n/a").await.contains("Connection: close"));
        session.client.shutdown().await.unwrap();
        assert!(session.rest().await.is_empty());
    });
}

/// Wants more than a byte a second, then answers with the body or what is wrong with it.
async fn impatient(request: Request) -> Response {
    request.limits.body_rate.set(2);
    echo(request).await
}

#[test]
fn a_body_that_trickles_is_given_up_after_a_window() {
    in_loop(async {
        let mut session = session(impatient);
        session.send(b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1000\r\n\r\n").await;
        let begun = tokio::time::Instant::now();
        let (mut reader, mut writer) = session.client.into_split();
        let trickle = tokio::task::spawn_local(async move {
            while writer.write_all(b"x").await.is_ok() {
                tokio::time::sleep(Duration::from_secs(1)).await;
            }
        });
        let mut answer = Vec::new();
        reader.read_to_end(&mut answer).await.unwrap();
        assert!(answer.ends_with(b"body-too-slow"), "{}", answer.escape_ascii());
        assert!((30..32).contains(&begun.elapsed().as_secs()), "{:?}", begun.elapsed());
        drop(reader);
        trickle.await.unwrap();
    });
}

#[test]
fn a_body_that_keeps_up_the_rate_may_take_any_time() {
    in_loop(async {
        let mut session = session(impatient);
        session.send(b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 300\r\n\r\n").await;
        for _ in 0..100 {
            tokio::time::sleep(Duration::from_millis(1400)).await;
            session.send(b"xxx").await;
        }
        assert!(session.until("x").await.contains(" 200 OK\r\n"));
    });
}

/// A byte every ten seconds would else keep the connection for a week.
#[test]
fn a_body_nobody_read_is_not_skipped_in_drops() {
    in_loop(async {
        let mut session = session(path);
        session.send(b"POST /a HTTP/1.1\r\nHost: a\r\nContent-Length: 60000\r\n\r\n").await;
        session.until("\r\n\r\n/a").await;
        let begun = tokio::time::Instant::now();
        while session.client.write_all(b"x").await.is_ok() {
            tokio::time::sleep(Duration::from_secs(1)).await;
        }
        // A window of slowness, then what closing in good order takes.
        assert!((30..65).contains(&begun.elapsed().as_secs()), "{:?}", begun.elapsed());
    });
}

/// An answer larger than a socket's buffer, on a connection whose client may be silent for an hour. What it
/// came to is sent on.
fn large_answer() -> (Session, mpsc::UnboundedReceiver<Option<Fault>>) {
    let (sender, ended) = mpsc::unbounded_channel();
    let session = session(move |request: Request| {
        request.limits.send.set(Duration::from_hours(1));
        let sender = sender.clone();
        let mut response = Response::default().with_body(Bytes::from(vec![b'x'; 1 << 20]));
        response.on_end = OnEnd::new(move |sent| drop(sender.send(sent.fault)));
        std::future::ready(response)
    });
    (session, ended)
}

#[test]
fn an_answer_that_is_taken_in_drops_is_given_up() {
    in_loop(async {
        let (mut session, mut ended) = large_answer();
        session.send(GET).await;
        let begun = tokio::time::Instant::now();
        let mut drop = [0; 100];
        let fault = loop {
            tokio::select! {
                fault = ended.recv() => break fault.unwrap().unwrap(),
                () = tokio::time::sleep(Duration::from_secs(1)) => {
                    session.client.read_exact(&mut drop).await.unwrap();
                }
            }
        };
        assert_eq!(fault.cause, Cause::ClientTooSlow);
        // What the kernel took at once counts for the first window.
        assert!((60..125).contains(&begun.elapsed().as_secs()), "{:?}", begun.elapsed());
    });
}

#[test]
fn an_answer_that_is_taken_slowly_but_steadily_may_take_any_time() {
    in_loop(async {
        let (mut session, mut ended) = large_answer();
        session.send(GET).await;
        session.until("\r\n\r\n").await;
        let mut taken = [0; 4096];
        for _ in 0..(1 << 20) / taken.len() {
            tokio::time::sleep(Duration::from_secs(1)).await;
            session.client.read_exact(&mut taken).await.unwrap();
        }
        assert!(ended.recv().await.unwrap().is_none());
    });
}

#[test]
fn silence_is_told_from_slowness() {
    in_loop(async {
        let mut session = session(|request: Request| async {
            request.limits.body.set(Duration::from_secs(10));
            impatient(request).await
        });
        session.send(b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1000\r\n\r\nbegun").await;
        let begun = tokio::time::Instant::now();
        assert!(session.until("body-timeout").await.contains(" 408 "));
        assert_eq!(begun.elapsed().as_secs(), 10);
    });
}

#[test]
fn a_small_body_nobody_read_is_skipped_and_never_taken_for_a_request() {
    in_loop(async {
        let mut session = session(path);
        let smuggled = GET.len();
        session
            .send(format!("POST /first HTTP/1.1\r\nHost: a\r\nContent-Length: {smuggled}\r\n\r\n").as_bytes())
            .await;
        session.until("/first").await;
        session.send(GET).await;
        session.send(b"GET /next HTTP/1.1\r\nHost: a\r\n\r\n").await;
        assert!(!session.until("/next").await.contains("\r\n\r\n/a"));
    });
}

#[test]
fn a_large_body_nobody_read_leaves_time_to_read_the_answer() {
    in_loop(async {
        let mut session = session(path);
        session.send(b"POST /early HTTP/1.1\r\nHost: a\r\nContent-Length: 1000000\r\n\r\n").await;
        session.send(&vec![b'x'; 100_000]).await;
        let answer = String::from_utf8(session.rest().await).unwrap();
        assert!(answer.contains("Connection: close") && answer.ends_with("/early"), "{answer}");
    });
}

#[test]
fn what_cannot_be_read_is_answered_and_ends_the_connection() {
    in_loop(async {
        for (bytes, status) in [
            (&b"GET / HTTP/1.1\nHost: a\n\n"[..], "400"),
            (b"GET / HTTP/1.1\r\n\r\n", "400"),
            (b"GET / HTTP/3.0\r\nHost: a\r\n\r\n", "505"),
            (b"nonsense\r\n\r\n", "400"),
            (b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n", "400"),
        ] {
            let mut session = session(path);
            session.send(bytes).await;
            session.client.shutdown().await.unwrap();
            let answer = String::from_utf8(session.rest().await).unwrap();
            assert!(answer.starts_with(&format!("HTTP/1.1 {status} ")), "{}: {answer}", bytes.escape_ascii());
        }
    });
}

#[test]
fn a_head_must_be_whole_in_time() {
    in_loop(async {
        let mut session = session(path);
        session.send(b"GET / HTTP/1.1\r\nHos").await;
        let started = tokio::time::Instant::now();
        let answer = String::from_utf8(session.rest().await).unwrap();
        assert!(answer.starts_with("HTTP/1.1 408 "), "{answer}");
        assert!(started.elapsed() < SETTINGS.header + Duration::from_secs(6));
    });
}

#[test]
fn an_idle_connection_is_closed_without_a_word() {
    in_loop(async {
        let mut session = session(path);
        session.send(GET).await;
        session.until("/a").await;
        let started = tokio::time::Instant::now();
        assert!(session.rest().await.is_empty());
        assert!(started.elapsed() >= SETTINGS.keep_alive);
    });
}

#[test]
fn a_drain_ends_idle_connections_at_once_and_busy_ones_after_their_answer() {
    in_loop(async {
        let mut idle = session(path);
        idle.send(GET).await;
        idle.until("/a").await;
        idle.connections.drain();
        assert!(idle.rest().await.is_empty());
        idle.connections.ended().await;

        let mut busy = session(|request| async {
            tokio::time::sleep(Duration::from_secs(1)).await;
            path(request).await
        });
        busy.send(GET).await;
        tokio::task::yield_now().await;
        busy.connections.drain();
        let answer = String::from_utf8(busy.rest().await).unwrap();
        assert!(answer.contains("Connection: close") && answer.ends_with("/a"), "{answer}");
    });
}

#[test]
fn the_work_for_a_client_that_left_is_dropped() {
    in_loop(async {
        let (dropped, mut told) = tokio::sync::mpsc::channel::<()>(1);
        let mut session = session(move |_request| {
            let dropped = dropped.clone();
            async move {
                let _held = dropped;
                std::future::pending::<Response>().await
            }
        });
        session.send(GET).await;
        tokio::task::yield_now().await;
        drop(session.client);
        // The channel ends with its last sender: the service's own and the dropped request's.
        assert_eq!(told.recv().await, None);
    });
}

#[test]
fn a_client_that_only_stops_sending_gets_what_is_ready_in_a_moment() {
    in_loop(async {
        let mut session = session(|request| async {
            tokio::time::sleep(Duration::from_millis(200)).await;
            path(request).await
        });
        session.send(GET).await;
        session.client.shutdown().await.unwrap();
        assert!(session.rest().await.ends_with(b"/a"));
    });
}

#[test]
fn interim_responses_come_first() {
    in_loop(async {
        let mut session = session(|request: Request| async move {
            let mut links = Fields::new();
            links.insert(::http::header::LINK, "</a.css>; rel=preload".parse().unwrap());
            (request.interim.unwrap().0)(StatusCode::EARLY_HINTS, &links);
            Response::default().with_body("done")
        });
        session.send(GET).await;
        let answer = session.until("done").await;
        assert!(
            answer.starts_with(
                "HTTP/1.1 103 Early Hints\r\nLink: </a.css>; rel=preload\r\n\r\nHTTP/1.1 200 OK"
            )
        );
    });
}

/// Frames from a channel.
struct Frames(tokio::sync::mpsc::Receiver<Result<Frame, Fault>>);

impl Source for Frames {
    fn poll_frame(
        &mut self,
        cx: &mut std::task::Context<'_>,
    ) -> std::task::Poll<Option<Result<Frame, Fault>>> {
        self.0.poll_recv(cx)
    }
}

/// A session whose first answer is a stream of unknown length, and what feeds it.
fn streaming_session() -> (Session, tokio::sync::mpsc::Sender<Result<Frame, Fault>>) {
    let (sender, receiver) = tokio::sync::mpsc::channel(2);
    let receiver = Rc::new(std::cell::RefCell::new(Some(receiver)));
    let session = session(move |_| {
        let frames = Frames(receiver.borrow_mut().take().unwrap());
        async { Response::default().with_body(Body::Stream(BodyStream::new(None, frames))) }
    });
    (session, sender)
}

#[test]
fn a_stream_reaches_the_client_frame_by_frame() {
    in_loop(async {
        let (mut session, sender) = streaming_session();
        session.send(GET).await;
        assert!(session.until("\r\n\r\n").await.contains("Transfer-Encoding: chunked\r\n"));
        for text in ["one", "three"] {
            sender.send(Ok(Frame::Data(Bytes::from_static(text.as_bytes())))).await.unwrap();
            session.until(&format!("{:x}\r\n{text}\r\n", text.len())).await;
        }
        drop(sender);
        session.until("0\r\n\r\n").await;
        session.send(GET).await;
    });
}

#[test]
fn a_client_of_http_1_0_learns_the_end_of_a_stream_from_the_end_of_the_connection() {
    in_loop(async {
        let (mut session, sender) = streaming_session();
        session.send(b"GET /a HTTP/1.0\r\nConnection: keep-alive\r\n\r\n").await;
        sender.send(Ok(Frame::Data(Bytes::from_static(b"all")))).await.unwrap();
        drop(sender);
        let answer = String::from_utf8(session.rest().await).unwrap();
        assert!(answer.contains("Connection: close\r\n") && answer.ends_with("\r\n\r\nall"), "{answer}");
    });
}

#[test]
fn a_stream_that_breaks_off_never_looks_whole() {
    in_loop(async {
        let (mut session, sender) = streaming_session();
        session.send(GET).await;
        sender.send(Ok(Frame::Data(Bytes::from_static(b"half")))).await.unwrap();
        sender.send(Err(Cause::ResponseCutShort.into())).await.unwrap();
        let answer = String::from_utf8(session.rest().await).unwrap();
        assert!(answer.ends_with("4\r\nhalf\r\n"), "{answer}");
    });
}

fn file(length: usize) -> (tempfile::NamedTempFile, Vec<u8>) {
    let content: Vec<u8> = (0..length).map(|index| u8::try_from(index * 31 % 251).unwrap()).collect();
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), &content).unwrap();
    (file, content)
}

fn send_file(path: &std::path::Path, offset: u64, length: u64) -> Response {
    let file = std::fs::File::open(path).unwrap();
    Response::default().with_body(Body::File(FileRange { file: std::sync::Arc::new(file), offset, length }))
}

#[test]
fn a_slow_reader_gets_every_byte_of_a_file_right() {
    in_loop(async {
        let (file, content) = file(5_000_000);
        let path = file.path().to_owned();
        let mut session = session(move |_| std::future::ready(send_file(&path, 1000, 4_000_000)));
        session.send(b"GET /a HTTP/1.1\r\nHost: a\r\n\r\nGET /b HTTP/1.1\r\nHost: a\r\n\r\n").await;
        for _ in 0..2 {
            assert!(session.until("\r\n\r\n").await.contains("Content-Length: 4000000\r\n"));
            let mut body = vec![0; 4_000_000];
            for piece in body.chunks_mut(77_777) {
                session.client.read_exact(piece).await.unwrap();
                tokio::task::yield_now().await;
            }
            assert!(body == content[1000..4_001_000]);
        }
    });
}

#[test]
fn a_file_cut_off_while_it_is_sent_ends_the_connection() {
    in_loop(async {
        let (file, content) = file(3_000_000);
        let path = file.path().to_owned();
        let mut session = session(move |_| std::future::ready(send_file(&path, 0, 3_000_000)));
        session.send(GET).await;
        session.until("\r\n\r\n").await;
        file.as_file().set_len(2_000_000).unwrap();
        let body = session.rest().await;
        assert!(body.len() < 3_000_000 && body[..] == content[..body.len()], "{}", body.len());
    });
}

#[test]
fn an_empty_file_is_not_held_back() {
    in_loop(async {
        let (file, _) = file(0);
        let path = file.path().to_owned();
        let mut session = session(move |_| std::future::ready(send_file(&path, 0, 0)));
        session.send(GET).await;
        assert!(session.until("\r\n\r\n").await.contains("Content-Length: 0\r\n"));
    });
}

#[test]
fn head_has_the_length_and_no_body() {
    in_loop(async {
        let mut session = session(path);
        session.send(b"HEAD /abc HTTP/1.1\r\nHost: a\r\n\r\nGET /next HTTP/1.1\r\nHost: a\r\n\r\n").await;
        let both = session.until("/next").await;
        assert!(
            both.contains("Content-Length: 4\r\n\r\nHTTP/1.1 200 OK")
                || both.contains("Content-Length: 4\r\n"),
            "{both}"
        );
        assert!(!both.contains("/abc"), "{both}");
    });
}

/// A client in a tunnel, and the server's end of it.
async fn tunnel() -> (Session, UnixStream) {
    let (far, near) = UnixStream::pair().unwrap();
    let near = Rc::new(std::cell::RefCell::new(Some(near)));
    let mut session = session(move |_| {
        let io = near.borrow_mut().take().unwrap();
        let tunnel = crate::http::Tunnel::new(io, Bytes::from_static(b"early"));
        let mut response = Response::new(StatusCode::SWITCHING_PROTOCOLS).with_body(Body::Tunnel(tunnel));
        response.headers.insert(::http::header::UPGRADE, "websocket".parse().unwrap());
        std::future::ready(response)
    });
    session
        .send(b"GET / HTTP/1.1\r\nHost: a\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\nbehind")
        .await;
    let head = session.until("early").await;
    assert!(head.contains("Connection: upgrade\r\nUpgrade: websocket\r\n"), "{head}");
    (session, far)
}

#[test]
fn a_tunnel_carries_both_directions_and_either_end() {
    in_loop(async {
        let (mut session, mut far) = tunnel().await;
        let mut seen = [0; 6];
        far.read_exact(&mut seen).await.unwrap();
        assert_eq!(&seen, b"behind");
        far.write_all(b"down").await.unwrap();
        session.until("down").await;
        session.client.shutdown().await.unwrap();
        assert_eq!(far.read(&mut seen).await.unwrap(), 0);
        far.write_all(b"last").await.unwrap();
        drop(far);
        assert_eq!(session.rest().await, b"last");
    });
}

#[test]
fn a_client_that_never_closes_does_not_hold_a_tunnel_whose_server_is_gone() {
    in_loop(async {
        let (mut session, far) = tunnel().await;
        let begun = tokio::time::Instant::now();
        drop(far);
        assert!(session.rest().await.is_empty());
        session.connections.ended().await;
        assert!(begun.elapsed() < Duration::from_secs(60), "{:?}", begun.elapsed());
    });
}
