//! The validated configuration: defaults filled in, names resolved, paths absolute, nothing left to parse.

mod delivery;
mod test;
mod tls;
mod upstream;

use std::collections::BTreeMap;
use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::time::Duration;

use ::http::StatusCode;

pub use delivery::{CachePolicy, Compress, Directory, Files, LimitRate, Symlinks};
pub use test::{Expectation, Expected, Test, WantedHeader};
pub use tls::{Acme, Challenge, ClientCertificates, Hsts, Protocol, Tls, TlsProcess, UpstreamTls};
pub use upstream::{
    Balance, Health, HealthRequest, KeepAlive, Passive, Process, Queue, Retry, RetryOn, Upstream,
    UpstreamServer, UpstreamTimeouts,
};

pub use crate::coding::{Coding, Levels};
pub use crate::http::{
    Candidate, Charset, Extension, Fallback, HeaderRules, MediaType, StatusSet, TrustedProxies, Try,
};

use crate::http::Template;
use crate::net::ListenAddr;
use crate::privileges::Account;
use crate::router::{HostPattern, LocationPattern};

/// Everything one TOML file (with its includes) says.
#[derive(Clone, Debug)]
pub struct Config {
    pub server: Server,
    pub log: Log,
    pub sites: Vec<Site>,
    pub upstreams: Vec<Upstream>,
    /// Every file that was read, the main one first.
    pub sources: Vec<PathBuf>,
}

/// `[server]`: the process.
#[derive(Clone, Debug)]
pub struct Server {
    /// Event-loop threads; `None` is "auto", one for each core available to the process.
    pub workers: Option<NonZeroUsize>,
    /// How long requests in flight may go on after a graceful stop was asked for.
    pub shutdown_grace: Duration,
    /// The same for a process that another one has taken over from: nobody waits for its end.
    pub upgrade_grace: Duration,
    pub trusted_proxies: TrustedProxies,
    /// Where the status page is; off unless said.
    pub admin: Option<ListenAddr>,
    pub spool: Spool,
    /// Of clients; `None` is "auto", what the limit of open files allows.
    pub max_connections: Option<NonZeroUsize>,
    /// Who rproxy is once everything is bound; `None` is whoever starts it.
    pub account: Option<Account>,
    pub tls: TlsProcess,
}

/// `spool` of `[server]`: where bodies wait that are too large for memory.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Spool {
    pub directory: PathBuf,
    /// Bytes of all bodies there together.
    pub size: u64,
}

/// `[log]`
#[derive(Clone, Debug)]
pub struct Log {
    pub level: Level,
    pub format: LogFormat,
    pub error: ErrorLog,
    pub access: AccessLog,
    pub access_format: AccessFormat,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Level {
    Error,
    Warn,
    Info,
    Debug,
    Trace,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LogFormat {
    Text,
    Json,
}

/// Where diagnostics go.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ErrorLog {
    Stderr,
    File(PathBuf),
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AccessLog {
    Off,
    Stdout,
    File(PathBuf),
}

/// How a line of the access log looks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AccessFormat {
    /// nginx's and Apache's.
    Combined,
    /// One object a line.
    Json,
    Template(Template),
}

/// `[timeouts]`, after site and location had their say.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Timeouts {
    /// A whole request head must have arrived.
    pub header: Duration,
    /// Between two reads of a request body.
    pub body: Duration,
    /// Idle client connection.
    pub keep_alive: Duration,
    /// Between two writes of a response.
    pub send: Duration,
    /// A TLS handshake must be over.
    pub handshake: Duration,
}

/// `[[site]]`
#[derive(Clone, Debug)]
pub struct Site {
    /// Every address, those with TLS included.
    pub listen: Vec<ListenAddr>,
    /// Those of them that speak TLS.
    pub listen_tls: Vec<ListenAddr>,
    pub tls: Tls,
    /// Plain listeners send clients to those with TLS.
    pub https_only: bool,
    pub hsts: Option<Hsts>,
    /// Whether clients are offered HTTP/2 over TLS.
    pub http2: bool,
    /// Whether plain listeners take clients that begin with HTTP/2 (RFC 9113 3.3).
    pub h2c: bool,
    /// Unix sockets of these that say who may connect.
    pub sockets: BTreeMap<ListenAddr, Socket>,
    /// Empty: the default site of its listeners.
    pub hosts: Vec<HostPattern>,
    pub timeouts: Timeouts,
    /// The site's own limit, which holds where no location says otherwise; `None` is unlimited.
    pub max_body: Option<u64>,
    pub errors: ErrorPages,
    pub locations: Vec<Location>,
    pub origin: Origin,
}

/// Who may connect to a Unix socket.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Socket {
    pub mode: u32,
    /// Names as they are written, with their ids.
    pub user: Option<(String, u32)>,
    pub group: Option<(String, u32)>,
}

/// `[site.errors]`: pages by exact status, then by class (`4` for `"4xx"`).
#[derive(Clone, Debug, Default)]
pub struct ErrorPages {
    pub exact: BTreeMap<u16, ErrorPage>,
    pub class: BTreeMap<u16, ErrorPage>,
}

/// What is shown for an error made here.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ErrorPage {
    File(PathBuf),
    /// `"@name"`, an index into the site's locations.
    Location(usize),
}

/// `[[site.location]]`
#[derive(Clone, Debug)]
pub struct Location {
    pub pattern: LocationPattern,
    pub action: Action,
    /// `None` is unlimited.
    pub max_body: Option<u64>,
    pub timeouts: Timeouts,
    pub rewrite: Option<Rewrite>,
    pub request_headers: HeaderRules,
    pub response_headers: HeaderRules,
    /// Not to be reached from outside.
    pub internal: bool,
    /// Cache-Control of answers that are no errors.
    pub cache_control: Option<Template>,
    /// Whether `X-Content-Type-Options: nosniff` is sent.
    pub nosniff: bool,
    /// What is compressed on the fly, if anything is.
    pub compress: Option<Compress>,
    pub limit_rate: Option<LimitRate>,
    pub origin: Origin,
}

/// What a location does; exactly one.
#[derive(Clone, Debug)]
pub enum Action {
    Files(Files),
    Proxy(Proxy),
    Redirect { to: Template, status: StatusCode },
    Respond { status: StatusCode, body: Template, content_type: Template },
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Proxy {
    /// An index into [`Config::upstreams`].
    pub upstream: usize,
    pub buffer_request: RequestBuffering,
    /// Whether answers are taken off a server as fast as it sends.
    pub buffer_response: bool,
    /// Whether what an answer says to its front server is heeded (`X-Accel-Redirect`, `X-Sendfile` and their kin).
    pub accel: bool,
}

/// Whether a request's body is read whole before a server is taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RequestBuffering {
    Off,
    /// Unless there is no room for it: then it streams.
    On,
    /// If there is no room for it, the answer is 507.
    Required,
}

/// Changes the path before the location's handler sees it; the query stays unless `to` has its own.
#[derive(Clone, Debug)]
pub struct Rewrite {
    pub from: regex::bytes::Regex,
    pub to: Template,
}

/// Where something was written, for messages.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Origin {
    pub file: PathBuf,
    /// Counted from 1.
    pub line: usize,
}
