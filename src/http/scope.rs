//! What the variables of a template stand for.

use std::io::Write;

use ::http::{Version, header};
use bytes::Bytes;

use super::variable::{Known, Variable};
use super::{Connection, Request, Secured, log_time};

/// Where a template takes its values from.
#[derive(Clone, Copy, Debug)]
pub struct Scope<'a> {
    request: &'a Request,
}

impl<'a> From<&'a Request> for Scope<'a> {
    fn from(request: &'a Request) -> Self {
        Self { request }
    }
}

impl<'a> Scope<'a> {
    /// The value, where it is there to be shared without copying.
    pub(super) fn shared(self, variable: &Variable) -> Option<Bytes> {
        let request = self.request;
        match variable {
            Variable::Known(Known::Path) => Some(request.target.path.clone()),
            Variable::Known(Known::RequestUri) => Some(request.target.raw.clone()),
            Variable::Known(Known::Host) => Some(request.authority.host.clone()),
            Variable::Known(Known::Query) => Some(request.target.query.clone().unwrap_or_default()),
            Variable::Group(index) => Some(request.captures.get(*index).cloned().unwrap_or_default()),
            Variable::Named(name) => Some(request.captures.named(name).cloned().unwrap_or_default()),
            _ => None,
        }
    }

    /// Appends the value, which is empty where there is none.
    pub(super) fn write(self, variable: &Variable, out: &mut Vec<u8>) {
        if let Some(value) = self.shared(variable) {
            return out.extend_from_slice(&value);
        }
        match variable {
            Variable::Known(known) => self.write_known(*known, out),
            Variable::Header(name) => self.write_header(name, out),
            Variable::Cookie(name) => out.extend_from_slice(self.cookie(name).unwrap_or_default()),
            Variable::Argument(name) => out.extend_from_slice(self.argument(name).unwrap_or_default()),
            Variable::Group(_) | Variable::Named(_) => {}
        }
    }

    fn write_known(self, known: Known, out: &mut Vec<u8>) {
        let request = self.request;
        let client = &request.client;
        match known {
            Known::IsArgs if request.target.query.as_ref().is_some_and(|query| !query.is_empty()) => {
                out.push(b'?');
            }
            Known::RequestMethod => out.extend_from_slice(request.method.as_str().as_bytes()),
            Known::RequestId => out.extend_from_slice(request.id().as_bytes()),
            Known::Scheme => out.extend_from_slice(client.scheme.as_str().as_bytes()),
            Known::RemoteAddr => match client.ip {
                Some(ip) => show(out, ip),
                None => out.extend_from_slice(b"unix:"),
            },
            Known::RemotePort => client.port.into_iter().for_each(|port| show(out, port)),
            Known::ServerProtocol => out.extend_from_slice(protocol(request.version)),
            Known::RequestLine => self.write_line(out),
            Known::TimeLocal => log_time::append_time_local(out),
            Known::TimeIso8601 => log_time::append_time_iso8601(out),
            Known::Msec => log_time::append_msec(out),
            // The rest is shared, or of the connection, or not known yet, or there is no query.
            _ => request.connection.write(known, out),
        }
    }

    fn write_line(self, out: &mut Vec<u8>) {
        let request = self.request;
        for part in [request.method.as_str().as_bytes(), b" ", &request.target.raw, b" "] {
            out.extend_from_slice(part);
        }
        out.extend_from_slice(protocol(request.version));
    }

    /// Several fields of a name are one list (RFC 9110 5.3), which for cookies is joined differently.
    fn write_header(self, name: &str, out: &mut Vec<u8>) {
        // An absolute target has the last word over Host, so the field itself may be wrong.
        if name == header::HOST.as_str() {
            return out.extend_from_slice(&self.request.authority.raw);
        }
        let separator: &[u8] = if name == header::COOKIE.as_str() { b"; " } else { b", " };
        for (index, value) in self.request.headers.get_all(name).enumerate() {
            if index > 0 {
                out.extend_from_slice(separator);
            }
            out.extend_from_slice(value.as_bytes());
        }
    }

    fn cookie(self, name: &str) -> Option<&'a [u8]> {
        let lines = self.request.headers.get_all(header::COOKIE);
        let pairs = lines.flat_map(|line| line.as_bytes().split(|b| *b == b';'));
        find_pair(pairs.map(<[u8]>::trim_ascii), name).map(<[u8]>::trim_ascii)
    }

    /// As it was sent: percent-encoding is not undone.
    fn argument(self, name: &str) -> Option<&'a [u8]> {
        let query = self.request.target.query.as_deref()?;
        find_pair(query.split(|b| *b == b'&'), name)
    }
}

