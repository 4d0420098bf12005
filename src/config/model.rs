//! The validated configuration: defaults filled in, names resolved, paths absolute, nothing left to parse.

use std::collections::BTreeMap;
use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::time::Duration;

use ::http::StatusCode;

pub use crate::http::{Candidate, Fallback, HeaderRules, StatusSet, TrustedProxies, Try};

use crate::http::Template;
use crate::net::{ListenAddr, UpstreamAddr};
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
    pub trusted_proxies: TrustedProxies,
    /// Where the status page is; off unless said.
    pub admin: Option<ListenAddr>,
    pub spool: Spool,
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
}

/// `[[site]]`
#[derive(Clone, Debug)]
pub struct Site {
    pub listen: Vec<ListenAddr>,
    /// Empty: the default site of its listeners.
    pub hosts: Vec<HostPattern>,
    pub timeouts: Timeouts,
    /// The site's own limit, which holds where no location says otherwise; `None` is unlimited.
    pub max_body: Option<u64>,
    pub errors: ErrorPages,
    pub locations: Vec<Location>,
    pub origin: Origin,
}

/// `[site.errors]`: pages by exact status, then by class (`4` for `"4xx"`).
#[derive(Clone, Debug, Default)]
pub struct ErrorPages {
    pub exact: BTreeMap<u16, PathBuf>,
    pub class: BTreeMap<u16, PathBuf>,
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

#[derive(Clone, Debug)]
pub struct Files {
    pub directory: PathBuf,
    /// Whether the matched prefix is kept (nginx `root`) instead of stripped (nginx `alias`).
    pub keep_prefix: bool,
    pub index: Vec<String>,
    pub symlinks: Symlinks,
    pub r#try: Option<Try>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Symlinks {
    Inside,
    Follow,
    Deny,
}

/// Changes the path before the location's handler sees it; the query stays unless `to` has its own.
#[derive(Clone, Debug)]
pub struct Rewrite {
    pub from: regex::bytes::Regex,
    pub to: Template,
}

/// `[upstream.NAME]`, or what a location's `proxy = "http://…"` stands for.
#[derive(Clone, Debug)]
pub struct Upstream {
    pub name: String,
    pub servers: Vec<UpstreamServer>,
    pub keep_alive: KeepAlive,
    pub timeouts: UpstreamTimeouts,
    pub balance: Balance,
    pub queue: Queue,
    pub retry: Retry,
    pub passive: Passive,
    /// How long a server that came back takes to have its whole share of requests again.
    pub slow_start: Duration,
    /// `None` where servers are not checked.
    pub health: Option<Health>,
    /// Names of servers are looked up again after so long.
    pub resolve: Duration,
    pub process: Option<Process>,
    pub origin: Origin,
}

/// A member of an upstream's `servers`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UpstreamServer {
    pub address: UpstreamAddr,
    pub weight: u32,
    /// Requests at once, by all worker threads together; 0 is any number.
    pub max_conns: usize,
    pub backup: bool,
    /// Gets no new clients.
    pub drain: bool,
}

/// Which server a request goes to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Balance {
    RoundRobin,
    LeastConn,
    Random,
    P2c,
    /// Consistently by this text.
    Hash(Template),
    /// Clients stay with the server that a cookie of this name binds them to.
    Cookie {
        name: String,
        secret: Option<String>,
    },
}

/// Idle connections per worker thread and server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct KeepAlive {
    /// How many; 0 closes each connection after its answer.
    pub idle: usize,
    pub timeout: Duration,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct UpstreamTimeouts {
    pub connect: Duration,
    /// Between two writes of the request.
    pub send: Duration,
    /// To the first byte of the answer, then between two reads.
    pub read: Duration,
}

/// Where requests wait while all servers have as many as they may, or none can be reached.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Queue {
    /// How many wait.
    pub size: usize,
    /// How long one of them waits for a busy server.
    pub timeout: Duration,
}

/// What happens when a server does not answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Retry {
    /// How often a request is sent at most, the first time included.
    pub attempts: u32,
    pub on: RetryOn,
    /// Whether what is not idempotent may be executed twice.
    pub non_idempotent: bool,
    /// When no server can be reached, a request waits so long for any of them; 0 answers at once.
    pub window: Duration,
    /// How many of 100 requests may be sent again.
    pub budget: u32,
}

/// What a request is sent again after.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RetryOn {
    /// No connection could be made.
    pub connect: bool,
    /// The connection was closed before any byte of an answer.
    pub closed: bool,
    /// No byte of an answer came in time.
    pub timeout: bool,
    pub statuses: StatusSet,
}

/// When a server is left alone because requests to it failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Passive {
    /// So many failures within the window; 0 never.
    pub fails: u32,
    pub window: Duration,
    /// How long it is left alone.
    pub eject: Duration,
}

/// `health`: how servers are checked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Health {
    /// From the beginning of one check to that of the next.
    pub interval: Duration,
    /// For a whole check.
    pub timeout: Duration,
    /// Checks that pass in a row until a server that was down is up.
    pub rise: u32,
    /// Checks that fail in a row until a server that was up is down.
    pub fall: u32,
    /// `None` only connects.
    pub request: Option<HealthRequest>,
}

/// What a check asks for, and which answers pass.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HealthRequest {
    pub path: String,
    /// `None` is the server's own address.
    pub host: Option<String>,
    pub status: StatusSet,
    /// What the body has to contain.
    pub body: Option<String>,
}

/// `[upstream.NAME.process]`: a worker pool that rproxy runs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Process {
    /// Program and arguments, `{socket}` and `{port}` already filled in.
    pub command: Vec<String>,
    /// The directory of the file that names it.
    pub directory: PathBuf,
}

/// Where something was written, for messages.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Origin {
    pub file: PathBuf,
    /// Counted from 1.
    pub line: usize,
}
