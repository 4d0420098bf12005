//! One access-log line for each request, whatever becomes of it.

use std::net::IpAddr;
use std::time::SystemTime;

use ::http::header::{REFERER, USER_AGENT};
use ::http::{HeaderValue, Method, Version};
use bytes::Bytes;

use crate::http::{Connection, Request};
use crate::net::write_ip;
use crate::observe::Lines;

/// Written when dropped: a request whose client left, or which a stop cut off, has its line as well.
#[derive(Debug)]
pub struct Record {
    lines: Lines,
    remote: Option<IpAddr>,
    asked: Asked,
    referer: Option<HeaderValue>,
    user_agent: Option<HeaderValue>,
    /// nginx's 499 until a response exists: the client closed the connection.
    status: u16,
    body_bytes: u64,
}

#[derive(Debug)]
enum Asked {
    Request(Method, Bytes, Version),
    /// What could not be read as a request, as far as it came.
    Line(Bytes),
}

const CLIENT_CLOSED: u16 = 499;

impl Record {
    /// Of a request that was understood.
    pub fn of_request(lines: &Lines, request: &Request) -> Self {
        let asked = Asked::Request(request.method.clone(), request.target.raw.clone(), request.version);
        Self {
            lines: lines.clone(),
            remote: request.client.ip,
            asked,
            referer: request.headers.get(REFERER).cloned(),
            user_agent: request.headers.get(USER_AGENT).cloned(),
            status: CLIENT_CLOSED,
            body_bytes: 0,
        }
    }

    /// Of a first line that no request came of.
    pub fn of_line(lines: &Lines, connection: &Connection, line: &Bytes) -> Self {
        Self {
            lines: lines.clone(),
            remote: connection.peer.ip(),
            asked: Asked::Line(line.clone()),
            referer: None,
            user_agent: None,
            status: CLIENT_CLOSED,
            body_bytes: 0,
        }
    }

    pub fn status(&mut self, status: ::http::StatusCode) {
        self.status = status.as_u16();
    }

    pub fn body_bytes(&mut self, count: u64) {
        self.body_bytes = count;
    }

    /// The request as the access log has it, escaped.
    pub fn request_line(&self) -> String {
        let mut line = Vec::new();
        self.write_asked(&mut line);
        String::from_utf8_lossy(&line).into_owned()
    }

    /// nginx's `$remote_addr`.
    pub fn client_name(&self) -> String {
        self.remote.map_or_else(|| "unix:".to_owned(), |ip| ip.to_string())
    }

    /// nginx's `combined`, which is Apache's.
    fn write(&self, out: &mut Vec<u8>) {
        match self.remote {
            Some(ip) => write_ip(out, ip),
            None => out.extend_from_slice(b"unix:"),
        }
        out.extend_from_slice(b" - - [");
        append_time(out);
        out.extend_from_slice(b"] \"");
        self.write_asked(out);
        out.extend_from_slice(b"\" ");
        out.extend_from_slice(itoa::Buffer::new().format(self.status).as_bytes());
        out.push(b' ');
        out.extend_from_slice(itoa::Buffer::new().format(self.body_bytes).as_bytes());
        for field in [&self.referer, &self.user_agent] {
            out.extend_from_slice(b" \"");
            append_escaped(out, field.as_ref().map_or(b"-", HeaderValue::as_bytes));
            out.push(b'"');
        }
        out.push(b'\n');
    }

    fn write_asked(&self, out: &mut Vec<u8>) {
        match &self.asked {
            Asked::Request(method, target, version) => {
                append_escaped(out, method.as_str().as_bytes());
                out.push(b' ');
                append_escaped(out, target);
                out.extend_from_slice(if *version == Version::HTTP_10 { b" HTTP/1.0" } else { b" HTTP/1.1" });
            }
            Asked::Line(line) => append_escaped(out, line),
        }
    }
}

impl Drop for Record {
    fn drop(&mut self) {
        let lines = self.lines.clone();
        lines.push(|out| self.write(out));
    }
}

/// nginx's escaping: what could end the line, the quotes or a terminal's patience becomes `\xHH`.
fn append_escaped(out: &mut Vec<u8>, bytes: &[u8]) {
    const HEX: &[u8; 16] = b"0123456789ABCDEF";
    let plain = |byte: &u8| (b' '..=b'~').contains(byte) && *byte != b'"' && *byte != b'\\';
    // Without an early end, so that many bytes are looked at by one instruction.
    if bytes.iter().fold(true, |all, byte| all & plain(byte)) {
        return out.extend_from_slice(bytes);
    }
    for byte in bytes {
        if plain(byte) {
            out.push(*byte);
        } else {
            out.extend_from_slice(b"\\x");
            out.extend([byte >> 4, byte & 15].iter().filter_map(|nibble| HEX.get(usize::from(*nibble))));
        }
    }
}

thread_local! {
    static TIME: std::cell::RefCell<(u64, [u8; 26])> = const { std::cell::RefCell::new((0, [0; 26])) };
}

/// `21/Nov/2026:10:15:00 +0000`, made once a second. UTC, so that no log line depends on a machine's zone.
fn append_time(out: &mut Vec<u8>) {
    let now = SystemTime::now();
    let second = now.duration_since(SystemTime::UNIX_EPOCH).map_or(0, |since| since.as_secs());
    TIME.with_borrow_mut(|(cached, text)| {
        if *cached != second {
            *text = log_time(now);
            *cached = second;
        }
        out.extend_from_slice(text);
    });
}

/// Rearranges an IMF-fixdate, `Sat, 21 Nov 2026 10:15:00 GMT`, whose parts stand in fixed places.
fn log_time(now: SystemTime) -> [u8; 26] {
    let mut text = *b"00/Jan/1970:00:00:00 +0000";
    let date = httpdate::fmt_http_date(now);
    for (to, from) in [(0..2, 5..7), (3..6, 8..11), (7..11, 12..16), (12..20, 17..25)] {
        if let (Some(to), Some(from)) = (text.get_mut(to), date.as_bytes().get(from)) {
            to.copy_from_slice(from);
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn the_time_is_written_as_in_nginx() {
        let time = SystemTime::UNIX_EPOCH + Duration::from_secs(1_795_256_100);
        assert_eq!(&log_time(time), b"21/Nov/2026:10:15:00 +0000");
    }

    #[test]
    fn nothing_ends_a_line_or_a_quote() {
        let mut out = Vec::new();
        append_escaped(&mut out, b"a\"b\\c\nd\x1b\xc3\xbc");
        assert_eq!(out, br"a\x22b\x5Cc\x0Ad\x1B\xC3\xBC");
    }
}
