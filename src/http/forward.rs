//! The account of itself that a proxied request carries: exactly one value of each field, whatever
//! the client sent.

use std::fmt::Write;

use ::http::{HeaderMap, HeaderName, HeaderValue};
use bytes::Bytes;

use super::chain::{X_FORWARDED_FOR, read_chain};
use super::forwarded::{X_FORWARDED_PROTO, single};
use super::hop::strip_request;
use super::request_id::X_REQUEST_ID;
use super::{Authority, Request, Scheme};

const X_FORWARDED_HOST: HeaderName = HeaderName::from_static("x-forwarded-host");
const X_FORWARDED_PORT: HeaderName = HeaderName::from_static("x-forwarded-port");
const X_REAL_IP: HeaderName = HeaderName::from_static("x-real-ip");

/// Makes a request's fields ready for an upstream. Host, and the framing, are the codec's to write.
///
/// What the client asked for by them is read before: an upgrade, and variables like `$http_host`.
pub fn forward_headers(request: &mut Request) {
    let account = Account::of(request);
    strip_request(&mut request.headers, request.client.peer_trusted);
    let id = request.id().clone();
    let headers = &mut request.headers;
    set(headers, X_FORWARDED_FOR, account.addresses);
    set(headers, X_REAL_IP, account.client);
    set(headers, X_FORWARDED_HOST, account.host);
    headers.insert(X_FORWARDED_PROTO, HeaderValue::from_static(request.client.scheme.as_str()));
    headers.insert(X_FORWARDED_PORT, account.port);
    headers.insert(X_REQUEST_ID, id);
}

fn set(headers: &mut HeaderMap, name: HeaderName, value: Option<HeaderValue>) {
    match value {
        Some(value) => drop(headers.insert(name, value)),
        None => drop(headers.remove(name)),
    }
}

/// What is known of where a request came from.
struct Account {
    client: Option<HeaderValue>,
    addresses: Option<HeaderValue>,
    host: Option<HeaderValue>,
    port: HeaderValue,
}

impl Account {
    /// To be taken before anything is stripped; the id as well, which a trusted proxy may have given.
    fn of(request: &Request) -> Self {
        request.id();
        let client = request.client.ip.and_then(|ip| header_value(ip.to_string()));
        let addresses = if request.client.peer_trusted { addresses(request) } else { client.clone() };
        let given = trusted_host(request);
        let authority = given.as_ref().unwrap_or(&request.authority);
        let host = HeaderValue::from_maybe_shared(authority.raw.clone()).ok().filter(|host| !host.is_empty());
        Self { client, addresses, host, port: port(request, authority) }
    }
}

/// What a trusted peer says, and the peer itself behind it. A peer on a Unix socket has no address.
fn addresses(request: &Request) -> Option<HeaderValue> {
    let mut text = String::new();
    for hop in read_chain(&request.headers).iter().rev() {
        // A string takes whatever is written to it.
        let _ = write!(text, "{}, ", hop.ip);
    }
    match request.connection.peer.ip() {
        Some(ip) => drop(write!(text, "{ip}")),
        None => text.truncate(text.len().saturating_sub(", ".len())),
    }
    (!text.is_empty()).then(|| header_value(text))?
}

fn header_value(text: String) -> Option<HeaderValue> {
    HeaderValue::from_maybe_shared(Bytes::from(text)).ok()
}

/// The host a trusted proxy was asked for, if it says one clearly.
fn trusted_host(request: &Request) -> Option<Authority> {
    let value = single(&request.headers, &X_FORWARDED_HOST).filter(|_| request.client.peer_trusted)?;
    Authority::parse(&Bytes::copy_from_slice(value.as_bytes())).ok()
}

/// The port the client reached: as a trusted proxy says, or as in the host, or by the scheme.
fn port(request: &Request, authority: &Authority) -> HeaderValue {
    let given = single(&request.headers, &X_FORWARDED_PORT).filter(|_| request.client.peer_trusted);
    let given = given.and_then(|value| value.to_str().ok()?.parse::<u16>().ok()).filter(|port| *port > 0);
    match (given.or(authority.port), request.client.scheme) {
        (None, Scheme::Http) => HeaderValue::from_static("80"),
        (None, Scheme::Https) => HeaderValue::from_static("443"),
        (Some(port), _) => HeaderValue::from(port),
    }
}

#[cfg(test)]
#[path = "forward_tests.rs"]
mod tests;
