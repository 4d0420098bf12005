//! A request as every stage behind the server sees it.

use std::net::IpAddr;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Instant;

use ::http::{Method, Version};
use bytes::Bytes;

use super::{Body, Fields, Handling, Limits, RequestId};
use crate::net::{ClientAddr, ListenAddr};

/// A request with valid framing, one valid authority and a normalised path.
#[derive(Debug)]
pub struct Request {
    pub method: Method,
    pub version: Version,
    pub target: Target,
    pub authority: Authority,
    pub headers: Fields,
    pub body: Body,
    pub connection: Rc<Connection>,
    /// Who sent it, as far as trusted proxies vouch for it.
    pub client: Client,
    /// What an application has said of the answer that another location is to give ([`super::accel`]).
    pub said: Option<Box<Fields>>,
    /// What the location's regular expression captured.
    pub captures: Captures,
    /// How many bytes of the path the location's prefix matched; 0 for other patterns.
    pub matched: usize,
    pub limits: Rc<Limits>,
    /// What its log is told when it is dropped unanswered.
    pub handling: Rc<Handling>,
    /// Its name in logs and for upstreams; see [`Request::id`].
    pub request_id: RequestId,
    /// When its first byte was here.
    pub received: Instant,
    /// When its head was whole: the time by which files are looked at.
    pub read: Instant,
    /// Whether its fields tell an upstream of the way it came already.
    pub forwarded: bool,
    /// The way interim responses (103) reach the client; absent for HTTP/1.0.
    pub interim: Option<Interim>,
}

/// The request target (RFC 9112 3.2) in the forms that are needed of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Target {
    /// The origin form exactly as the client sent it, query included: nginx's `$request_uri`.
    pub raw: Bytes,
    /// The path decoded and normalised once: what matching, files and logs see. nginx's `$uri`.
    pub path: Bytes,
    /// What stood behind the first `?`, without it.
    pub query: Option<Bytes>,
    /// The target to send upstream, when `rewrite` has changed it.
    pub rewritten: Option<Bytes>,
}

impl Target {
    /// What an upstream is asked for: the client's own bytes unless rewritten.
    pub fn upstream(&self) -> &Bytes {
        self.rewritten.as_ref().unwrap_or(&self.raw)
    }
}

/// The host a request is for, from Host or from an absolute target.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Authority {
    /// As the client wrote it, port and case kept; empty in HTTP/1.0 without Host.
    pub raw: Bytes,
    /// Lower case, without port and trailing dot: what sites are matched on. nginx's `$host`.
    pub host: Bytes,
    pub port: Option<u16>,
}

/// Where a request came in. Shared by all requests of a connection.
#[derive(Debug)]
pub struct Connection {
    pub peer: ClientAddr,
    /// Our own address as the client reached it; `None` on a Unix socket.
    pub local: Option<std::net::SocketAddr>,
    pub scheme: Scheme,
    /// What was agreed on, where the client came over TLS.
    pub secured: Option<Box<Secured>>,
    /// The configured listener, by which sites are grouped.
    pub listener: Rc<ListenAddr>,
}

/// What was agreed on with a client over TLS.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Secured {
    /// As OpenSSL calls it: `TLSv1.3`.
    pub protocol: &'static str,
    /// As the registry of cipher suites calls it.
    pub cipher: &'static str,
    /// Whom the client asked for (SNI), lower case.
    pub server_name: Option<Box<str>>,
    /// What was asked of the client before it came in: the same number, the same demands.
    pub audience: u64,
    /// Of the certificate that the client has shown, and proven to be its own.
    pub client: Option<ClientCertificate>,
}

impl Secured {
    /// The audience of whoever only asks what would be answered to one who came in.
    pub const ANY: u64 = 0;
}

/// A client's certificate that one of the site's authorities has signed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClientCertificate {
    /// The subject, as RFC 4514 writes it.
    pub subject: Box<str>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scheme {
    Http,
    Https,
}

impl Scheme {
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Http => "http",
            Self::Https => "https",
        }
    }

    pub const fn default_port(self) -> u16 {
        match self {
            Self::Http => 80,
            Self::Https => 443,
        }
    }
}

/// The client behind any trusted proxies.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Client {
    /// `None` when the peer is on a Unix socket and nobody trusted names an address.
    pub ip: Option<IpAddr>,
    pub port: Option<u16>,
    /// Whether the connection's peer is a trusted proxy, so that its forwarding headers count.
    pub peer_trusted: bool,
    /// The scheme the client used: the connection's, or what a trusted proxy says.
    pub scheme: Scheme,
}

/// Names of groups, with their index.
pub type GroupNames = Arc<[(Box<str>, usize)]>;

/// Groups of the regular expression that matched; index 0 is the whole match.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Captures {
    pub groups: Vec<Option<Bytes>>,
    /// Names of named groups, with their index, if there are any.
    pub names: Option<GroupNames>,
}

impl Captures {
    pub fn get(&self, index: usize) -> Option<&Bytes> {
        self.groups.get(index)?.as_ref()
    }

    pub fn named(&self, name: &str) -> Option<&Bytes> {
        let (_, index) = self.names.as_deref()?.iter().find(|(known, _)| &**known == name)?;
        self.get(*index)
    }
}

type SendInterim = dyn Fn(::http::StatusCode, &Fields);

/// Sends interim responses (RFC 9110 15.2) ahead of the final one.
#[derive(Clone)]
pub struct Interim(pub Rc<SendInterim>);

impl std::fmt::Debug for Interim {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Interim")
    }
}
