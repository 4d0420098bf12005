use std::io::{self, Read};
use std::sync::Mutex;
use std::sync::mpsc::{Receiver, Sender, channel};

use crate::support::decode::{decode, decode_some, decoder};
use crate::support::kernel::{self, eventually};
use crate::support::proxy::Builder;
use crate::support::{Client, Origin, PATIENCE, Proxy, Request, Response, Transport, over_tcp_and_unix};

const CODINGS: [&str; 3] = ["zstd", "br", "gzip"];
const MIB: usize = 1 << 20;

over_tcp_and_unix! {
    each_chunk_is_with_its_client_before_the_next_is_sent,
    an_application_that_dies_leaves_a_body_that_is_cut,
}

fn to(address: &str, compress: &str) -> Builder {
    Proxy::site(&format!(
        "[[site.location]]\nmatch = \"/\"\nproxy = \"app\"\ncompress = {compress}\n\
         [upstream.app]\nservers = [\"{address}\"]\n"
    ))
    .own_temp()
}

fn page(size: usize) -> Vec<u8> {
    let lines = (0_u64..).flat_map(|n| format!("<li>{:x}</li>\n", n.wrapping_mul(0x9e37_79b9)).into_bytes());
    lines.take(size).collect()
}

fn html(fields: &str, body: &[u8]) -> Vec<u8> {
    let head = format!("HTTP/1.1 200 OK\r\nContent-Type: text/html\r\n{fields}\r\n");
    [head.as_bytes(), body].concat()
}

/// Answers everything with a page of so many bytes.
fn origin(fields: &str, size: usize) -> Origin {
    Origin::answering(html(&format!("Content-Length: {size}\r\n{fields}"), &page(size)))
}

fn asking(accept: &str) -> Request {
    Request::get("/").header("Accept-Encoding", accept)
}

/// What a client that likes gzip gets of an answer with these fields.
fn answer(fields: &str, size: usize, compress: &str) -> Response {
    let origin = origin(fields, size);
    to(origin.address(), compress).start().send(&asking("gzip"))
}

#[test]
fn pages_come_back_from_every_coding() {
    for size in [2_000, 60_000, MIB] {
        let origin = origin("", size);
        let proxy = to(origin.address(), "true").start();
        for coding in CODINGS {
            let response = proxy.send(&asking(coding));
            assert_eq!(response.header("content-encoding"), Some(coding));
            assert_eq!(response.header("vary"), Some("Accept-Encoding"));
            assert!(response.body.len() < size / 2, "{coding}: {}", response.body.len());
            assert!(decode(coding, &response.body).unwrap() == page(size), "{coding}, {size}");
        }
    }
}

