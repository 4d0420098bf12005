//! One case on a connection of its own: bytes out, answers in.

use std::io::Write;
use std::net::Shutdown;
use std::time::Duration;

use crate::support::stream::Stream;
use crate::support::{Client, Response};

use super::corpus::{Answer, Case, End};

const PROBE: &str = "GET /echo/probe HTTP/1.1\r\nHost: a.test\r\n\r\n";

/// Sends the case in the given pieces and checks what comes back; the number of final answers.
pub fn run(address: &str, case: &Case, pieces: &[&[u8]]) -> usize {
    let mut client = Client::connect(address);
    client.stream().set_patience(Duration::from_secs(10));
    let writer = client.stream().try_clone();
    // Beside the reader, since a server may answer long before it has read everything.
    std::thread::scope(|scope| {
        scope.spawn(move || send(writer, case, pieces));
        receive(&mut client, case)
    })
}

/// Who has refused a request need not read the rest of it, so a failing write is no failure.
fn send(mut writer: Stream, case: &Case, pieces: &[&[u8]]) {
    if let Stream::Tcp(tcp) = &writer {
        tcp.set_nodelay(true).unwrap();
    }
    for (index, piece) in pieces.iter().enumerate() {
        if index > 0 {
            // No event tells that a piece was read by itself; too short a pause only makes a weaker test.
            std::thread::park_timeout(Duration::from_millis(1));
        }
        if writer.write_all(piece).is_err() {
            return;
        }
    }
    match case.end {
        _ if case.eof => writer.shutdown(Shutdown::Write),
        End::Keep | End::Sync => drop(writer.write_all(PROBE.as_bytes())),
        End::Close | End::Tunnel => {}
    }
}

fn receive(client: &mut Client, case: &Case) -> usize {
    let mut finals = 0;
    let mut interim = Vec::new();
    for expected in &case.answers {
        if expected.statuses == [100] {
            interim.push(100);
            assert!(expected.optional, "nobody waits for 100 here");
            continue;
        }
        if expected.optional && client.is_closed() {
            continue;
        }
        let response = client.response_to(if expected.bodyless { "HEAD" } else { "GET" });
        check(&response, expected, &interim);
        interim.clear();
        finals += 1;
    }
    finals + after(client, case.end)
}

fn check(response: &Response, expected: &Answer, interim: &[u16]) {
    let shown = || format!("{} {}", response.status, String::from_utf8_lossy(&response.body));
    assert!(expected.statuses.contains(&response.status), "{:?} was due, not {}", expected.statuses, shown());
    assert!(
        expected.body.as_ref().is_none_or(|body| *body == response.body),
        "another body than {}",
        shown()
    );
    assert!(response.interim.iter().all(|status| interim.contains(status)), "interim {:?}", response.interim);
}

/// How the connection goes on; the number of further answers, which is that to the probe.
fn after(client: &mut Client, end: End) -> usize {
    match end {
        End::Close => {
            let rest = client.rest();
            assert!(rest.is_empty(), "instead of the end came {}", rest.escape_ascii());
            0
        }
        End::Sync if client.is_closed() => 0,
        End::Keep | End::Sync => {
            let response = client.response();
            assert_eq!((response.status, response.text()), (200, "/echo/probe"), "the answer to the probe");
            1
        }
        End::Tunnel => {
            assert_eq!(client.send("through the tunnel").take(18), b"through the tunnel");
            0
        }
    }
}
