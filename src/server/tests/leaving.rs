//! Ends of connections: a drain, and clients that leave.

use tokio::sync::mpsc;

use super::*;

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
        let (dropped, mut told) = mpsc::channel::<()>(1);
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
