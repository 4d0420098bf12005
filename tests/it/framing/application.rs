//! The application behind rproxy: writes down what reaches it, byte for byte, and holds each request
//! against what a canonical one looks like.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use super::corpus::Forwarded;

/// One complete request.
#[derive(Debug, Default)]
pub struct Seen {
    pub line: Vec<u8>,
    pub fields: Vec<(String, Vec<u8>)>,
    pub body: Vec<u8>,
    /// Trailer fields of a chunked body.
    pub trailers: Vec<(String, Vec<u8>)>,
}

pub struct Application {
    pub address: SocketAddr,
    seen: Arc<Mutex<Vec<Result<Seen, String>>>>,
}

impl Application {
    pub async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let seen = Arc::new(Mutex::new(Vec::new()));
        let log = Arc::clone(&seen);
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(serve(stream, Arc::clone(&log)));
            }
        });
        Self { address, seen }
    }

    /// What has come since the last call; an error for what is no canonical request.
    pub fn take(&self) -> Vec<Result<Seen, String>> {
        std::mem::take(&mut *self.seen.lock().unwrap())
    }
}

async fn serve(mut stream: TcpStream, log: Arc<Mutex<Vec<Result<Seen, String>>>>) {
    let mut buffer = Vec::new();
    while let Some(result) = next_request(&mut stream, &mut buffer).await {
        let path = result.as_ref().ok().and_then(|seen| {
            seen.line.split(|byte| *byte == b' ').nth(1).map(|path| String::from_utf8_lossy(path).into_owned())
        });
        let broken = result.is_err();
        log.lock().unwrap().push(result);
        if broken {
            return;
        }
        let reply: &[u8] = match path.as_deref() {
            Some("/app/switch") => b"HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\n",
            Some("/app/chunked") => {
                b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhe\r\n3\r\nllo\r\n0\r\n\r\n"
            }
            _ => b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok",
        };
        if stream.write_all(reply).await.is_err() {
            return;
        }
        if reply.starts_with(b"HTTP/1.1 101") {
            let (mut reader, mut writer) = stream.split();
            let _ = tokio::io::copy(&mut reader, &mut writer).await;
            return;
        }
    }
}

/// The next request; `None` when the connection ends before one is complete.
async fn next_request(stream: &mut TcpStream, buffer: &mut Vec<u8>) -> Option<Result<Seen, String>> {
    let head = take_until(stream, buffer, b"\r\n\r\n").await?;
    let mut seen = match parse_head(&head) {
        Ok(seen) => seen,
        Err(problem) => return Some(Err(format!("{problem} in {}", head.escape_ascii()))),
    };
    if let Some(length) = seen.value("Content-Length") {
        let Some(length) = number(length, 10) else { return Some(Err("a length that is none".into())) };
        seen.body = take(stream, buffer, length).await?;
    } else if seen.value("Transfer-Encoding").is_some() {
        loop {
            let line = take_until(stream, buffer, b"\r\n").await?;
            let Some(size) = number(&line[..line.len() - 2], 16) else {
                return Some(Err(format!("chunk line {}", line.escape_ascii())));
            };
            if size == 0 {
                break;
            }
            seen.body.extend(take(stream, buffer, size).await?);
            if take(stream, buffer, 2).await? != b"\r\n" {
                return Some(Err("chunk without CRLF".into()));
            }
        }
        loop {
            let line = take_until(stream, buffer, b"\r\n").await?;
            if line == b"\r\n" {
                break;
            }
            match field(&line[..line.len() - 2]) {
                Ok(field) => seen.trailers.push(field),
                Err(problem) => return Some(Err(problem)),
            }
        }
    }
    Some(seen.canonical().map(|()| seen))
}

async fn take_until(stream: &mut TcpStream, buffer: &mut Vec<u8>, end: &[u8]) -> Option<Vec<u8>> {
    loop {
        if let Some(at) = buffer.windows(end.len()).position(|window| window == end) {
            return Some(buffer.drain(..at + end.len()).collect());
        }
        if stream.read_buf(buffer).await.ok()? == 0 {
            return None;
        }
    }
}

async fn take(stream: &mut TcpStream, buffer: &mut Vec<u8>, length: usize) -> Option<Vec<u8>> {
    while buffer.len() < length {
        if stream.read_buf(buffer).await.ok()? == 0 {
            return None;
        }
    }
    Some(buffer.drain(..length).collect())
}

