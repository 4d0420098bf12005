//! How a line of the access log looks, and what it takes of a request while that is there.

use std::net::IpAddr;

use ::http::header::{REFERER, USER_AGENT};
use ::http::{HeaderValue, Method, Version};
use bytes::Bytes;

use crate::http::{
    Bound, Ended, Escape, Request, Template, Unread, append_escaped, append_time_local, protocol,
};
use crate::net::write_ip;

/// The look of all lines of one log.
#[derive(Debug)]
pub enum AccessFormat {
    /// nginx's `combined`, which is Apache's. Written by hand: no other format is as frequent.
    Combined,
    Template(Template, Escape),
}

impl AccessFormat {
    /// One object a line. Names are those of the variables, and what has no value is `null`.
    pub fn json() -> Self {
        // The text is ours and has no mistake; without it there would be empty lines.
        Self::Template(Template::parse(JSON).unwrap_or_else(|_| Template::literal("{}")), Escape::Json)
    }

    pub fn text(template: Template) -> Self {
        Self::Template(template, Escape::Log)
    }

    pub(super) fn of_request(&self, request: &Request) -> AccessLine {
        match self {
            Self::Combined => AccessLine::Combined {
                referer: request.headers.get(REFERER).cloned(),
                user_agent: request.headers.get(USER_AGENT).cloned(),
            },
            Self::Template(template, escape) => AccessLine::Bound(template.bind_with(request, *escape)),
        }
    }

    pub(super) fn of_unread(&self, unread: Unread<'_>) -> AccessLine {
        match self {
            Self::Combined => AccessLine::Combined { referer: None, user_agent: None },
            Self::Template(template, escape) => AccessLine::Bound(template.bind_unread(unread, *escape)),
        }
    }
}

const JSON: &str = concat!(
    r#"{"time":$time_iso8601,"msec":$msec,"remote_addr":$remote_addr,"remote_port":$remote_port,"#,
    r#""remote_user":$remote_user,"request":$request,"method":$request_method,"scheme":$scheme,"host":$host,"#,
    r#""request_uri":$request_uri,"protocol":$server_protocol,"status":$status,"#,
    r#""body_bytes_sent":$body_bytes_sent,"bytes_sent":$bytes_sent,"request_time":$request_time,"#,
    r#""referer":$http_referer,"user_agent":$http_user_agent,"forwarded_for":$http_x_forwarded_for,"#,
    r#""request_id":$request_id,"server_addr":$server_addr,"server_port":$server_port,"#,
    r#""upstream_addr":$upstream_addr,"upstream_status":$upstream_status,"#,
    r#""upstream_header_time":$upstream_header_time,"upstream_response_time":$upstream_response_time,"#,
    r#""queue_time":$queue_time,"cause":$cause}"#,
);

/// A line that waits for its end.
#[derive(Debug)]
pub(super) enum AccessLine {
    /// Of a log that nobody reads.
    None,
    Combined {
        referer: Option<HeaderValue>,
        user_agent: Option<HeaderValue>,
    },
    Bound(Bound),
}

impl AccessLine {
    /// Appends the whole line with its end.
    pub fn append(&self, remote: Option<IpAddr>, asked: &Asked, ended: Ended<'_>, out: &mut Vec<u8>) {
        match self {
            Self::None => return,
            Self::Bound(bound) => bound.append(ended, out),
            Self::Combined { referer, user_agent } => {
                append_beginning(remote, asked, ended, out);
                for field in [referer, user_agent] {
                    out.extend_from_slice(b" \"");
                    append_escaped(out, field.as_ref().map_or(b"-", HeaderValue::as_bytes));
                    out.push(b'"');
                }
            }
        }
        out.push(b'\n');
    }
}

fn append_beginning(remote: Option<IpAddr>, asked: &Asked, ended: Ended<'_>, out: &mut Vec<u8>) {
    match remote {
        Some(ip) => write_ip(out, ip),
        None => out.extend_from_slice(b"unix:"),
    }
    out.extend_from_slice(b" - - [");
    append_time_local(out);
    out.extend_from_slice(b"] \"");
    asked.append(out);
    out.extend_from_slice(b"\" ");
    out.extend_from_slice(itoa::Buffer::new().format(ended.status).as_bytes());
    out.push(b' ');
    out.extend_from_slice(itoa::Buffer::new().format(ended.body_bytes).as_bytes());
}

/// The request line.
#[derive(Debug)]
pub(super) enum Asked {
    Request(Method, Bytes, Version),
    /// What could not be read as a request, as far as it came.
    Line(Bytes),
}

