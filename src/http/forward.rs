//! The account of itself that a proxied request carries: exactly one value of each field, whatever
//! the client sent.

use std::net::IpAddr;
use std::time::{Instant, SystemTime};

use ::http::{HeaderName, HeaderValue};
use bytes::Bytes;

use super::chain::{X_FORWARDED_FOR, read_chain};
use super::forwarded::X_FORWARDED_PROTO;
use super::hop::strip_request;
use super::log_time::since_1970;
use super::request_id::X_REQUEST_ID;
use super::tried::write_seconds;
use super::{Authority, Request, Scheme};
use crate::net::write_ip;

const X_FORWARDED_HOST: HeaderName = HeaderName::from_static("x-forwarded-host");
const X_FORWARDED_PORT: HeaderName = HeaderName::from_static("x-forwarded-port");
const X_REAL_IP: HeaderName = HeaderName::from_static("x-real-ip");
const X_REQUEST_START: HeaderName = HeaderName::from_static("x-request-start");

/// Makes a request's fields ready for an upstream. Host, and the framing, are the codec's to write.
///
/// What the client asked for by them is read before: an upgrade, and variables like `$http_host`.
pub fn forward_headers(request: &mut Request) {
    let account = Account::of(request);
    let headers = &mut request.headers;
    strip_request(headers, request.client.peer_trusted);
    for (name, value) in [
        (X_FORWARDED_FOR, account.addresses),
        (X_REAL_IP, account.client),
        (X_FORWARDED_HOST, account.host),
        (X_FORWARDED_PROTO, Some(HeaderValue::from_static(request.client.scheme.as_str()))),
        (X_FORWARDED_PORT, Some(account.port)),
        (X_REQUEST_ID, Some(account.id)),
    ] {
        if let Some(value) = value {
            headers.append(name, value);
        }
    }
    request.forwarded = true;
    // What a trusted proxy says of it was earlier.
    if !headers.contains_key(X_REQUEST_START)
        && let Some(start) = request_start(request.received)
    {
        headers.append(X_REQUEST_START, start);
    }
}

/// When the first byte of a request was here, `t=1700000000.123`: nginx's `t=${msec}`, from which an
/// application's monitoring tells the time that requests waited for a worker.
fn request_start(received: Instant) -> Option<HeaderValue> {
    let start = SystemTime::now().checked_sub(received.elapsed())?;
    let mut text = Vec::with_capacity("t=1700000000.123".len());
    text.extend_from_slice(b"t=");
    write_seconds(since_1970(start), &mut text);
    header_value(text)
}

/// What is known of where a request came from.
struct Account {
    client: Option<HeaderValue>,
    addresses: Option<HeaderValue>,
    host: Option<HeaderValue>,
    port: HeaderValue,
    id: HeaderValue,
}

impl Account {
    /// To be taken before anything is stripped; the id as well, which a trusted proxy may have given.
    fn of(request: &Request) -> Self {
        let client = request.client.ip.and_then(ip_value);
        let addresses = if request.client.peer_trusted { addresses(request) } else { client.clone() };
        let given = trusted_host(request);
        let authority = given.as_ref().unwrap_or(&request.authority);
        let host = HeaderValue::from_maybe_shared(authority.raw.clone()).ok().filter(|host| !host.is_empty());
        Self { client, addresses, host, port: port(request, authority), id: request.id().clone() }
    }
}

/// What a trusted peer says, and the peer itself behind it, once. A peer on a Unix socket has no address.
fn addresses(request: &Request) -> Option<HeaderValue> {
    let chain = read_chain(&request.headers);
    let peer = request.connection.peer.ip().filter(|_| !request.forwarded);
    let mut text = Vec::new();
    for ip in chain.iter().rev().map(|hop| hop.ip).chain(peer) {
        if !text.is_empty() {
            text.extend_from_slice(b", ");
        }
        write_ip(&mut text, ip);
    }
    if text.is_empty() { None } else { header_value(text) }
}

fn ip_value(ip: IpAddr) -> Option<HeaderValue> {
    let mut text = Vec::with_capacity("255.255.255.255".len());
    write_ip(&mut text, ip);
    header_value(text)
}

fn header_value(text: Vec<u8>) -> Option<HeaderValue> {
    HeaderValue::from_maybe_shared(Bytes::from(text)).ok()
}

/// The host a trusted proxy was asked for, if it says one clearly.
fn trusted_host(request: &Request) -> Option<Authority> {
    if !request.client.peer_trusted {
        return None;
    }
    let value = request.headers.get_single(X_FORWARDED_HOST)?;
    Authority::parse(&Bytes::copy_from_slice(value.as_bytes())).ok()
}

/// The port the client reached: as a trusted proxy says, or as in the host, or by the scheme.
fn port(request: &Request, authority: &Authority) -> HeaderValue {
    match (given_port(request).or(authority.port), request.client.scheme) {
        (None, Scheme::Http) => HeaderValue::from_static("80"),
        (None, Scheme::Https) => HeaderValue::from_static("443"),
        (Some(port), _) => HeaderValue::from(port),
    }
}

fn given_port(request: &Request) -> Option<u16> {
    if !request.client.peer_trusted {
        return None;
    }
    let port = request.headers.get_single(X_FORWARDED_PORT)?.to_str().ok()?.parse().ok()?;
    (port > 0).then_some(port)
}

#[cfg(test)]
#[path = "forward_tests.rs"]
mod tests;