impl Connection {
    /// Appends what is known without a request.
    pub(super) fn write(&self, known: Known, out: &mut Vec<u8>) {
        match known {
            Known::RemoteAddr => match self.peer.ip() {
                Some(ip) => show(out, ip),
                None => out.extend_from_slice(b"unix:"),
            },
            Known::RemotePort => self.peer.port().into_iter().for_each(|port| show(out, port)),
            Known::Scheme => out.extend_from_slice(self.scheme.as_str().as_bytes()),
            Known::ServerAddr => match self.local {
                Some(local) => show(out, local.ip().to_canonical()),
                None => show(out, &self.listener),
            },
            Known::ServerPort => self.local.into_iter().for_each(|local| show(out, local.port())),
            _ => self.secured.iter().for_each(|secured| out.extend_from_slice(secured.value(known))),
        }
    }
}

impl Secured {
    fn value(&self, known: Known) -> &[u8] {
        let client = self.client.as_ref();
        match known {
            Known::SslProtocol => self.protocol.as_bytes(),
            Known::SslCipher => self.cipher.as_bytes(),
            Known::SslServerName => self.server_name.as_deref().unwrap_or_default().as_bytes(),
            Known::SslClientVerify if client.is_some() => b"SUCCESS",
            Known::SslClientVerify => b"NONE",
            Known::SslClientSubject => client.map_or(b"", |client| client.subject.as_bytes()),
            _ => b"",
        }
    }
}

/// The value of the first pair of that name; case does not matter, as in nginx.
fn find_pair<'a>(mut pairs: impl Iterator<Item = &'a [u8]>, name: &str) -> Option<&'a [u8]> {
    pairs.find_map(|pair| {
        let (key, value) = pair.split_at_checked(memchr::memchr(b'=', pair)?)?;
        key.trim_ascii_end().eq_ignore_ascii_case(name.as_bytes()).then(|| value.get(1..))?
    })
}

fn show(out: &mut Vec<u8>, value: impl std::fmt::Display) {
    // A vector takes whatever is written to it.
    let _ = write!(out, "{value}");
}

/// nginx's `$server_protocol`.
pub fn protocol(version: Version) -> &'static [u8] {
    match version {
        Version::HTTP_10 => b"HTTP/1.0",
        Version::HTTP_2 => b"HTTP/2.0",
        Version::HTTP_3 => b"HTTP/3.0",
        _ => b"HTTP/1.1",
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::super::testing::{request, request_with};
    use super::super::{Captures, Template};
    use super::*;

    fn render(template: &str, request: &Request) -> String {
        String::from_utf8(Template::parse(template).unwrap().render(request).to_vec()).unwrap()
    }

    #[test]
    fn variables_have_nginx_meanings() {
        let request = request("/a%20b/../%63?x=%201&y");
        for (template, value) in [
            ("$host", "example.com"),
            ("$uri $path", "/c /c"),
            ("$args|$query_string", "x=%201&y|x=%201&y"),
            ("/n$is_args$args", "/n?x=%201&y"),
            ("$request_uri", "/a%20b/../%63?x=%201&y"),
            ("$request_method", "GET"),
            ("$scheme", "http"),
            ("$remote_addr:$remote_port", "192.0.2.7:50000"),
            ("$server_addr:$server_port", "127.0.0.1:8080"),
            ("$server_protocol", "HTTP/1.1"),
            ("$http_host", "Example.com:8080"),
            ("${host}x", "example.comx"),
            ("$request", "GET /a%20b/../%63?x=%201&y HTTP/1.1"),
            ("$1$upstream_addr$status$remote_user", ""),
            ("$$5", "$5"),
        ] {
            assert_eq!(render(template, &request), value, "{template}");
        }
    }

    #[test]
    fn an_empty_query_has_no_question_mark() {
        assert_eq!(render("$is_args$args", &request("/a?")), "");
        assert_eq!(render("$is_args$args", &request("/a")), "");
    }

    #[test]
    fn fields_cookies_and_arguments_are_found() {
        let fields = [("x-a", "1"), ("x-a", "2"), ("cookie", "b=1; Sid = x=y"), ("cookie", "last=z")];
        let request = request_with("/?Page=%31&page=2&flag", &fields);
        for (template, value) in [
            ("$http_x_a", "1, 2"),
            ("$http_cookie", "b=1; Sid = x=y; last=z"),
            ("$cookie_sid", "x=y"),
            ("$cookie_last", "z"),
            ("$cookie_none$http_none$arg_none$arg_flag", ""),
            ("$arg_page", "%31"),
        ] {
            assert_eq!(render(template, &request), value, "{template}");
        }
    }

    #[test]
    fn captures_are_found_by_number_and_name() {
        let mut request = request("/");
        let groups = ["ab", "a", "b"].map(|text| Some(Bytes::from(text))).to_vec();
        request.captures = Captures { groups, names: Some(Arc::new([("second".into(), 2)])) };
        assert_eq!(render("$2$1${2}0$10$second$3", &request), "bab0a0b");
    }

    #[test]
    fn a_peer_on_a_unix_socket_has_no_address() {
        let mut request = request("/");
        request.client.ip = None;
        request.client.port = None;
        assert_eq!(render("$remote_addr|$remote_port", &request), "unix:|");
    }
}
