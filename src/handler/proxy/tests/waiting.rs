//! Requests that wait: for a turn, for room, for a server that comes back.

use std::os::fd::AsFd;

use super::*;
use crate::upstream::QueueLimits;

const SECOND: Duration = Duration::from_secs(1);

/// A server that has one request at a time, and answers each when the test says so.
async fn single(queue: QueueLimits, requests: usize) -> (Server, Rc<Dialer>) {
    let server = Server::start((0..requests).map(|_| vec![Act::Head, Act::Until("go"), send(OK)])).await;
    let member = Member::new(UpstreamAddr::Tcp(server.addr)).with_at_most(1);
    (server, over_servers([member], Settings { queue, idle: 0, ..SETTINGS }))
}

/// A POST whose body comes when the test says so, and with it the answer.
fn held() -> (impl FnOnce(), Request) {
    let (pieces, body) = channel(Some(2));
    let go = move || pieces.send(data("go")).unwrap();
    (go, request(Method::POST, &[], body))
}

const QUEUE: QueueLimits = QueueLimits { size: 2, timeout: SECOND };

#[tokio::test(flavor = "local")]
async fn a_request_waits_for_its_turn_and_tells_how_long() {
    let (server, dialer) = single(QUEUE, 2).await;
    let (first, second) = (over(Rc::clone(&dialer)), over(dialer));
    let (go, slow) = held();
    let (answered, waited, ()) = tokio::join!(
        answer(&first, slow),
        answer(&second, request(Method::POST, &[], Body::from("go"))),
        async {
            while server.connections() == 0 {
                tokio::task::yield_now().await;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
            assert_eq!(server.connections(), 1);
            go();
        }
    );
    assert!(answered.unwrap().trace.upstream.unwrap().queued.is_zero());
    assert!(waited.unwrap().trace.upstream.unwrap().queued >= Duration::from_millis(40));
}

#[tokio::test(flavor = "local", start_paused = true)]
async fn who_waits_too_long_is_told_to_come_back() {
    let (_server, dialer) = single(QUEUE, 1).await;
    let (busy, late) = (over(Rc::clone(&dialer)), over(dialer));
    let (_go, slow) = held();
    let work = answer(&busy, slow);
    let fault = tokio::select! {
        biased;
        _ = work => panic!("nobody said go"),
        late = answer(&late, get()) => late.unwrap_err(),
    };
    assert_eq!(fault.cause, Cause::QueueTimeout);
    assert!(fault.detail.contains("waited 1.0 s for upstream `app`"), "{}", fault.detail);
    let (name, value) = *fault.header.unwrap();
    assert_eq!((name.as_str(), value.to_str().unwrap()), ("retry-after", "1"));
}

#[tokio::test(flavor = "local")]
async fn more_than_may_wait_are_turned_away_at_once() {
    let (_server, dialer) = single(QueueLimits { size: 0, ..QUEUE }, 1).await;
    let (busy, next) = (over(Rc::clone(&dialer)), over(dialer));
    let (_go, slow) = held();
    let fault = tokio::select! {
        biased;
        _ = answer(&busy, slow) => panic!("nobody said go"),
        next = answer(&next, get()) => next.unwrap_err(),
    };
    assert_eq!(fault.cause, Cause::QueueFull);
    assert_eq!(fault.detail, "0 requests wait for upstream `app` already");
    assert!(fault.header.is_some());
}

/// They would be many, and all in vain, if the application stays away.
#[tokio::test(flavor = "local", start_paused = true)]
async fn those_who_wait_for_a_server_to_come_back_have_their_places_too() {
    let folder = tempfile::tempdir().unwrap();
    let member = Member::new(UpstreamAddr::Unix(folder.path().join("app.sock")));
    let retry = RetryRules { window: 10 * SECOND, ..RETRY };
    let queue = QueueLimits { size: 1, ..QUEUE };
    let dialer = over_servers([member], Settings { queue, retry, ..SETTINGS });
    let (one, other) = (over(Rc::clone(&dialer)), over(Rc::clone(&dialer)));
    let (one, other) = tokio::join!(answer(&one, get()), answer(&other, get()));
    let causes = [one, other].map(|outcome| outcome.unwrap_err().cause);
    assert_eq!(causes, [Cause::SocketMissing, Cause::QueueFull]);
    assert_eq!(dialer.upstream().waiting(), 0);
}

#[tokio::test(flavor = "local", start_paused = true)]
async fn nobody_waits_for_servers_that_checks_have_called_down_for_long() {
    let folder = tempfile::tempdir().unwrap();
    let member = Member::new(UpstreamAddr::Unix(folder.path().join("app.sock")));
    let retry = RetryRules { window: 10 * SECOND, ..RETRY };
    let dialer = over_servers([member], Settings { retry, ..SETTINGS });
    dialer.shared_upstream().set_down(0, true);
    let proxy = over(dialer);
    for (after, waits) in [(4, 6), (10, 0), (100, 0)] {
        tokio::time::advance(after * SECOND).await;
        let begin = tokio::time::Instant::now();
        assert_eq!(answer(&proxy, get()).await.unwrap_err().cause, Cause::SocketMissing);
        assert_eq!(begin.elapsed().as_secs(), waits);
    }
}

/// A Unix socket whose backlog is full; what is in it is taken when the listener is accepted from.
fn overflowing(
    path: &std::path::Path,
) -> (std::os::unix::net::UnixListener, Vec<std::os::unix::net::UnixStream>) {
    let listener = std::os::unix::net::UnixListener::bind(path).unwrap();
    rustix::net::listen(listener.as_fd(), 1).unwrap();
    let connect = || {
        let socket = socket2::Socket::new(socket2::Domain::UNIX, socket2::Type::STREAM, None).unwrap();
        socket.set_nonblocking(true).unwrap();
        socket.connect(&socket2::SockAddr::unix(path).unwrap()).ok().map(|()| socket.into())
    };
    let held = std::iter::from_fn(connect).take(10).collect();
    (listener, held)
}

#[tokio::test(flavor = "local")]
async fn a_full_backlog_is_waited_out() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("app.sock");
    let (listener, held) = overflowing(&path);
    let dialer = over_servers([Member::new(UpstreamAddr::Unix(path))], Settings { queue: QUEUE, ..SETTINGS });
    let proxy = over(Rc::clone(&dialer));
    let (response, ()) = tokio::join!(answer(&proxy, get()), async {
        while dialer.upstream().waiting() == 0 {
            tokio::task::yield_now().await;
        }
        let in_backlog = held.len();
        drop(held);
        listener.set_nonblocking(true).unwrap();
        let listener = tokio::net::UnixListener::from_std(listener).unwrap();
        for _ in 0..in_backlog {
            listener.accept().await.unwrap();
        }
        let (mut stream, _) = listener.accept().await.unwrap();
        assert!(stream.read(&mut [0; 4096]).await.unwrap() > 0);
        stream.write_all(OK.as_bytes()).await.unwrap();
    });
    assert_eq!(response.unwrap().status, 200);
}

