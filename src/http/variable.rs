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
    /// The servers tried; empty before there is an answer.
    UpstreamAddr => "upstream_addr";
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
