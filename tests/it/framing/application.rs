//! What reached the application, held against the corpus and against what a canonical request looks like.

use crate::support::origin::{Conversation, Received};
use crate::support::{Origin, Transport};

use super::corpus::Forwarded;

/// Answers `ok`, but upgrades at `/app/switch` and sends chunks at `/app/chunked`.
pub fn start() -> Origin {
    Origin::new(Transport::Tcp, |peer| {
        while let Some(request) = peer.request() {
            match request.request_line().split(' ').nth(1) {
                Some("/app/switch") => return echo(peer),
                Some("/app/chunked") => {
                    peer.send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n");
                    peer.send("2\r\nhe\r\n3\r\nllo\r\n0\r\n\r\n");
                }
                _ => {
                    peer.send("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
                }
            }
        }
    })
}

/// What a tunnel leads to.
fn echo(peer: &mut Conversation) {
    peer.send("HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\n");
    let (mut from, mut to) = (peer.stream().try_clone(), peer.stream().try_clone());
    let _ = std::io::copy(&mut from, &mut to);
}

/// Compares what came with what the corpus says.
pub fn check(received: &[Received], expected: &[Forwarded]) {
    for request in received {
        canonical(request);
    }
    let lines: Vec<&str> = received.iter().map(Received::request_line).collect();
    assert_eq!(lines.len(), expected.len(), "the application got {lines:?}");
    for (request, expected) in received.iter().zip(expected) {
        compare(request, expected);
    }
}

fn compare(request: &Received, expected: &Forwarded) {
    assert_eq!(request.request_line(), lossy(&expected.line));
    for (name, value) in &expected.has {
        assert_eq!(request.header_values(name), [lossy(value)], "{name} in\n{}", request.head);
    }
    for (name, value) in &expected.lacks {
        let mut values = request.header_values(name).into_iter();
        let through =
            values.any(|seen| value.as_ref().is_none_or(|value| seen.eq_ignore_ascii_case(&lossy(value))));
        assert!(!through, "{name} went through in\n{}", request.head);
    }
    let body = decoded(request);
    assert!(body == expected.body, "{} bytes of body, not {}", body.len(), expected.body.len());
}

fn lossy(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// What holds for every request that leaves rproxy.
fn canonical(request: &Received) {
    let head = &request.head;
    let count = |name: &str| request.header_values(name).len();
    let only_crlf = head.split("\r\n").all(|line| line.chars().all(|c| !c.is_ascii_control() || c == '\t'));
    assert!(only_crlf, "a control byte in {head:?}");
    let parts: Vec<&str> = request.request_line().split(' ').collect();
    let [_, target, version] = parts[..] else { panic!("request line of {head:?}") };
    assert!(target.starts_with('/') && version == "HTTP/1.1", "{head}");
    assert_eq!(count("Host"), 1, "{head}");
    assert!(count("Content-Length") + count("Transfer-Encoding") <= 1, "{head}");
    assert!(request.header("Transfer-Encoding").is_none_or(|coding| coding == "chunked"), "{head}");
    assert!(request.header("TE").is_none_or(|codings| codings == "trailers"), "{head}");
    for name in ["Keep-Alive", "Proxy-Connection", "Proxy", "Expect", "HTTP2-Settings", "Trailer"] {
        assert_eq!(count(name), 0, "{head}");
    }
    for line in head.split("\r\n").skip(1).filter(|line| !line.is_empty()) {
        let name = line.split(':').next().unwrap();
        let clean =
            name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^`|~".contains(&byte));
        assert!(clean && !name.is_empty(), "{line:?}");
    }
}

/// The body without its chunk lines, whose form the origin has checked.
fn decoded(request: &Received) -> Vec<u8> {
    if request.header("Transfer-Encoding").is_none() {
        return request.body.clone();
    }
    let (mut body, mut rest) = (Vec::new(), request.body.as_slice());
    while let Some(at) = memchr::memmem::find(rest, b"\r\n") {
        let size = usize::from_str_radix(std::str::from_utf8(&rest[..at]).unwrap(), 16).unwrap();
        body.extend_from_slice(&rest[at + 2..at + 2 + size]);
        rest = &rest[at + 2 + size + 2..];
    }
    body
}
