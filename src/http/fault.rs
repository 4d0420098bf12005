//! What can go wrong with a request: what happened, on whose side, and whether trying again is safe.
//! The one table from cause to status, public reason and remedy stands here.

use std::fmt;

use ::http::StatusCode;

use super::Tried;

/// One header field.
type Field = (::http::HeaderName, ::http::HeaderValue);

/// A failure on its way to becoming a response.
///
/// `detail` is for the operator and never reaches a client.
#[derive(Debug)]
pub struct Fault {
    pub cause: Cause,
    /// What was seen, with addresses, paths and numbers: for the error log only.
    pub detail: String,
    /// The field a status demands, `Allow` for one; empty for most.
    pub header: Option<Box<Field>>,
    /// What the servers of an upstream made of the request, where it got that far.
    pub upstream: Option<Box<Tried>>,
}

impl Fault {
    pub fn new(cause: Cause, detail: impl Into<String>) -> Self {
        Self { cause, detail: detail.into(), header: None, upstream: None }
    }

    #[must_use]
    pub fn with_header(mut self, name: ::http::HeaderName, value: ::http::HeaderValue) -> Self {
        self.header = Some(Box::new((name, value)));
        self
    }

    pub fn status(&self) -> StatusCode {
        self.cause.status()
    }
}

impl From<Cause> for Fault {
    fn from(cause: Cause) -> Self {
        Self::new(cause, "")
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.cause.name())?;
        if !self.detail.is_empty() {
            write!(f, ": {}", self.detail)?;
        }
        Ok(())
    }
}

impl std::error::Error for Fault {}

/// On whose side a failure lies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    Client,
    Upstream,
    /// Ours: configuration, disk, limits.
    Here,
}

/// Whether the same request may be given to a server again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Retry {
    /// Nothing was sent: always.
    Safe,
    /// Bytes were sent and no answer reached the client: for idempotent methods (RFC 9110 9.2.2), where the
    /// upstream's `retry.on` says so or the connection was one kept from an earlier request.
    IfIdempotent,
    Never,
}

/// One row of the table: a cause's name in logs, its status, side and retry rule, the reason a
/// client reads, and the remedy an operator reads.
struct Row {
    name: &'static str,
    status: StatusCode,
    side: Side,
    retry: Retry,
    reason: &'static str,
    remedy: &'static str,
}

