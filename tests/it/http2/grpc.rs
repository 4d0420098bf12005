//! What gRPC needs: both sides speak at the same time, and the end is told by trailers.

use bytes::Bytes;
use http::Method;

use super::proxied;
use crate::support::http2::{Http2, get};
use crate::support::{Origin, Transport};

/// Answers each piece as it comes, and tells the status at the end.
fn echo() -> Origin {
    Origin::new(Transport::Tcp, |peer| {
        let Some(head) = peer.head() else { return };
        assert!(head.to_lowercase().contains("\r\nte: trailers\r\n"), "{head}");
        peer.send("HTTP/1.1 200 OK\r\nContent-Type: application/grpc\r\nTrailer: grpc-status\r\n");
        peer.send("Transfer-Encoding: chunked\r\n\r\n");
        loop {
            let some = peer.some();
            let piece = String::from_utf8_lossy(&some).into_owned();
            if piece.is_empty() || piece.ends_with("0\r\n\r\n") {
                break;
            }
            peer.send(some);
        }
        peer.send("0\r\ngrpc-status: 0\r\ngrpc-message: well done\r\n\r\n");
        peer.wait_for_close();
    })
}

fn call() -> http::Request<()> {
    let mut request = get("/service/Method");
    *request.method_mut() = Method::POST;
    request.headers_mut().insert("content-type", "application/grpc".parse().unwrap());
    request.headers_mut().insert("te", "trailers".parse().unwrap());
    request
}

#[test]
fn messages_go_both_ways_at_the_same_time_and_trailers_end_it() {
    let origin = echo();
    let proxy = proxied(&origin);
    let mut client = Http2::connect(&proxy);
    let (response, mut stream) = client.open(call(), false);
    client.run(async {
        stream.send_data(Bytes::from_static(b"one"), false).unwrap();
        let (head, mut body) = response.await.unwrap().into_parts();
        assert_eq!(head.status, 200);
        assert_eq!(body.data().await.unwrap().unwrap(), "one");
        // The answer has begun, and the request goes on.
        stream.send_data(Bytes::from_static(b"two"), false).unwrap();
        assert_eq!(body.data().await.unwrap().unwrap(), "two");
        stream.send_data(Bytes::new(), true).unwrap();
        assert!(body.data().await.is_none());
        let trailers = body.trailers().await.unwrap().unwrap();
        assert_eq!(
            (&trailers["grpc-status"], &trailers["grpc-message"]),
            (&"0".parse().unwrap(), &"well done".parse().unwrap())
        );
    });
}