#[test]
fn the_client_chooses_among_what_is_offered() {
    let origin = origin("", 5_000);
    let proxy = to(origin.address(), r#"{ codings = ["br", "gzip"] }"#).start();
    for (accept, coding) in [
        ("gzip, deflate, br, zstd", Some("br")),
        ("br;q=0.5, gzip", Some("gzip")),
        ("zstd", None),
        ("", None),
        ("*", Some("br")),
        ("identity, gzip;q=0.1", None),
    ] {
        let response = proxy.send(&asking(accept));
        assert_eq!(response.header("content-encoding"), coding, "{accept}");
        assert_eq!(response.header("vary"), Some("Accept-Encoding"), "{accept}");
    }
    let plain = proxy.get("/");
    assert_eq!(plain.header("content-length"), Some("5000"));
    assert!(plain.body == page(5_000));
}

#[test]
fn nothing_is_compressed_unless_it_is_said() {
    let response = answer("", 5_000, "false");
    assert_eq!(response.header("content-encoding"), None);
    assert_eq!(response.header("vary"), None);
}

#[test]
fn applications_are_told_what_their_client_accepts() {
    let origin = origin("", 5_000);
    to(origin.address(), "true").start().send(&asking("gzip, br"));
    assert_eq!(origin.wait_for_request(1).header("accept-encoding"), Some("gzip, br"));
}

/// Tells the origin to send the next chunk.
fn chunks(transport: Transport, kind: &'static str) -> (Origin, Sender<()>) {
    let (next, told) = channel();
    let told = Mutex::new(told);
    let origin = Origin::new(transport, move |peer| {
        peer.request();
        peer.send(format!("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nContent-Type: {kind}\r\n\r\n"));
        let told = told.lock().unwrap();
        while let Ok(()) = told.recv_timeout(PATIENCE) {
            peer.send("9\r\ndata: x\n\n\r\n");
        }
        peer.send("0\r\n\r\n");
    });
    (origin, next)
}

fn each_chunk_is_with_its_client_before_the_next_is_sent(transport: Transport) {
    for (kind, coding) in
        ["text/event-stream", "text/plain"].iter().flat_map(|kind| CODINGS.map(|c| (*kind, c)))
    {
        let (origin, next) = chunks(transport, kind);
        let proxy = to(origin.address(), "true").start();
        let mut client = proxy.connect();
        client.send(asking(coding).bytes());
        // The head alone, before any chunk is there.
        assert_eq!(client.head().header("content-encoding"), Some(coding));
        let mut coded = Vec::new();
        for count in 1..=3 {
            next.send(()).unwrap();
            let all = "data: x\n\n".repeat(count);
            while decode_some(coding, &coded).0 != all.as_bytes() {
                coded.extend(client.chunk().expect("a chunk that is not the last"));
            }
        }
        drop(next);
        coded.extend(std::iter::from_fn(|| client.chunk()).flatten());
        assert_eq!(decode(coding, &coded).unwrap(), "data: x\n\n".repeat(3).as_bytes());
    }
}

fn an_application_that_dies_leaves_a_body_that_is_cut(transport: Transport) {
    for (framing, coding) in ["Content-Length: 90000\r\n", "Transfer-Encoding: chunked\r\n"]
        .iter()
        .flat_map(|f| CODINGS.map(|c| (*f, c)))
    {
        let origin = Origin::new(transport, move |peer| {
            peer.request();
            let size = if framing.starts_with("Transfer") { "15f90\r\n" } else { "" };
            peer.send(html(framing, size.as_bytes())).send(page(50_000));
        });
        let proxy = to(origin.address(), "true").start();
        let mut client = proxy.connect();
        client.send(asking(coding).bytes());
        client.head();
        let rest = client.rest();
        assert!(!rest.ends_with(b"0\r\n\r\n"), "{coding}: it has an end");
        assert_eq!(decode(coding, &unchunked(&rest)), None, "{coding}: what came looks whole");
        assert!(proxy.wait_for_log("response-cut-short").contains("ERROR"));
    }
}

/// The content of all chunks, the last of which may not be there.
fn unchunked(mut wire: &[u8]) -> Vec<u8> {
    let mut content = Vec::new();
    while let Some(end) = memchr::memmem::find(wire, b"\r\n") {
        let size = usize::from_str_radix(std::str::from_utf8(&wire[..end]).unwrap(), 16).unwrap();
        content.extend_from_slice(&wire[end + 2..end + 2 + size]);
        wire = &wire[end + 2 + size + 2..];
    }
    content
}

#[test]
fn what_is_not_to_be_compressed_is_not() {
    for (fields, size) in [
        ("", 1023),
        ("Set-Cookie: a=b\r\n", 5_000),
        ("Cache-Control: public, no-transform\r\n", 5_000),
        ("Content-Encoding: br\r\n", 5_000),
    ] {
        let response = answer(fields, size, "true");
        assert_ne!(response.header("content-encoding"), Some("gzip"), "{fields}");
        assert_eq!(response.header("vary"), None, "{fields}");
        assert!(response.body == page(size), "{fields}");
    }
}

#[test]
fn the_configuration_may_ask_for_more() {
    for (fields, size, compress) in
        [("", 100, "{ min_size = 50 }"), ("Set-Cookie: a=b\r\n", 5_000, "{ cookies = true }")]
    {
        let response = answer(fields, size, compress);
        assert_eq!(response.header("content-encoding"), Some("gzip"), "{compress}");
        assert!(decode("gzip", &response.body).unwrap() == page(size));
    }
    let response = answer("", 5_000, r#"{ types = ["*+json"] }"#);
    assert_eq!(response.header("content-encoding"), None);
}

#[test]
fn fields_are_true_of_what_is_sent() {
    let response =
        answer("ETag: \"a\"\r\nAccept-Ranges: bytes\r\nContent-MD5: x\r\nVary: Cookie\r\n", 90_000, "true");
    assert_eq!(response.header("etag"), Some("W/\"a\""));
    assert_eq!(response.header("accept-ranges"), None);
    assert_eq!(response.header("content-md5"), None);
    assert_eq!(response.header("vary"), Some("Cookie, Accept-Encoding"));
    assert!(decode("gzip", &response.body).unwrap() == page(90_000));
}

#[test]
fn a_head_has_the_fields_of_a_get_but_no_length() {
    let origin = Origin::answering(html("Content-Length: 5000\r\nETag: \"a\"\r\n", b""));
    let proxy = to(origin.address(), "true").start();
    let response = proxy.send(&Request::new("HEAD", "/").header("Accept-Encoding", "br"));
    assert_eq!(response.header("content-encoding"), Some("br"));
    assert_eq!(response.header("etag"), Some("W/\"a\""));
    assert_eq!(response.header("content-length"), None);
    let plain = proxy.send(&Request::new("HEAD", "/"));
    assert_eq!(plain.header("content-length"), Some("5000"));
    assert_eq!(plain.header("vary"), Some("Accept-Encoding"));
}

#[test]
fn a_confirmation_varies_as_what_it_confirms() {
    let origin = Origin::answering("HTTP/1.1 304 Not Modified\r\nETag: \"a\"\r\n\r\n");
    let proxy = to(origin.address(), "true").start();
    let response = proxy.send(&asking("gzip").header("If-None-Match", "W/\"a\""));
    assert_eq!((response.status, response.header("vary")), (304, Some("Accept-Encoding")));
    assert_eq!(response.header("etag"), Some("W/\"a\""));
    assert_eq!(origin.wait_for_request(1).header("if-none-match"), Some("W/\"a\""));
}

#[test]
fn a_part_passes_as_it_is() {
    let part = "HTTP/1.1 206 Partial Content\r\nContent-Type: text/html\r\nETag: \"a\"\r\n\
                Content-Range: bytes 0-1999/5000\r\nContent-Length: 2000\r\n\r\n";
    let origin = Origin::answering([part.as_bytes(), &page(2_000)].concat());
    let proxy = to(origin.address(), "true").start();
    let response = proxy.send(&asking("gzip").header("Range", "bytes=0-1999").header("If-Range", "\"a\""));
    assert_eq!((response.status, response.header("content-encoding")), (206, None));
    assert_eq!(response.header("etag"), Some("\"a\""));
    assert!(response.body == page(2_000));
    let request = origin.wait_for_request(1);
    assert_eq!((request.header("range"), request.header("if-range")), (Some("bytes=0-1999"), Some("\"a\"")));
}

/// What of a chunked body has come, for a decoder to read.
struct Chunks<'a> {
    client: &'a mut Client,
    rest: Vec<u8>,
}

impl Read for Chunks<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.rest.is_empty() {
            self.rest = self.client.chunk().unwrap_or_default();
        }
        let length = buffer.len().min(self.rest.len());
        buffer[..length].copy_from_slice(&self.rest[..length]);
        self.rest.drain(..length);
        Ok(length)
    }
}