macro_rules! causes {
    ($( $(#[$doc:meta])* $cause:ident => $name:literal, $status:ident, $side:ident, $retry:ident, $reason:literal, $remedy:literal; )*) => {
        /// Every named cause of failure.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum Cause { $( $(#[$doc])* $cause, )* }

        impl Cause {
            /// All of them, for counters and tests.
            pub const ALL: &'static [Cause] = &[ $( Cause::$cause, )* ];

            const fn row(self) -> Row {
                match self { $( Cause::$cause => Row {
                    name: $name, status: StatusCode::$status, side: Side::$side, retry: Retry::$retry,
                    reason: $reason, remedy: $remedy,
                }, )* }
            }
        }
    };
}

causes! {
    /// RFC 9112 2-6: the head cannot be read as one unambiguous request.
    MalformedRequest => "malformed-request", BAD_REQUEST, Client, Never,
        "the request is malformed", "the client speaks faulty HTTP; nothing to do here";
    /// RFC 9112 3.2: Host missing, repeated or invalid.
    BadHost => "bad-host", BAD_REQUEST, Client, Never,
        "the Host header is missing, repeated or invalid", "the client speaks faulty HTTP; nothing to do here";
    /// RFC 9110 15.5.20: no site answers for that host here.
    UnknownHost => "unknown-host", MISDIRECTED_REQUEST, Client, Never,
        "no site of that name is served here", "add the name to a site's `hosts`, or have a site without `hosts` as the default";
    /// RFC 9110 15.5.20: a connection by one name asks for a site that wants a certificate under another.
    OtherCertificate => "other-certificate", MISDIRECTED_REQUEST, Client, Never,
        "this site wants a connection of its own",
        "nothing to do here: the client comes again by the site's own name, and shows its certificate";
    /// A path that cannot be normalised: escapes above the root, NUL, invalid percent-encoding.
    BadPath => "bad-path", BAD_REQUEST, Client, Never,
        "the path is not valid", "the client sent a path that climbs above the root or is wrongly encoded";
    MethodNotAllowed => "method-not-allowed", METHOD_NOT_ALLOWED, Client, Never,
        "the method is not allowed here", "files answer GET and HEAD only";
    /// Transfer codings that are not known here (RFC 9112 6.1).
    NotImplemented => "not-implemented", NOT_IMPLEMENTED, Client, Never,
        "the request asks for something this server does not do", "nothing to do here";
    VersionNotSupported => "version-not-supported", HTTP_VERSION_NOT_SUPPORTED, Client, Never,
        "that version of HTTP is not spoken here", "HTTP/2 without TLS is spoken where a listener's default site has `h2c = true`";
    ExpectationFailed => "expectation-failed", EXPECTATION_FAILED, Client, Never,
        "only the expectation 100-continue is known", "nothing to do here";
    HeaderTooLarge => "header-too-large", REQUEST_HEADER_FIELDS_TOO_LARGE, Client, Never,
        "the request's header fields are too large", "usually a client with too many cookies; the limit is 32 KiB and 100 fields";
    TargetTooLong => "target-too-long", URI_TOO_LONG, Client, Never,
        "the request's target is too long", "the limit is 8 KiB";
    BodyTooLarge => "body-too-large", PAYLOAD_TOO_LARGE, Client, Never,
        "the request's body is larger than allowed here", "raise `max_body` of the site or location";
    MalformedBody => "malformed-body", BAD_REQUEST, Client, Never,
        "the request's body is malformed", "the client sent a faulty chunked body";
    HeaderTimeout => "header-timeout", REQUEST_TIMEOUT, Client, Never,
        "the request took too long to arrive", "a slow or idle client; `timeouts.header` is the limit";
    BodyTimeout => "body-timeout", REQUEST_TIMEOUT, Client, Never,
        "the request's body stopped arriving", "a slow client; `timeouts.body` is the limit";
    BodyTooSlow => "body-too-slow", REQUEST_TIMEOUT, Client, Never,
        "the request's body arrives too slowly", "a client that trickles; a body has to bring 1 KiB a second on average";
    /// The connection ended before the answer was complete (nginx's 499).
    ClientLeft => "client-left", BAD_REQUEST, Client, Never,
        "the client closed the connection", "nothing to do here";
    /// Between two writes of a response more than `timeouts.send` went by.
    ClientStalled => "client-stalled", REQUEST_TIMEOUT, Client, Never,
        "the client stopped reading", "a slow client; `timeouts.send` is the limit";
    ClientTooSlow => "client-too-slow", REQUEST_TIMEOUT, Client, Never,
        "the answer is taken too slowly", "a client that trickles; it has to take 1 KiB a second on average";
    NotFound => "not-found", NOT_FOUND, Client, Never,
        "there is nothing here", "check the location's `files` directory and the spelling";
    /// The file is there but may not be served: permissions, a symlink that leaves the directory, not a
    /// regular file.
    Forbidden => "forbidden", FORBIDDEN, Here, Never,
        "this may not be read", "check permissions and `symlinks` of the location";
    PreconditionFailed => "precondition-failed", PRECONDITION_FAILED, Client, Never,
        "a precondition of the request does not hold", "nothing to do here";
    RangeNotSatisfiable => "range-not-satisfiable", RANGE_NOT_SATISFIABLE, Client, Never,
        "the range lies outside the file", "nothing to do here";
    FileRead => "file-read", INTERNAL_SERVER_ERROR, Here, Never,
        "the file could not be read", "check the disk, and the file's permissions";
    /// A file became shorter while it was being sent.
    FileTruncated => "file-truncated", INTERNAL_SERVER_ERROR, Here, Never,
        "the file changed while it was sent", "replace files by renaming a new one over the old one";
    TooManyFiles => "too-many-open-files", SERVICE_UNAVAILABLE, Here, Safe,
        "the server is short of resources", "raise the limit of open files (`ulimit -n`, LimitNOFILE=)";
    /// A body fits neither in memory nor on disk; it is streamed instead, as far as that is allowed.
    SpoolFull => "spool-full", INSUFFICIENT_STORAGE, Here, Never,
        "the server is short of space", "make room in the directory named, or give `spool` of `[server]` another one or a larger size; until then slow clients occupy workers";
    /// `try`, error pages or named locations lead in a circle.
    RoutingLoop => "routing-loop", INTERNAL_SERVER_ERROR, Here, Never,
        "the server's configuration leads in a circle", "look at `try` of the locations named, and at X-Accel-Redirect of their applications";
    NoServer => "no-server", SERVICE_UNAVAILABLE, Here, Safe,
        "no application server is available", "every server of the upstream failed; see the lines before";
    /// As many requests wait for a server as may.
    QueueFull => "queue-full", SERVICE_UNAVAILABLE, Here, Never,
        "the application is busy", "the pool cannot keep up: more workers (and `max_conns`), or less work per request; `queue.size` is how many wait";
    QueueTimeout => "queue-timeout", SERVICE_UNAVAILABLE, Here, Never,
        "the application is busy", "the pool cannot keep up: more workers (and `max_conns`), or less work per request; `queue.timeout` is how long one waits";
    SocketMissing => "socket-missing", BAD_GATEWAY, Upstream, Safe,
        "the application is not running", "start the app server, or correct the socket's path in `servers`";
    PermissionDenied => "permission-denied", BAD_GATEWAY, Upstream, Safe,
        "the application cannot be reached", "give rproxy's user access to the path named";
    ConnectRefused => "connect-refused", BAD_GATEWAY, Upstream, Safe,
        "the application is not running", "nothing listens there: start the app server, or correct the address in `servers`";
    /// A Unix socket's backlog is full: every worker is busy.
    BacklogFull => "backlog-full", SERVICE_UNAVAILABLE, Upstream, Safe,
        "the application is busy", "more workers, or a larger `--backlog` of the app server";
    ConnectTimeout => "connect-timeout", GATEWAY_TIMEOUT, Upstream, Safe,
        "the application cannot be reached", "a firewall or an overloaded host; `timeouts.connect` of the upstream is the limit";
    ConnectFailed => "connect-failed", BAD_GATEWAY, Upstream, Safe,
        "the application cannot be reached", "see the error named";
    ResolveFailed => "resolve-failed", BAD_GATEWAY, Upstream, Safe,
        "the application cannot be found", "the name of the server does not resolve here";
    /// A kept connection was closed before any byte of the answer.
    ReusedConnectionClosed => "reused-connection-closed", BAD_GATEWAY, Upstream, IfIdempotent,
        "the application closed the connection", "make `keep_alive.timeout` of the upstream shorter than the app server's";
    ClosedBeforeAnswer => "closed-before-answer", BAD_GATEWAY, Upstream, IfIdempotent,
        "the application closed the connection", "the worker died or was killed by its own time limit: see the app server's log";
    /// A new connection was reset before any byte of the answer. The kernel does so when what was sent
    /// has not been read: a server that stops leaves connections in its backlog behind like this.
    ResetBeforeAnswer => "reset-before-answer", BAD_GATEWAY, Upstream, IfIdempotent,
        "the application closed the connection", "the app server stopped, or closes without reading the request: see its log";
    SendTimeout => "upstream-send-timeout", GATEWAY_TIMEOUT, Upstream, IfIdempotent,
        "the application does not take the request", "`timeouts.send` of the upstream is the limit";
    FirstByteTimeout => "first-byte-timeout", GATEWAY_TIMEOUT, Upstream, IfIdempotent,
        "the application did not answer in time", "`timeouts.read` of the upstream is the limit; keep it above the app server's own";
    ReadTimeout => "upstream-read-timeout", GATEWAY_TIMEOUT, Upstream, Never,
        "the application stopped answering", "`timeouts.read` of the upstream is the limit";
    ResponseCutShort => "response-cut-short", BAD_GATEWAY, Upstream, IfIdempotent,
        "the application's answer broke off", "the worker died while it answered: see the app server's log";
    MalformedResponse => "malformed-response", BAD_GATEWAY, Upstream, Never,
        "the application's answer is not valid HTTP", "is that port really HTTP? see what is wrong with it in the line above";
    ResponseHeaderTooLarge => "response-header-too-large", BAD_GATEWAY, Upstream, Never,
        "the application's answer has too large a header", "the limit is 64 KiB and 200 fields: look for runaway cookies";
    /// A status that the upstream's `retry.on` lists, and nobody else answered.
    RefusedByStatus => "refused-by-status", BAD_GATEWAY, Upstream, IfIdempotent,
        "the application is not available", "servers answered with a status that `retry.on` lists: see the app server's log";
    /// RST_STREAM before an answer (RFC 9113 6.4).
    StreamReset => "upstream-stream-reset", BAD_GATEWAY, Upstream, IfIdempotent,
        "the application gave the request up", "the app server reset the stream: see its log for why, the code says of which kind";
    /// No keys were agreed on with a server.
    TlsFailed => "upstream-tls-failed", BAD_GATEWAY, Upstream, Safe,
        "the application cannot be reached", "the line says what is wrong; `protocol` and `tls` of the upstream say how its servers are spoken to";
    /// A server's certificate is not as it should be: whoever is there may be somebody else.
    CertificateRefused => "upstream-certificate-refused", BAD_GATEWAY, Upstream, Safe,
        "the application cannot be reached", "renew or correct the server's certificate, or say in `tls` of the upstream which `name` it is for and whose (`ca`) it is";
    /// No HTTP/2 where it was configured.
    NoHttp2 => "upstream-no-http2", BAD_GATEWAY, Upstream, Safe,
        "the application cannot be reached", "that port does not speak HTTP/2: correct the address, or write `protocol = \"http\"` (leave out `http2` of \"https\")";
    /// Upgrade to a server that is spoken to by HTTP/2.
    NoUpgrade => "upstream-no-upgrade", NOT_IMPLEMENTED, Here, Never,
        "the request asks for something this server does not do", "WebSockets go by HTTP/1.1 here: give them a location whose upstream has `protocol = \"http\"`";
    UnaskedUpgrade => "unasked-upgrade", BAD_GATEWAY, Upstream, Never,
        "the application's answer is not valid HTTP", "the app answered 101 although no upgrade was asked for";
    /// X-Accel-Redirect or X-Sendfile leads to where nothing is.
    TargetMissing => "accel-target-missing", NOT_FOUND, Upstream, Never,
        "there is nothing here", "the application names what is not there: compare its X-Accel-Redirect or X-Sendfile with `match` and `files` of the location meant";
    SendfileOutside => "sendfile-outside", BAD_GATEWAY, Upstream, Never,
        "the application's answer cannot be followed", "declare a location with `internal = true` whose `files` is a directory above the path, which has to be absolute and without `..`";
    /// The location that should show an error fails itself; a plain page is sent.
    ErrorPageFailed => "error-page-failed", INTERNAL_SERVER_ERROR, Here, Never,
        "something went wrong here", "look at the location that `[site.errors]` names for the status";
    Internal => "internal", INTERNAL_SERVER_ERROR, Here, Never,
        "something went wrong here", "this is a bug of rproxy: please report it with this line";
}

impl Cause {
    /// The stable, greppable name in logs and counters.
    pub const fn name(self) -> &'static str {
        self.row().name
    }

    pub const fn status(self) -> StatusCode {
        self.row().status
    }

    pub const fn side(self) -> Side {
        self.row().side
    }

    pub const fn retry(self) -> Retry {
        self.row().retry
    }

    /// What the client reads: short, and without anything about the inside.
    pub const fn reason(self) -> &'static str {
        self.row().reason
    }

    /// One line for the operator.
    pub const fn remedy(self) -> &'static str {
        self.row().remedy
    }
}
