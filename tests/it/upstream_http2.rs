//! Applications that are spoken to by HTTP/2, frame by frame: where an answer fails, and where a request may
//! be sent again.

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

/// A server that does this with each request, told its stream.
fn serving(answer: impl Fn(&mut Conversation, u8) + Send + Sync + 'static) -> Origin {
    const PREFACE: usize = 24;
    Origin::new(Transport::Tcp, move |peer| {
        peer.send(SETTINGS).send(SETTINGS_ACK);
        let (mut seen, mut at) = (Vec::new(), PREFACE);
        loop {
            let more = peer.some();
            if more.is_empty() {
                return;
            }
            seen.extend(more);
            while let Some(frame) = seen.get(at..at + 9) {
                if frame[3] == HEADERS {
                    answer(peer, frame[8]);
                }
                at += 9 + usize::from(frame[1]) * 256 + usize::from(frame[2]);
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
        let proxy = Proxy::site(&format!(
            "[[site.location]]\nmatch = \"/\"\nproxy = \"app\"\nbuffer_request = false\n\n\
             [upstream.app]\nservers = [\"{}\", \"{}\"]\nprotocol = \"h2c\"\nretry = {{ window = \"0s\" }}\n",
            unwilling.address(),
            willing.address()
        ))
        .start();
        // One of two goes to the unwilling one first.
        for _ in 0..2 {
            assert_eq!(proxy.send(&Request::post("/", "hello")).status, 200);
        }
        assert!(unwilling.connections() > 0);
    }
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
