//! Applications that are spoken to by HTTP/2, frame by frame: where an answer fails, and where a request may
//! be sent again.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use crate::support::frames::{DATA, END_STREAM, Frame, frame, settings};
use crate::support::kernel::eventually;
use crate::support::origin::Conversation;
use crate::support::{Origin, Proxy, Request, Transport};

/// An empty SETTINGS frame, and its acknowledgement (RFC 9113 6.5).
const SETTINGS: [u8; 9] = [0, 0, 0, 4, 0, 0, 0, 0, 0];
const SETTINGS_ACK: [u8; 9] = [0, 0, 0, 4, 1, 0, 0, 0, 0];
const HEADERS: u8 = 1;
const RST_STREAM: u8 = 3;
const GOAWAY: u8 = 7;

fn proxy_to(origin: &Origin, rest: &str) -> Proxy {
    Proxy::site(&format!(
        "[[site.location]]\nmatch = \"/\"\nproxy = \"app\"\n\n[upstream.app]\nservers = [\"{}\"]\n\
         protocol = \"h2c\"\nretry = {{ window = \"0s\" }}\n{rest}",
        origin.address()
    ))
    .start()
}

/// What a request brings is passed on as it comes.
fn proxy_to_both(one: &Origin, other: &Origin) -> Proxy {
    Proxy::site(&format!(
        "[[site.location]]\nmatch = \"/\"\nproxy = \"app\"\nbuffer_request = false\n\n\
         [upstream.app]\nservers = [\"{}\", \"{}\"]\nprotocol = \"h2c\"\nretry = {{ window = \"0s\" }}\n",
        one.address(),
        other.address()
    ))
    .start()
}

/// A server that does this with each request, told its stream.
fn serving(answer: impl Fn(&mut Conversation, u8) + Send + Sync + 'static) -> Origin {
    reading(SETTINGS, move |peer, frame| {
        if frame.kind == HEADERS {
            answer(peer, u8::try_from(frame.stream).unwrap());
        }
    })
}

/// A server of these settings that does this with each frame.
fn reading(
    settings: impl AsRef<[u8]> + Send + Sync + 'static,
    heed: impl Fn(&mut Conversation, &Frame) + Send + Sync + 'static,
) -> Origin {
    const PREFACE: usize = 24;
    Origin::new(Transport::Tcp, move |peer| {
        peer.send(&settings).send(SETTINGS_ACK);
        let (mut seen, mut at) = (Vec::new(), PREFACE);
        loop {
            let more = peer.some();
            if more.is_empty() {
                return;
            }
            seen.extend(more);
            while let Some(&[_, high, low, kind, flags, .., stream]) = seen.get(at..at + 9) {
                let end = at + 9 + usize::from(high) * 256 + usize::from(low);
                let Some(payload) = seen.get(at + 9..end) else { break };
                heed(peer, &Frame { kind, flags, stream: stream.into(), payload: payload.to_vec() });
                at = end;
            }
        }
    })
}

/// `:status: 200`, and whether the stream ends with it.
fn ok(stream: u8, ends: bool) -> [u8; 10] {
    [0, 0, 1, HEADERS, 4 | u8::from(ends), 0, 0, 0, stream, 0x88]
}

/// `hello`, and whether the stream ends with it.
fn hello(stream: u8, ends: bool) -> Vec<u8> {
    [&[0, 0, 5, 0, u8::from(ends), 0, 0, 0, stream], &b"hello"[..]].concat()
}

fn reset(stream: u8, code: u8) -> [u8; 13] {
    [0, 0, 4, RST_STREAM, 0, 0, 0, 0, stream, 0, 0, 0, code]
}

#[test]
fn a_client_of_http_1_1_is_answered_by_a_server_of_http_2() {
    let origin = serving(|peer, stream| {
        peer.send(ok(stream, false)).send(hello(stream, true));
    });
    let response = proxy_to(&origin, "").get("/");
    assert_eq!((response.status, response.text()), (200, "hello"));
}

#[test]
fn a_reset_stream_is_named_by_its_code() {
    let origin = serving(|peer, stream| {
        peer.send(reset(stream, 2));
    });
    let proxy = proxy_to(&origin, "");
    assert_eq!(proxy.get("/").status, 502);
    assert!(proxy.wait_for_log("upstream-stream-reset").contains("INTERNAL_ERROR"));
}

/// What was not looked at may go elsewhere, whatever its method.
#[test]
fn requests_that_were_refused_or_dismissed_are_sent_again() {
    const NOTHING_SEEN: [u8; 17] = [0, 0, 8, GOAWAY, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0];
    let refusing = serving(|peer, stream| {
        peer.send(reset(stream, 7));
    });
    let dismissing = serving(|peer, _| {
        peer.send(NOTHING_SEEN);
    });
    for unwilling in [refusing, dismissing] {
        let willing = serving(|peer, stream| {
            peer.send(ok(stream, true));
        });
        let proxy = proxy_to_both(&unwilling, &willing);
        // One of two goes to the unwilling one first.
        for _ in 0..2 {
            assert_eq!(proxy.send(&Request::post("/", "hello")).status, 200);
        }
        assert!(unwilling.connections() > 0);
    }
}

