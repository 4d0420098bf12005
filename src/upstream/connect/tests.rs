use std::os::fd::AsFd;

use super::*;

use crate::upstream::testing::SETTINGS;

async fn fault(addr: UpstreamAddr) -> Fault {
    connect(&Endpoint::new(addr), &SETTINGS, &Transport::default(), &Resolver::default())
        .await
        .expect_err("cannot be connected to")
}

#[tokio::test]
async fn a_closed_port_is_refused() {
    let addr = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let fault = fault(UpstreamAddr::Tcp(addr)).await;
    assert_eq!(fault.cause, Cause::ConnectRefused);
    assert_eq!(fault.detail, format!("connect to {addr}: connection refused"));
}

#[tokio::test]
async fn a_missing_socket_is_named() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("run/app.sock");
    let fault = fault(UpstreamAddr::Unix(path)).await;
    assert_eq!(fault.cause, Cause::SocketMissing);
    let missing = format!("{} does not exist", directory.path().join("run").display());
    assert!(fault.detail.contains(&missing), "{}", fault.detail);
}

#[tokio::test]
async fn a_socket_without_its_server_is_refused() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("app.sock");
    drop(std::os::unix::net::UnixListener::bind(&path).unwrap());
    let fault = fault(UpstreamAddr::Unix(path)).await;
    assert_eq!(fault.cause, Cause::ConnectRefused);
    assert!(fault.detail.contains("nothing listens on it"), "{}", fault.detail);
}

#[tokio::test]
async fn a_file_in_the_place_of_a_socket_is_named() {
    let file = tempfile::NamedTempFile::new().unwrap();
    let fault = fault(UpstreamAddr::Unix(file.path().into())).await;
    assert_eq!(fault.cause, Cause::ConnectRefused);
    assert!(fault.detail.contains("is not a socket"), "{}", fault.detail);
}

#[tokio::test]
async fn a_full_backlog_is_busy_not_broken() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("app.sock");
    let listener = std::os::unix::net::UnixListener::bind(&path).unwrap();
    rustix::net::listen(listener.as_fd(), 1).unwrap();
    let endpoint = Endpoint::new(UpstreamAddr::Unix(path));
    let mut held = Vec::new();
    let fault = loop {
        assert!(held.len() < 10, "the backlog of 1 has room for {}", held.len());
        match connect(&endpoint, &SETTINGS, &Transport::default(), &Resolver::default()).await {
            Ok(stream) => held.push(stream),
            Err(fault) => break fault,
        }
    };
    assert_eq!(fault.cause, Cause::BacklogFull, "{}", fault.detail);
}

#[tokio::test]
async fn a_full_tcp_backlog_times_out() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    rustix::net::listen(listener.as_fd(), 0).unwrap();
    let endpoint = Endpoint::new(UpstreamAddr::Tcp(listener.local_addr().unwrap()));
    let settings = Settings { connect: Duration::from_millis(30), ..SETTINGS };
    let mut held = Vec::new();
    let fault = loop {
        assert!(held.len() < 10, "the backlog of 0 has room for {}", held.len());
        match connect(&endpoint, &settings, &Transport::default(), &Resolver::default()).await {
            Ok(stream) => held.push(stream),
            Err(fault) => break fault,
        }
    };
    assert_eq!(fault.cause, Cause::ConnectTimeout);
    assert!(fault.detail.ends_with("no answer within 0.0 s"), "{}", fault.detail);
}

#[tokio::test]
async fn names_are_resolved_and_every_address_is_tried() {
    // `localhost` is ::1 and 127.0.0.1 on most machines; only one of them is bound.
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let endpoint = Endpoint::new(UpstreamAddr::Name { host: "localhost".into(), port });
    connect(&endpoint, &SETTINGS, &Transport::default(), &Resolver::default()).await.unwrap();
}

#[tokio::test]
async fn an_unknown_name_is_told_from_a_dead_server() {
    let fault = fault(UpstreamAddr::Name { host: "no-such-host.invalid".into(), port: 80 }).await;
    assert_eq!(fault.cause, Cause::ResolveFailed);
}