#[tokio::test(flavor = "local", start_paused = true)]
async fn a_backlog_that_stays_full_is_a_503_and_no_fault_of_the_server() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("app.sock");
    let (_listener, _held) = overflowing(&path);
    let proxy =
        over(over_servers([Member::new(UpstreamAddr::Unix(path))], Settings { queue: QUEUE, ..SETTINGS }));
    let begin = tokio::time::Instant::now();
    let fault = answer(&proxy, get()).await.unwrap_err();
    assert_eq!((fault.cause, fault.status().as_u16()), (Cause::BacklogFull, 503));
    assert_eq!(begin.elapsed().as_secs(), 1);
    assert!(fault.header.is_some_and(|field| field.0 == "retry-after"));
}

/// Its worker goes on with what it has begun: another request would wait in its backlog.
#[tokio::test(flavor = "local")]
async fn the_place_of_a_client_that_left_is_free_when_its_server_is_done() {
    let (heads, mut seen) = tokio::sync::mpsc::unbounded_channel();
    let (done, finish) = tokio::sync::oneshot::channel::<()>();
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let member = Member::new(UpstreamAddr::Tcp(listener.local_addr().unwrap())).with_at_most(1);
    let dialer = over_servers([member], Settings { idle: 0, ..SETTINGS });
    tokio::task::spawn_local(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        let mut received = [0; 4096];
        assert!(stream.read(&mut received).await.unwrap() > 0);
        heads.send(true).unwrap();
        // It could notice that nobody waits any more.
        assert_eq!(stream.read(&mut received).await.unwrap(), 0);
        heads.send(false).unwrap();
        finish.await.unwrap();
    });
    let proxy = over(Rc::clone(&dialer));
    let mut leaves = Box::pin(answer(&proxy, get()));
    tokio::select! {
        biased;
        head = seen.recv() => assert_eq!(head, Some(true)),
        _ = &mut leaves => panic!("nobody answered"),
    }
    drop(leaves);
    assert_eq!(seen.recv().await, Some(false));
    assert_eq!(dialer.upstream().servers[0].endpoint.in_flight(), 1);
    done.send(()).unwrap();
    while dialer.upstream().servers[0].endpoint.in_flight() > 0 {
        tokio::task::yield_now().await;
    }
}
