//! HTTP/2 to clients: all that HTTP/1.1 does, what RFC 9113 demands, and what its frames can be misused for.

mod answers;
mod bodies;
mod conformance;
mod drain;
mod floods;
mod grpc;
mod leaving;
mod requests;
mod websocket;

use super::support::proxy::Builder;
use super::support::{Origin, Proxy};

/// A site that answers everything by itself.
fn fixed() -> Proxy {
    site("respond = { status = 200, body = \"here\\n\" }\n").start()
}

/// A site that gives everything to an application.
fn proxied(origin: &Origin) -> Proxy {
    to(origin.address())
}

fn to(address: &str) -> Proxy {
    site(&format!("proxy = \"app\"\n\n[upstream.app]\nservers = [\"{address}\"]\n")).start()
}

/// A site of one location.
fn site(location: &str) -> Builder {
    Proxy::site(&format!("h2c = true\n\n[[site.location]]\nmatch = \"/\"\n{location}"))
}
