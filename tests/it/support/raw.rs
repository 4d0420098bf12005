//! A client that sends exactly the bytes it is told to, and reads answers by their framing.

use std::io::{ErrorKind, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpStream};

use super::PATIENCE;
use super::stream::Stream;
use super::tls::Tls;

#[derive(Debug)]
pub struct Client {
    stream: Stream,
    /// Read but not yet consumed.
    buffer: Vec<u8>,
}

/// A request that is well formed. Malformed ones are given to [`Client::send`] as bytes.
#[derive(Clone, Debug)]
pub struct Request {
    method: String,
    target: String,
    headers: Vec<(String, String)>,
    body: Option<Vec<u8>>,
}

#[derive(Clone, Debug)]
pub struct Response {
    pub status: u16,
    pub version: u8,
    pub headers: Vec<(String, String)>,
    pub body: Vec<u8>,
    /// Statuses of the 1xx answers before it.
    pub interim: Vec<u16>,
}

impl Client {
    /// To `ip:port` or `unix:/path`.
    pub fn connect(address: &str) -> Self {
        Self { stream: Stream::connect(address), buffer: Vec::new() }
    }

    /// From an address of its own; all of 127.0.0.0/8 is this machine.
    pub fn connect_from(source: &str, to: SocketAddr) -> Self {
        let socket = socket2::Socket::new(socket2::Domain::IPV4, socket2::Type::STREAM, None).unwrap();
        let source: SocketAddr = format!("{source}:0").parse().unwrap();
        socket.bind(&source.into()).unwrap();
        socket.connect_timeout(&to.into(), PATIENCE).unwrap();
        Self::over(socket.into())
    }

    /// Over a connection made in a way of its own.
    pub fn over(socket: TcpStream) -> Self {
        let stream = Stream::Tcp(socket);
        stream.set_patience(PATIENCE);
        Self { stream, buffer: Vec::new() }
    }

    /// Over keys agreed on as `tls` says.
    pub fn over_tls(tls: &Tls, addr: SocketAddr) -> std::io::Result<Self> {
        Ok(Self { stream: Stream::Tls(Box::new(tls.connect(addr)?)), buffer: Vec::new() })
    }

    pub fn send(&mut self, bytes: impl AsRef<[u8]>) -> &mut Self {
        self.stream.write_all(bytes.as_ref()).unwrap();
        self
    }

    /// Sends what a server that closed already may refuse to take.
    pub fn try_send(&mut self, bytes: impl AsRef<[u8]>) -> std::io::Result<()> {
        self.stream.write_all(bytes.as_ref())
    }

    /// As the socket says it.
    pub fn read_some(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        self.stream.read(buffer)
    }

    pub fn exchange(&mut self, request: &Request) -> Response {
        self.send(request.bytes()).response_to(&request.method)
    }

    /// The next whole answer, to anything but HEAD.
    pub fn response(&mut self) -> Response {
        self.response_to("GET")
    }

    pub fn response_to(&mut self, method: &str) -> Response {
        let mut response = self.head();
        response.body = match framing(&response, method) {
            Framing::None => Vec::new(),
            Framing::Length(length) => self.take(length),
            Framing::Chunked => std::iter::from_fn(|| self.chunk()).flatten().collect(),
            Framing::Close => self.rest(),
        };
        response
    }

    /// The head of the next final answer; its body is still to be read.
    pub fn head(&mut self) -> Response {
        let mut interim = Vec::new();
        loop {
            let end = self.fill_until(b"\r\n\r\n");
            let head: Vec<u8> = self.buffer.drain(..end).collect();
            let mut response = parse_head(&head);
            if response.status >= 200 || response.status == 101 {
                response.interim = interim;
                return response;
            }
            interim.push(response.status);
        }
    }

    /// One chunk of a chunked body; `None` is the last one, with its trailers read.
    pub fn chunk(&mut self) -> Option<Vec<u8>> {
        let line = self.line();
        let size = line.split(';').next().unwrap().trim();
        let size = usize::from_str_radix(size, 16).unwrap_or_else(|_| panic!("chunk size `{line}`"));
        if size == 0 {
            while !self.line().is_empty() {}
            return None;
        }
        let data = self.take(size);
        assert_eq!(self.take(2), b"\r\n", "a chunk ends with CRLF");
        Some(data)
    }

    pub fn take(&mut self, length: usize) -> Vec<u8> {
        while self.buffer.len() < length {
            assert!(self.fill(), "closed after {} of {length} bytes", self.buffer.len());
        }
        // Byte by byte, as an iterator takes them in an unoptimised build, large bodies take long.
        let taken = self.buffer[..length].to_vec();
        self.buffer.drain(..length);
        taken
    }

    /// Whatever has come, at least a byte; `None` at the end, orderly or not.
    pub fn some(&mut self) -> Option<Vec<u8>> {
        (!self.buffer.is_empty() || self.fill()).then(|| std::mem::take(&mut self.buffer))
    }

    /// Everything up to the close of the connection, orderly or not.
    pub fn rest(&mut self) -> Vec<u8> {
        while self.fill() {}
        std::mem::take(&mut self.buffer)
    }

    /// Whether the server closes without another byte.
    pub fn is_closed(&mut self) -> bool {
        self.buffer.is_empty() && !self.fill()
    }

