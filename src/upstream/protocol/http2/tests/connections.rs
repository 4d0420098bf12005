//! Connections that requests share, and what becomes of them.

use std::time::Duration;

use futures_util::future::join_all;
use tokio::io::AsyncReadExt;
use tokio::net::TcpListener;

use super::*;

async fn body(response: Result<Response, Failure>) -> String {
    collect(response.unwrap().body).await.unwrap().0
}

#[tokio::test(flavor = "local")]
async fn requests_at_once_share_one_connection() {
    let origin = origin(|_, reply| async { say(reply, "hello") }).await;
    let dialer = over_http2(origin.addr, SETTINGS);
    for _ in 0..2 {
        let answers = join_all((0..50).map(|_| async { body(ask(&dialer, get()).await).await })).await;
        assert!(answers.iter().all(|answer| answer == "hello"));
    }
    assert_eq!(origin.connections(), 1);
}

#[tokio::test(flavor = "local")]
async fn no_connection_has_more_requests_than_its_server_takes() {
    let mut settings = server::Builder::new();
    settings.max_concurrent_streams(2);
    let (begun, mut wait) = tokio::sync::mpsc::unbounded_channel();
    let (go, gone) = tokio::sync::watch::channel(false);
    let origin = Origin::start(settings, move |_, reply| {
        let (begun, mut gone) = (begun.clone(), gone.clone());
        async move {
            begun.send(()).unwrap();
            gone.wait_for(|gone| *gone).await.unwrap();
            say(reply, "hello");
        }
    })
    .await;
    let dialer = over_http2(origin.addr, SETTINGS);
    let released = async {
        for _ in 0..6 {
            wait.recv().await.unwrap();
        }
        go.send(true).unwrap();
    };
    let answers = join_all((0..6).map(|_| async { body(ask(&dialer, get()).await).await }));
    let (answers, ()) = tokio::join!(answers, released);
    assert_eq!(answers, ["hello"; 6]);
    assert_eq!(origin.connections(), 3);
}

#[tokio::test(flavor = "local")]
async fn a_server_that_takes_no_request_is_not_waited_for_long() {
    let mut takes_none = server::Builder::new();
    takes_none.max_concurrent_streams(0);
    let origin = Origin::start(takes_none, |_, reply| async { say(reply, "") }).await;
    let settings = Settings { send: Duration::from_millis(40), ..SETTINGS };
    let failure = ask(&over_http2(origin.addr, settings), get()).await.unwrap_err();
    assert_eq!(failure.fault.cause, Cause::SendTimeout);
    assert!(failure.fault.detail.contains("MAX_CONCURRENT_STREAMS"), "{}", failure.fault.detail);
    assert!(failure.untouched);
}

#[tokio::test(flavor = "local")]
async fn an_idle_connection_is_closed_in_time() {
    let settings = Settings { idle_timeout: Duration::from_millis(50), ..SETTINGS };
    let origin = origin(|_, reply| async { say(reply, "hello") }).await;
    let dialer = over_http2(origin.addr, settings);
    for connections in 1..=2 {
        assert_eq!(body(ask(&dialer, get()).await).await, "hello");
        assert_eq!(origin.connections(), connections);
        while lease(&dialer).reuse(true).is_some() {
            tokio::time::sleep(Duration::from_millis(60)).await;
        }
    }
}

#[tokio::test(flavor = "local")]
async fn where_none_is_kept_each_request_has_its_own() {
    let settings = Settings { idle: 0, ..SETTINGS };
    let origin = origin(|_, reply| async { say(reply, "hello") }).await;
    let dialer = over_http2(origin.addr, settings);
    for connections in 1..=2 {
        assert_eq!(body(ask(&dialer, get()).await).await, "hello");
        assert_eq!(origin.connections(), connections);
    }
}

#[tokio::test(flavor = "local")]
async fn a_request_nobody_waits_for_is_cancelled() {
    let (told, mut heard) = tokio::sync::mpsc::unbounded_channel();
    let origin = origin(move |asked: Asked, mut reply| {
        let told = told.clone();
        async move {
            told.send(None).unwrap();
            let reason = std::future::poll_fn(|cx| reply.poll_reset(cx)).await.unwrap();
            told.send(Some(reason)).unwrap();
            drop(asked);
        }
    })
    .await;
    let dialer = over_http2(origin.addr, SETTINGS);
    {
        let mut waiting = Box::pin(ask(&dialer, get()));
        tokio::select! {
            _ = &mut waiting => panic!("answered"),
            begun = heard.recv() => assert_eq!(begun, Some(None)),
        }
    }
    assert_eq!(heard.recv().await, Some(Some(h2::Reason::CANCEL)));
    assert!(lease(&dialer).reuse(true).is_some(), "the connection goes on");
}

#[tokio::test(flavor = "local")]
async fn a_goodbye_is_heeded() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let dialer = over_http2(listener.local_addr().unwrap(), SETTINGS);
    tokio::task::spawn_local(async move {
        for _ in 0..2 {
            let (stream, _) = listener.accept().await.unwrap();
            tokio::task::spawn_local(async move {
                let mut connection = server::handshake(stream).await.unwrap();
                let (_, reply) = connection.accept().await.unwrap().unwrap();
                connection.graceful_shutdown();
                say(reply, "hello");
                while connection.accept().await.is_some() {}
            });
        }
    });
    for _ in 0..2 {
        assert_eq!(body(ask(&dialer, get()).await).await, "hello");
        while lease(&dialer).reuse(true).is_some() {
            tokio::task::yield_now().await;
        }
    }
}

#[tokio::test(flavor = "local")]
async fn a_dead_server_is_noticed_while_requests_are_with_it() {
    let settings = Settings { read: Duration::from_secs(3600), ..SETTINGS };
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let dialer = over_http2(listener.local_addr().unwrap(), settings);
    tokio::task::spawn_local(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        // Its settings, and nothing more for ever.
        tokio::io::AsyncWriteExt::write_all(&mut stream, &[0, 0, 0, 4, 0, 0, 0, 0, 0]).await.unwrap();
        while stream.read(&mut [0; 1024]).await.is_ok_and(|count| count > 0) {}
    });
    let lease = lease(&dialer);
    let Ok(Channel::Shared(share)) = lease.connect().await else { panic!("not shared") };
    tokio::time::pause();
    let start = tokio::time::Instant::now();
    let failure = exchange(&mut get(), share, lease, Demands::default()).await.unwrap_err();
    assert_eq!(failure.fault.cause, Cause::ClosedBeforeAnswer);
    assert!(failure.fault.detail.contains("no sign of life"), "{}", failure.fault.detail);
    assert_eq!(start.elapsed().as_secs(), 45);
}
