//! Requests for unit tests, everywhere in the crate.

use std::rc::Rc;
use std::time::Instant;

use ::http::{HeaderName, HeaderValue, Method, Version};
use bytes::Bytes;

use super::{Authority, Body, Captures, Client, Connection, Fields, Request, RequestId, Scheme, Target};
use crate::net::{ClientAddr, ListenAddr};

/// A GET from 192.0.2.7:50000 to `http://example.com:8080`, reached at 127.0.0.1:8080.
pub fn request(target: &str) -> Request {
    let peer = "192.0.2.7:50000".parse().unwrap();
    let local = "127.0.0.1:8080".parse().unwrap();
    Request {
        method: Method::GET,
        version: Version::HTTP_11,
        target: Target::parse(Bytes::copy_from_slice(target.as_bytes())).unwrap(),
        authority: Authority::parse(&Bytes::from_static(b"Example.com:8080")).unwrap(),
        headers: Fields::new(),
        body: Body::Empty,
        connection: Rc::new(Connection {
            peer: ClientAddr::Tcp(peer),
            local: Some(local),
            scheme: Scheme::Http,
            secured: None,
            listener: Rc::new(ListenAddr::Tcp(local)),
        }),
        client: Client {
            ip: Some(peer.ip()),
            port: Some(peer.port()),
            peer_trusted: false,
            scheme: Scheme::Http,
        },
        said: None,
        captures: Captures::default(),
        matched: 0,
        limits: Rc::default(),
        handling: Rc::default(),
        request_id: RequestId::default(),
        received: Instant::now(),
        read: Instant::now(),
        forwarded: false,
        interim: None,
    }
}

/// The same, with header fields.
pub fn request_with(target: &str, fields: &[(&str, &str)]) -> Request {
    let mut request = request(target);
    for (name, value) in fields {
        let name = HeaderName::from_bytes(name.as_bytes()).unwrap();
        request.headers.append(name, HeaderValue::from_str(value).unwrap());
    }
    request
}
