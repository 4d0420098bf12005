//! Upgraded connections.

use std::cell::RefCell;

use ::http::StatusCode;

use super::*;
use crate::http::Tunnel;

/// A client in a tunnel, and the server's end of it.
async fn tunnel() -> (Session, UnixStream) {
    let (far, near) = UnixStream::pair().unwrap();
    let near = Rc::new(RefCell::new(Some(near)));
    let mut session = session(move |_| {
        let io = near.borrow_mut().take().unwrap();
        let tunnel = Tunnel::new(io, Bytes::from_static(b"early"));
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