    /// Whether an answer has begun to come within the stream's patience.
    pub fn has_come(&mut self) -> bool {
        let mut byte = [0; 4096];
        if let Ok(count) = self.stream.read(&mut byte) {
            self.buffer.extend_from_slice(&byte[..count]);
        }
        !self.buffer.is_empty()
    }

    /// Ends our direction; answers can still be read.
    pub fn finish(&mut self) -> &mut Self {
        self.stream.shutdown(Shutdown::Write);
        self
    }

    pub fn stream(&self) -> &Stream {
        &self.stream
    }

    fn line(&mut self) -> String {
        let end = self.fill_until(b"\r\n");
        let line: Vec<u8> = self.buffer.drain(..end).collect();
        String::from_utf8_lossy(line.trim_ascii_end()).into_owned()
    }

    /// Reads until `mark` is there; the position behind it.
    fn fill_until(&mut self, mark: &[u8]) -> usize {
        loop {
            if let Some(at) = memchr::memmem::find(&self.buffer, mark) {
                return at + mark.len();
            }
            let seen = String::from_utf8_lossy(&self.buffer).into_owned();
            assert!(self.fill(), "closed before the end of a head, after {seen:?}");
        }
    }

    /// Reads something; false at the end.
    fn fill(&mut self) -> bool {
        let mut chunk = vec![0; 64 * 1024];
        match self.stream.read(&mut chunk) {
            Ok(count) => {
                self.buffer.extend_from_slice(&chunk[..count]);
                count > 0
            }
            Err(error) if error.kind() == ErrorKind::ConnectionReset => false,
            Err(error) => panic!("no answer: {error}"),
        }
    }
}

impl Request {
    pub fn new(method: &str, target: &str) -> Self {
        Self { method: method.into(), target: target.into(), headers: Vec::new(), body: None }
    }

    pub fn get(target: &str) -> Self {
        Self::new("GET", target)
    }

    pub fn post(target: &str, body: impl Into<Vec<u8>>) -> Self {
        Self::new("POST", target).body(body)
    }

    #[must_use]
    pub fn header(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.into(), value.into()));
        self
    }

    #[must_use]
    pub fn body(mut self, body: impl Into<Vec<u8>>) -> Self {
        self.body = Some(body.into());
        self
    }

    /// With `Host: localhost` and a Content-Length where the test sets none.
    pub fn bytes(&self) -> Vec<u8> {
        let mut bytes = format!("{} {} HTTP/1.1\r\n", self.method, self.target).into_bytes();
        let has = |wanted: &str| self.headers.iter().any(|(name, _)| name.eq_ignore_ascii_case(wanted));
        if !has("host") {
            bytes.extend_from_slice(b"Host: localhost\r\n");
        }
        for (name, value) in &self.headers {
            write!(bytes, "{name}: {value}\r\n").unwrap();
        }
        if let Some(body) = &self.body
            && !has("content-length")
            && !has("transfer-encoding")
        {
            write!(bytes, "Content-Length: {}\r\n", body.len()).unwrap();
        }
        bytes.extend_from_slice(b"\r\n");
        bytes.extend_from_slice(self.body.as_deref().unwrap_or_default());
        bytes
    }
}

impl Response {
    /// The one value of a field that may be there once.
    pub fn header(&self, name: &str) -> Option<&str> {
        let values = self.header_values(name);
        assert!(values.len() <= 1, "{name} is there more than once: {values:?}");
        values.first().copied()
    }

    pub fn header_values(&self, name: &str) -> Vec<&str> {
        let named = self.headers.iter().filter(|(field, _)| field.eq_ignore_ascii_case(name));
        named.map(|(_, value)| value.as_str()).collect()
    }

    pub fn text(&self) -> &str {
        std::str::from_utf8(&self.body).expect("the body is UTF-8")
    }

    /// A string, number or null of the one flat JSON object that the body is.
    pub fn json(&self, key: &str) -> &str {
        let value = regex::Regex::new(&format!(r#""{key}": *(?:"([^"]*)"|([^",}}\s]+))"#)).unwrap();
        let found = value.captures(self.text()).and_then(|found| found.get(1).or(found.get(2)));
        found.unwrap_or_else(|| panic!("no {key} in {}", self.text())).as_str()
    }
}

enum Framing {
    None,
    Length(usize),
    Chunked,
    Close,
}

/// RFC 9112 6.3.
fn framing(response: &Response, method: &str) -> Framing {
    if method == "HEAD" || matches!(response.status, 101 | 204 | 304) {
        return Framing::None;
    }
    if let Some(coding) = response.header("transfer-encoding") {
        assert_eq!(coding.to_ascii_lowercase(), "chunked");
        return Framing::Chunked;
    }
    let length = response.header("content-length").map(|length| length.parse().expect("a decimal length"));
    length.map_or(Framing::Close, Framing::Length)
}

fn parse_head(head: &[u8]) -> Response {
    let mut fields = [httparse::EMPTY_HEADER; 200];
    let mut parsed = httparse::Response::new(&mut fields);
    let complete = parsed.parse(head).map(|status| status.is_complete());
    assert_eq!(complete, Ok(true), "{:?}", String::from_utf8_lossy(head));
    let headers = parsed
        .headers
        .iter()
        .map(|field| (field.name.to_owned(), String::from_utf8_lossy(field.value).into_owned()))
        .collect();
    Response {
        status: parsed.code.unwrap(),
        version: parsed.version.unwrap(),
        headers,
        body: Vec::new(),
        interim: Vec::new(),
    }
}
