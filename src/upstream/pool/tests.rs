use tokio::io::AsyncWriteExt;
use tokio::net::UnixStream;

use super::*;
use crate::net::{Stream, UpstreamAddr};
use crate::upstream::testing::SETTINGS;

fn endpoint() -> Arc<Endpoint> {
    Arc::new(Endpoint::new(UpstreamAddr::Unix("/app.sock".into())))
}

fn connection() -> (Box<Connection>, UnixStream) {
    let (ours, theirs) = UnixStream::pair().unwrap();
    (Connection::new(Stream::Unix(ours)), theirs)
}

#[tokio::test(flavor = "local")]
async fn the_newest_connection_is_used_first() {
    let (pool, endpoint) = (Pool::new(), endpoint());
    let slot = pool.slot(&endpoint, &Transport::default());
    let ((older, _a), (mut newer, _b)) = (connection(), connection());
    newer.output.reserve(99);
    pool.put(&slot, older, &SETTINGS);
    pool.put(&slot, newer, &SETTINGS);
    assert!(slot.take(false).unwrap().output.capacity() >= 99);
    assert!(slot.take(false).unwrap().reused);
    assert!(slot.take(false).is_none());
}

#[tokio::test(flavor = "local")]
async fn connections_that_ended_or_spoke_are_passed_over() {
    let (pool, endpoint) = (Pool::new(), endpoint());
    let slot = pool.slot(&endpoint, &Transport::default());
    let ((ended, peer), (spoke, mut talker)) = (connection(), connection());
    talker.write_all(b"HTTP/1.1 200 OK").await.unwrap();
    drop(peer);
    spoke.stream.readable().await.unwrap();
    ended.stream.readable().await.unwrap();
    for repeated in [false, true] {
        assert!(!ended.is_quiet(repeated) && !spoke.is_quiet(repeated));
    }
    pool.put(&slot, ended, &SETTINGS);
    pool.put(&slot, spoke, &SETTINGS);
    assert!(slot.take(true).is_none());
}

#[tokio::test(flavor = "local")]
async fn no_more_than_the_limit_are_kept() {
    let (pool, endpoint) = (Pool::new(), endpoint());
    let slot = pool.slot(&endpoint, &Transport::default());
    let mut peers = Vec::new();
    for _ in 0..5 {
        let (connection, peer) = connection();
        pool.put(&slot, connection, &Settings { idle: 3, ..SETTINGS });
        peers.push(peer);
    }
    assert_eq!(slot.len(), 3);
    pool.put(&slot, connection().0, &Settings { idle: 0, ..SETTINGS });
    assert_eq!(slot.len(), 3);
}

#[tokio::test(flavor = "local", start_paused = true)]
async fn idle_connections_expire_and_are_closed() {
    let (pool, endpoint) = (Pool::new(), endpoint());
    let slot = pool.slot(&endpoint, &Transport::default());
    for round in 0..2 {
        let (connection, _peer) = connection();
        pool.put(&slot, connection, &SETTINGS);
        tokio::time::sleep(SETTINGS.idle_timeout / 2).await;
        assert_eq!(slot.len(), 1, "round {round}");
        tokio::time::sleep(SETTINGS.idle_timeout).await;
        assert_eq!(slot.len(), 0, "round {round}");
    }
}

#[tokio::test(flavor = "local")]
async fn a_server_known_from_before_keeps_its_connections() {
    let (pool, endpoint) = (Pool::new(), endpoint());
    let slot = pool.slot(&endpoint, &Transport::default());
    pool.put(&slot, connection().0, &SETTINGS);
    assert_eq!(pool.slot(&endpoint, &Transport::default()).len(), 1);
    drop(slot);
    assert_eq!(pool.slot(&endpoint, &Transport::default()).len(), 0);
}
