//! The variables a template may name.

use regex::bytes::Regex;

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Variable {
    Known(Known),
    /// `$http_NAME`: the field's name, lower case, with dashes.
    Header(Box<str>),
    /// `$cookie_NAME`
    Cookie(Box<str>),
    /// `$arg_NAME`
    Argument(Box<str>),
    /// `$1` to `$9`
    Group(usize),
    /// A named group.
    Named(Box<str>),
}

macro_rules! known {
    ($( $(#[$doc:meta])* $variable:ident => $($name:literal)|+; )*) => {
        /// Variables with a fixed name.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum Known { $( $(#[$doc])* $variable, )* }

        const NAMES: &[(&str, Known)] = &[ $( $( ($name, Known::$variable), )+ )* ];
    };
}

known! {
    /// The host asked for, lower case and without port.
    Host => "host";
    /// The path decoded and normalised.
    Path => "uri" | "path";
    Query => "args" | "query_string";
    /// `?` in front of a query that is not empty.
    IsArgs => "is_args";
    /// The target as the client sent it.
    RequestUri => "request_uri";
    RequestMethod => "request_method";
    RequestId => "request_id";
    /// The client's, as far as trusted proxies vouch for it.
    Scheme => "scheme";
    RemoteAddr => "remote_addr";
    RemotePort => "remote_port";
    ServerAddr => "server_addr";
    ServerPort => "server_port";
    ServerProtocol => "server_protocol";
    /// Method, target and version as the client sent them.
    RequestLine => "request";
    /// Of a client over TLS, as OpenSSL calls them: the version, and the cipher suite.
    SslProtocol => "ssl_protocol";
    SslCipher => "ssl_cipher";
    /// Whom the client asked for (SNI).
    SslServerName => "ssl_server_name";
    /// `SUCCESS` of a client that has proven its certificate, else `NONE`; empty without TLS.
    SslClientVerify => "ssl_client_verify";
    /// The subject of that certificate (RFC 4514).
    SslClientSubject => "ssl_client_s_dn";
    /// Who has logged in here; nobody can yet.
    RemoteUser => "remote_user";
    /// Now, whenever that is asked.
    TimeLocal => "time_local";
    TimeIso8601 => "time_iso8601";
    Msec => "msec";
    /// The servers tried; empty before there is an answer.
    UpstreamAddr => "upstream_addr";
    UpstreamStatus => "upstream_status";
    /// Seconds to the head of each server's answer.
    UpstreamHeaderTime => "upstream_header_time";
    /// Seconds to the last byte of each server's answer.
    UpstreamResponseTime => "upstream_response_time";
    /// Seconds that the request waited for a server.
    QueueTime => "queue_time";
    /// The name of what went wrong.
    Cause => "cause";
    Status => "status";
    BodyBytesSent => "body_bytes_sent";
    BytesSent => "bytes_sent";
    /// Seconds from the first byte of the request to the last one of the answer.
    RequestTime => "request_time";
}

/// When the value of a variable is there.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Stage {
    Request,
    /// A server has answered, or all have failed.
    Answer,
    /// The last byte is out.
    End,
}

impl Known {
    pub const fn stage(self) -> Stage {
        match self {
            Self::UpstreamAddr
            | Self::UpstreamStatus
            | Self::UpstreamHeaderTime
            | Self::UpstreamResponseTime
            | Self::QueueTime
            | Self::Cause => Stage::Answer,
            Self::Status | Self::BodyBytesSent | Self::BytesSent | Self::RequestTime => Stage::End,
            _ => Stage::Request,
        }
    }

    /// Whether what is bound to a request leaves it open. A log's time is that of its line.
    pub(super) const fn is_late(self) -> bool {
        !matches!(self.stage(), Stage::Request)
            || matches!(self, Self::TimeLocal | Self::TimeIso8601 | Self::Msec)
    }

    /// Whether its value is one number, if there is one.
    pub(super) const fn is_number(self) -> bool {
        matches!(
            self,
            Self::RemotePort
                | Self::ServerPort
                | Self::Msec
                | Self::QueueTime
                | Self::Status
                | Self::BodyBytesSent
                | Self::BytesSent
                | Self::RequestTime
        )
    }

    pub fn name(self) -> &'static str {
        NAMES.iter().find(|(_, known)| *known == self).map_or("", |(name, _)| name)
    }
}

impl Variable {
    pub fn named(name: &str) -> Result<Self, String> {
        if let Some((_, known)) = NAMES.iter().find(|(text, _)| *text == name) {
            return Ok(Self::Known(*known));
        }
        if let Some(field) = name.strip_prefix("http_") {
            let field = field.to_ascii_lowercase().replace('_', "-");
            return not_empty(name, &field).map(Self::Header);
        }
        if let Some(cookie) = name.strip_prefix("cookie_") {
            return not_empty(name, cookie).map(Self::Cookie);
        }
        if let Some(argument) = name.strip_prefix("arg_") {
            return not_empty(name, argument).map(Self::Argument);
        }
        match name.as_bytes() {
            [digit @ b'1'..=b'9'] => Ok(Self::Group(usize::from(digit - b'0'))),
            [first, ..] if first.is_ascii_digit() => {
                Err(format!("there is no variable `${name}`; groups go from `$1` to `$9`"))
            }
            _ => Ok(Self::Named(name.into())),
        }
    }

    pub(super) const fn is_number(&self) -> bool {
        matches!(self, Self::Known(known) if known.is_number())
    }

    pub fn check_capture(&self, regex: Option<&Regex>) -> Result<(), String> {
        match self {
            Self::Group(index) if regex.is_none_or(|regex| *index >= regex.captures_len()) => {
                let groups = regex.map_or(0, |regex| regex.captures_len().saturating_sub(1));
                Err(match (regex, groups) {
                    (None, _) => format!("`${index}` has no regular expression to take its text from"),
                    (_, 1) => format!("there is no `${index}`: the regular expression has one group"),
                    _ => format!("there is no `${index}`: the regular expression has {groups} groups"),
                })
            }
            Self::Named(name) if !has_group(regex, name) => Err(unknown(name)),
            _ => Ok(()),
        }
    }
}

fn has_group(regex: Option<&Regex>, name: &str) -> bool {
    regex.is_some_and(|regex| regex.capture_names().flatten().any(|known| known == name))
}

fn not_empty(name: &str, suffix: &str) -> Result<Box<str>, String> {
    if suffix.is_empty() {
        Err(format!("`${name}` lacks what it is to be taken of"))
    } else {
        Ok(suffix.into())
    }
}

/// How alike a name must be to be suggested: two typing errors in a name of average length.
const ALIKE: f64 = 0.75;

fn unknown(name: &str) -> String {
    let nearest = NAMES
        .iter()
        .map(|(known, _)| (strsim::normalized_damerau_levenshtein(name, known), known))
        .filter(|(likeness, _)| *likeness >= ALIKE)
        .max_by(|a, b| a.0.total_cmp(&b.0));
    match nearest {
        Some((_, known)) => format!("there is no variable `${name}`; did you mean `${known}`?"),
        None => format!("there is no variable `${name}`"),
    }
}