impl Asked {
    /// Appends it escaped.
    pub fn append(&self, out: &mut Vec<u8>) {
        match self {
            Self::Request(method, target, version) => {
                append_escaped(out, method.as_str().as_bytes());
                out.push(b' ');
                append_escaped(out, target);
                out.push(b' ');
                out.extend_from_slice(protocol(*version));
            }
            Self::Line(line) => append_escaped(out, line),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Instant;

    use ::http::StatusCode;

    use super::*;
    use crate::http::testing::request_with;
    use crate::http::{Attempt, Body, Cause, Trace};

    /// The line of a request that one server failed and another answered.
    fn line(format: &AccessFormat, target: &str, fields: &[(&str, &str)]) -> String {
        let request = request_with(target, fields);
        let asked = Asked::Request(request.method.clone(), request.target.raw.clone(), request.version);
        let mut first = Attempt::begin("127.0.0.1:1".into());
        first.failed(Some(StatusCode::BAD_GATEWAY));
        let mut second = Attempt::begin("unix:/b".into());
        second.answered(StatusCode::OK, &mut Body::Empty);
        let mut trace = Trace::default();
        trace.upstream.get_or_insert_default().attempts.extend([first, second]);
        trace.fault = Some(Box::new(Cause::ClientLeft.into()));
        let received = Instant::now();
        let ended = Ended { trace: &trace, status: 200, body_bytes: 5, bytes: 105, received };
        let mut out = Vec::new();
        format.of_request(&request).append(request.client.ip, &asked, ended, &mut out);
        String::from_utf8(out).unwrap()
    }

    fn template(text: &str) -> AccessFormat {
        AccessFormat::text(Template::parse(text).unwrap())
    }

    #[test]
    fn combined_is_nginx_s() {
        let line = line(&AccessFormat::Combined, "/a?b", &[("referer", "x\"y"), ("user-agent", "test")]);
        assert!(line.starts_with("192.0.2.7 - - ["), "{line}");
        assert!(line.ends_with("+0000] \"GET /a?b HTTP/1.1\" 200 5 \"x\\x22y\" \"test\"\n"), "{line}");
    }

    #[test]
    fn a_template_knows_the_request_and_its_end() {
        let format = template("$remote_addr $status $body_bytes_sent/$bytes_sent [$request] $http_x $cause");
        let fields = [("x", "a\"b")];
        assert_eq!(
            line(&format, "/a?b", &fields),
            "192.0.2.7 200 5/105 [GET /a?b HTTP/1.1] a\\x22b client-left\n"
        );
    }

    #[test]
    fn a_template_tells_of_every_server() {
        let format = template("$upstream_addr|$upstream_status|$upstream_response_time|$queue_time");
        assert_eq!(line(&format, "/", &[]), "127.0.0.1:1, unix:/b|502, 200|0.000, 0.000|0.000\n");
    }

    #[test]
    fn what_is_missing_is_a_dash() {
        assert_eq!(line(&template("$remote_user $args <$http_x>"), "/", &[]), "- - <->\n");
    }

    #[test]
    fn times_are_those_of_the_line() {
        let line = line(&template("$time_iso8601 $msec $request_time $time_local"), "/", &[]);
        let shape = r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\+00:00 \d+\.\d{3} 0\.0\d\d \d\d/[A-Z]";
        assert!(regex::Regex::new(shape).unwrap().is_match(&line), "{line}");
    }

    #[test]
    fn json_has_numbers_strings_and_null() {
        let line = line(&AccessFormat::json(), "/a?\"", &[("user-agent", "caf\u{e9}")]);
        for part in [
            r#""status":200,"body_bytes_sent":5,"bytes_sent":105,"#,
            r#""request_uri":"/a?\"","#,
            r#""referer":null,"#,
            r#""upstream_status":"502, 200","#,
            r#""cause":"client-left"}"#,
        ] {
            assert!(line.contains(part), "no {part} in {line}");
        }
        assert!(line.starts_with('{') && line.ends_with("}\n") && line.lines().count() == 1);
    }

    #[test]
    fn what_is_no_request_has_a_line_in_every_format() {
        let connection = request_with("/", &[]).connection;
        let unread = Unread { connection: &connection, line: b"GARBAGE\xff" };
        let trace = Trace::default();
        let received = Instant::now();
        let ended = Ended { trace: &trace, status: 400, body_bytes: 0, bytes: 0, received };
        let asked = Asked::Line(Bytes::copy_from_slice(unread.line));
        let line = |format: &AccessFormat| {
            let mut out = Vec::new();
            format.of_unread(unread).append(connection.peer.ip(), &asked, ended, &mut out);
            String::from_utf8(out).unwrap()
        };
        assert_eq!(line(&template("$remote_addr $request $status $host")), "192.0.2.7 GARBAGE\\xFF 400 -\n");
        assert!(line(&AccessFormat::Combined).contains("\"GARBAGE\\xFF\" 400 0 \"-\" \"-\"\n"));
        assert!(line(&AccessFormat::json()).contains(r#""request":"GARBAGE\u00ff","method":null,"#));
    }
}