/// Decodes a body of that many repetitions of `content`, none of which it keeps.
fn read_repeated(client: &mut Client, coding: &str, content: &[u8], times: usize) {
    let mut decoder = decoder(coding, Chunks { client, rest: Vec::new() });
    let mut piece = vec![0; content.len()];
    for _ in 0..times {
        decoder.read_exact(&mut piece).unwrap();
        assert!(piece == content);
    }
    assert_eq!(decoder.read(&mut piece).unwrap(), 0, "there is more");
}

/// Answers with `content` so many times over, and tells when all of it is sent.
fn repeating(content: Vec<u8>, times: usize) -> (Origin, Receiver<()>) {
    let (sent, told) = channel();
    let sent = Mutex::new(sent);
    let origin = Origin::new(Transport::Tcp, move |peer| {
        peer.request();
        peer.send(html(&format!("Content-Length: {}\r\n", times * content.len()), b""));
        for _ in 0..times {
            peer.send(&content);
        }
        let _ = sent.lock().unwrap().send(());
    });
    (origin, told)
}

#[test]
fn a_hundred_mebibytes_go_through_in_bounded_memory() {
    let (origin, _told) = repeating(page(MIB), 100);
    let proxy = to(origin.address(), "true").start();
    let before = kernel::resident(proxy.pid());
    let mut client = proxy.connect();
    client.send(asking("zstd").bytes());
    assert_eq!(client.head().header("content-encoding"), Some("zstd"));
    read_repeated(&mut client, "zstd", &page(MIB), 100);
    let grown = kernel::most_resident(proxy.pid()).saturating_sub(before);
    assert!(grown < 16 * MIB as u64, "it grew by {grown} bytes");
}

/// What it is slower than is on disk as the application sent it, and compressed when it is read.
#[test]
fn a_slow_client_costs_no_memory_and_gets_everything() {
    let noise: Vec<u8> = (1_u64..)
        .map(|n| (n.wrapping_mul(n).wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 56) as u8)
        .take(MIB)
        .collect();
    let (origin, told) = repeating(noise.clone(), 32);
    let proxy = to(origin.address(), "true").start();
    let before = kernel::resident(proxy.pid());
    let mut client = proxy.connect();
    client.send(asking("zstd").bytes());
    told.recv_timeout(PATIENCE).unwrap();
    eventually("the rest is on disk", || proxy.spooled() == 1);
    let grown = kernel::most_resident(proxy.pid()).saturating_sub(before);
    assert!(grown < 16 * MIB as u64, "it grew by {grown} bytes");
    assert_eq!(client.head().header("content-encoding"), Some("zstd"));
    read_repeated(&mut client, "zstd", &noise, 32);
    eventually("its file is closed", || proxy.spooled() == 0);
}
