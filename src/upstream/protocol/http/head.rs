//! The head of a request, written anew.

use ::http::header::{CONTENT_LENGTH, EXPECT, HOST, TE, UPGRADE};
use ::http::{HeaderName, Method};
use bytes::{BufMut, Bytes, BytesMut};

use crate::http::Request;
use crate::http::wire::fields::{is_hop_by_hop, write, write_field};
use crate::http::wire::framing::has_token;
use crate::upstream::{Lease, Settings};

/// How the body is announced.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Announced {
    Nothing,
    Length(u64),
    Chunked,
}

/// What the client asked for beyond an answer.
#[derive(Clone, Copy, Debug)]
pub(super) struct Asked {
    /// Another protocol.
    pub upgrade: bool,
    /// Trailers (RFC 9110 10.1.4).
    pub trailers: bool,
}

/// What of the server its requests depend on.
#[derive(Clone, Copy, Debug)]
pub(super) struct Server<'a> {
    pub label: &'a str,
    /// Whether its connections are kept.
    pub keeps: bool,
}

impl<'a> From<&'a Lease> for Server<'a> {
    fn from(lease: &'a Lease) -> Self {
        Self { label: lease.label(), keeps: lease.settings().idle > 0 }
    }
}

/// The head as a server would get it, of a request that is not sent.
pub fn preview(request: &Request, label: &str, settings: &Settings) -> Bytes {
    let announced = match request.body.length() {
        Some(0) => Announced::Nothing,
        Some(length) => Announced::Length(length),
        None => Announced::Chunked,
    };
    let mut out = BytesMut::new();
    encode(&mut out, request, asked(request), announced, Server { label, keeps: settings.idle > 0 });
    out.freeze()
}

/// The fields were prepared so that `Upgrade` stands there for real ones only.
pub(super) fn asked(request: &Request) -> Asked {
    Asked {
        upgrade: request.headers.contains_key(UPGRADE),
        trailers: has_token(&request.headers, &TE, b"trailers"),
    }
}

/// Writes the head. Nothing of the client's framing is in it, whatever its fields hold.
pub(super) fn encode(
    out: &mut BytesMut,
    request: &Request,
    asked: Asked,
    announced: Announced,
    server: Server<'_>,
) {
    out.put_slice(request.method.as_str().as_bytes());
    out.put_u8(b' ');
    out.extend_from_slice(request.target.upstream());
    out.extend_from_slice(b" HTTP/1.1\r\n");
    write_field(out, b"host", host(request, server.label));
    write(out, &request.headers, is_ours);
    match announced {
        Announced::Length(length) => {
            write_field(out, b"content-length", itoa::Buffer::new().format(length).as_bytes());
        }
        Announced::Chunked => write_field(out, b"transfer-encoding", b"chunked"),
        // RFC 9110 8.6: a method that usually has content says so when there is none.
        Announced::Nothing if matches!(request.method, Method::POST | Method::PUT | Method::PATCH) => {
            write_field(out, b"content-length", b"0");
        }
        Announced::Nothing => {}
    }
    connection(out, request, asked, server.keeps);
    out.extend_from_slice(b"\r\n");
}

fn connection(out: &mut BytesMut, request: &Request, asked: Asked, keep: bool) {
    if let Some(protocol) = request.headers.get(UPGRADE) {
        write_field(out, b"upgrade", protocol.as_bytes());
        return write_field(out, b"connection", b"upgrade");
    }
    if asked.trailers {
        write_field(out, b"te", b"trailers");
        return write_field(out, b"connection", if keep { b"te" } else { b"te, close" });
    }
    if !keep {
        write_field(out, b"connection", b"close");
    }
}

/// Fields that are written here, or not at all.
fn is_ours(name: &HeaderName) -> bool {
    matches!(*name, HOST | CONTENT_LENGTH | EXPECT) || is_hop_by_hop(name)
}

/// An HTTP/1.0 client may name no host, but HTTP/1.1 wants one: the server's own address.
fn host<'a>(request: &'a Request, server: &'a str) -> &'a [u8] {
    match &request.authority.raw[..] {
        [] if server.starts_with("unix:") => b"localhost",
        [] => server.as_bytes(),
        authority => authority,
    }
}