/// What the server had no room for is still to come from the client.
#[test]
fn a_refused_request_that_streams_is_sent_again_in_full() {
    const WINDOW: (u16, u32) = (4, 1000);
    let small = frame(4, 0, 0, settings(&[WINDOW]));
    let refusing = reading(small, |peer, frame| {
        if frame.kind == DATA {
            peer.send(reset(u8::try_from(frame.stream).unwrap(), 7));
        }
    });
    let (begun, taken) = (Arc::<AtomicUsize>::default(), AtomicUsize::default());
    let heads = Arc::clone(&begun);
    let willing = reading(SETTINGS, move |peer, got| {
        heads.fetch_add(usize::from(got.kind == HEADERS), Ordering::SeqCst);
        if got.kind == DATA {
            taken.fetch_add(got.payload.len(), Ordering::SeqCst);
        }
        if got.kind == DATA && got.flags & END_STREAM != 0 {
            let length = taken.swap(0, Ordering::SeqCst).to_string();
            peer.send(ok(u8::try_from(got.stream).unwrap(), false));
            peer.send(frame(DATA, END_STREAM, got.stream, length));
        }
    });
    let proxy = proxy_to_both(&refusing, &willing);
    for count in 1..=2 {
        let mut client = proxy.connect();
        client.send("POST / HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n");
        client.send(format!("bb8\r\n{}\r\n", "a".repeat(3000)));
        eventually("the willing server is asked", || begun.load(Ordering::SeqCst) == count);
        client.send(format!("7d0\r\n{}\r\n0\r\n\r\n", "b".repeat(2000)));
        assert_eq!(client.response().text(), "5000");
    }
    assert!(refusing.connections() > 0);
}

/// A server may have sent much more before it hears of it.
#[test]
fn downloads_that_are_given_up_do_not_end_the_connection() {
    const ABANDONED: u8 = 60;
    const LAST: u8 = 2 * ABANDONED + 1;
    let resets = Arc::<AtomicUsize>::default();
    let heard = Arc::clone(&resets);
    let origin = reading(SETTINGS, move |peer, got| {
        let stream = u8::try_from(got.stream).unwrap();
        heard.fetch_add(usize::from(got.kind == RST_STREAM), Ordering::SeqCst);
        if got.kind == HEADERS && stream == LAST {
            for _ in 0..1100 {
                peer.send(frame(DATA, 0, 1, [0; 1024]));
            }
            peer.send(ok(stream, true));
        } else if got.kind == HEADERS {
            peer.send(ok(stream, false)).send(hello(stream, false));
        }
    });
    let proxy = proxy_to(&origin, "[server]\nworkers = 1\n");
    let clients: Vec<_> = (0..ABANDONED)
        .map(|_| {
            let mut client = proxy.connect();
            client.send(Request::get("/").bytes());
            assert_eq!(client.head().status, 200);
            client
        })
        .collect();
    drop(clients);
    eventually("the server hears of it", || resets.load(Ordering::SeqCst) == usize::from(ABANDONED));
    assert_eq!(proxy.get("/").status, 200);
    assert_eq!(origin.connections(), 1);
}

#[test]
fn an_answer_that_is_reset_does_not_look_whole() {
    let origin = serving(|peer, stream| {
        peer.send(ok(stream, false)).send(hello(stream, false)).send(reset(stream, 8));
    });
    let proxy = proxy_to(&origin, "");
    let mut client = proxy.connect();
    client.send(Request::get("/").bytes());
    let everything = client.rest();
    assert!(!everything.ends_with(b"0\r\n\r\n"), "{}", everything.escape_ascii());
    assert!(proxy.wait_for_log("response-cut-short").contains("CANCEL"));
}

#[test]
fn a_server_of_http_1_1_is_named() {
    let origin = Origin::answering("HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n");
    let proxy = proxy_to(&origin, "");
    assert_eq!(proxy.get("/").status, 502);
    let line = proxy.wait_for_log("upstream-no-http2");
    assert!(line.contains("remedy=") && line.contains("protocol"), "{line}");
}

#[test]
fn upgrades_are_refused_by_name() {
    let origin = serving(|_, _| {});
    let proxy = proxy_to(&origin, "");
    let request = Request::get("/chat").header("Connection", "Upgrade").header("Upgrade", "websocket");
    assert_eq!(proxy.send(&request).status, 501);
    assert!(proxy.wait_for_log("upstream-no-upgrade").contains("remedy="));
}
