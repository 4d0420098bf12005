//! What is too large is refused early, and costs nothing.

use crate::support::{Origin, Proxy, Request, Response};

fn proxy(origin: &Origin) -> Proxy {
    Proxy::site(&format!(
        "max_body = 100\n\
         [[site.location]]\nmatch = \"/\"\nproxy = \"app\"\n\
         [[site.location]]\nmatch = \"/small/\"\nproxy = \"app\"\nmax_body = 10\n\
         [[site.location]]\nmatch = \"/large/\"\nproxy = \"app\"\nmax_body = \"1MiB\"\n\
         [[site.location]]\nmatch = \"/any/\"\nproxy = \"app\"\nmax_body = 0\n\
         [upstream.app]\nservers = [\"{}\"]\n",
        origin.address()
    ))
    .start()
}

/// In chunks of 8 bytes, and a smaller one for the rest.
fn chunked(path: &str, length: usize) -> Request {
    let rest = match length % 8 {
        0 => String::new(),
        rest => format!("{rest}\r\n{}\r\n", "x".repeat(rest)),
    };
    let body = "8\r\n12345678\r\n".repeat(length / 8) + &rest + "0\r\n\r\n";
    Request::post(path, body).header("Transfer-Encoding", "chunked")
}

#[test]
fn bodies_are_bounded_by_site_and_by_location() {
    let origin = Origin::ok("");
    let proxy = proxy(&origin);
    let table = [
        ("/x", 100, 200),
        ("/x", 101, 413),
        ("/small/x", 10, 200),
        ("/small/x", 11, 413),
        ("/large/x", 1 << 20, 200),
        ("/large/x", (1 << 20) + 1, 413),
        ("/any/x", 3 << 20, 200),
    ];
    for (path, length, status) in table {
        let answer = |request: &Request| -> Response {
            let mut client = proxy.connect();
            // Refused before all of it is sent.
            let _ = client.try_send(request.bytes());
            client.response()
        };
        assert_eq!(answer(&Request::post(path, vec![b'x'; length])).status, status, "{path} {length}");
        assert_eq!(answer(&chunked(path, length)).status, status, "{path} {length} in chunks");
    }
}

/// Nothing of a body that is announced as too large is asked for.
#[test]
fn a_client_that_asks_first_is_told_before_it_sends() {
    let origin = Origin::ok("");
    let proxy = proxy(&origin);
    let mut client = proxy.connect();
    client.send("POST /x HTTP/1.1\r\nHost: localhost\r\nContent-Length: 101\r\nExpect: 100-continue\r\n\r\n");
    let response = client.response();
    assert_eq!((response.status, response.interim), (413, vec![]));
    assert_eq!(origin.connections(), 0);
}

#[test]
fn a_chunked_body_that_grows_too_large_is_never_a_whole_request() {
    let origin = Origin::ok("");
    let proxy = proxy(&origin);
    let response = proxy.send(&chunked("/x", 200));
    assert_eq!(response.status, 413);
    assert!(origin.requests().is_empty(), "the application got it");
    proxy.wait_for_access("\"POST /x HTTP/1.1\" 413 ");
}

#[test]
fn targets_are_bounded() {
    let origin = Origin::ok("");
    let proxy = proxy(&origin);
    assert_eq!(proxy.get(&format!("/{}", "a".repeat(7_000))).status, 200);
    let mut client = proxy.connect();
    client.send(Request::get(&format!("/{}", "a".repeat(9_000))).bytes());
    assert_eq!(client.response().status, 414);
    assert!(client.is_closed());
    // Without its end, too: nobody has to send a megabyte to be refused.
    let mut client = proxy.connect();
    client.send(format!("GET /{}", "a".repeat(9_000)));
    assert_eq!(client.response().status, 414);
}

#[test]
fn heads_are_bounded_in_bytes_and_in_fields() {
    let origin = Origin::ok("");
    let proxy = proxy(&origin);
    let cookie = |length: usize| Request::get("/").header("Cookie", &"c".repeat(length));
    assert_eq!(proxy.send(&cookie(16_000)).status, 200);
    assert_eq!(proxy.send(&cookie(40_000)).status, 431);
    let fields = |count: usize| (0..count).fold(Request::get("/"), |request, _| request.header("X", "y"));
    assert_eq!(proxy.send(&fields(90)).status, 200);
    assert_eq!(proxy.send(&fields(101)).status, 431);
    proxy.wait_for_access(" 431 ");
}