fn number(text: &[u8], radix: u32) -> Option<usize> {
    let text = std::str::from_utf8(text).ok()?;
    text.bytes().all(|byte| byte.is_ascii_hexdigit()).then(|| usize::from_str_radix(text, radix).ok())?
}

fn parse_head(head: &[u8]) -> Result<Seen, String> {
    let text = head.strip_suffix(b"\r\n\r\n").unwrap_or(head);
    let mut lines = text.split(|byte| *byte == b'\n').map(|line| line.strip_suffix(b"\r").unwrap_or(line));
    if text.windows(2).any(|pair| pair[1] == b'\n' && pair[0] != b'\r') {
        return Err("a bare LF".into());
    }
    let line = lines.next().unwrap_or_default().to_vec();
    let fields = lines.map(field).collect::<Result<_, _>>()?;
    Ok(Seen { line, fields, ..Seen::default() })
}

fn field(line: &[u8]) -> Result<(String, Vec<u8>), String> {
    let shown = line.escape_ascii();
    let at = line.iter().position(|byte| *byte == b':').ok_or_else(|| format!("no colon in {shown}"))?;
    let (name, value) = (&line[..at], line[at + 1..].trim_ascii());
    let token = !name.is_empty() && name.iter().all(|byte| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^`|~".contains(byte));
    if !token || value.iter().any(|byte| byte.is_ascii_control() && *byte != b'\t') {
        return Err(format!("{shown} is not a canonical field"));
    }
    Ok((String::from_utf8_lossy(name).into_owned(), value.to_vec()))
}

impl Seen {
    pub fn value(&self, name: &str) -> Option<&[u8]> {
        self.values(name).next()
    }

    fn values<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a [u8]> {
        let of_that_name = move |(known, _): &&(String, Vec<u8>)| known.eq_ignore_ascii_case(name);
        self.fields.iter().filter(of_that_name).map(|(_, value)| value.as_slice())
    }

    /// What holds for every request that leaves rproxy.
    fn canonical(&self) -> Result<(), String> {
        let count = |name: &str| self.values(name).count();
        let wrong = |what: &str| Err(format!("{what}: {}", self.shown()));
        let parts: Vec<&[u8]> = self.line.split(|byte| *byte == b' ').collect();
        if parts.len() != 3 || parts[2] != b"HTTP/1.1" || !parts[1].starts_with(b"/") {
            return wrong("request line");
        }
        if self.line.iter().any(|byte| !byte.is_ascii_graphic() && *byte != b' ') {
            return wrong("bytes in the request line");
        }
        if count("Host") != 1 {
            return wrong("not one Host");
        }
        if count("Content-Length") + count("Transfer-Encoding") > 1 {
            return wrong("more than one length");
        }
        if self.value("Transfer-Encoding").is_some_and(|coding| coding != b"chunked") {
            return wrong("coding");
        }
        if self.value("TE").is_some_and(|codings| codings != b"trailers") {
            return wrong("TE");
        }
        let forbidden = ["Keep-Alive", "Proxy-Connection", "Proxy", "Expect", "HTTP2-Settings"];
        if let Some(name) = forbidden.iter().find(|name| count(name) > 0) {
            return wrong(name);
        }
        Ok(())
    }

    fn shown(&self) -> String {
        let mut text = self.line.escape_ascii().to_string();
        for (name, value) in &self.fields {
            text += &format!("\n    {name}: {}", value.escape_ascii());
        }
        text
    }

    /// Compares with what the corpus says.
    pub fn check(&self, expected: &Forwarded) -> Result<(), String> {
        let wrong = |what: String| Err(format!("{what}; the application got\n    {}", self.shown()));
        if self.line != expected.line {
            return wrong(format!("not `{}`", expected.line.escape_ascii()));
        }
        for (name, value) in &expected.has {
            let all: Vec<&[u8]> = self.values(name).collect();
            if all != [value.as_slice()] {
                return wrong(format!("not exactly one `{name}: {}`", value.escape_ascii()));
            }
        }
        for (name, value) in &expected.lacks {
            let everywhere = self.fields.iter().chain(&self.trailers);
            let mut same = everywhere.filter(|(known, _)| known.eq_ignore_ascii_case(name));
            if same.any(|(_, seen)| value.as_ref().is_none_or(|value| seen.eq_ignore_ascii_case(value))) {
                return wrong(format!("`{name}` went through"));
            }
        }
        if self.body != expected.body {
            return wrong(format!("{} bytes of body instead of {}", self.body.len(), expected.body.len()));
        }
        Ok(())
    }
}
