//! A scripted upstream: records the bytes it gets, and answers whatever a test wants answered.

use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener};
use std::os::unix::net::UnixListener;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex};
use std::thread::JoinHandle;
use std::time::Instant;

use tempfile::TempDir;

use super::PATIENCE;
use super::stream::{Stream, Transport};

#[derive(Debug)]
pub struct Origin {
    address: String,
    shared: Arc<Shared>,
    acceptor: Option<JoinHandle<()>>,
    _dir: Option<TempDir>,
}

/// One request, byte for byte.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Received {
    /// With its closing empty line.
    pub head: String,
    /// As on the wire: a chunked body keeps its framing.
    pub body: Vec<u8>,
    /// Counted from 0 in the order of arrival.
    pub connection: usize,
}

/// The origin's side of one connection.
#[derive(Debug)]
pub struct Conversation {
    stream: Stream,
    buffer: Vec<u8>,
    number: usize,
    shared: Arc<Shared>,
}

#[derive(Debug, Default)]
struct Shared {
    received: Mutex<Vec<Received>>,
    arrived: Condvar,
    connections: AtomicUsize,
    ended: AtomicBool,
    streams: Mutex<Vec<Stream>>,
}

enum Listener {
    Tcp(TcpListener),
    Unix(UnixListener),
}

impl Origin {
    /// Runs `script` for each connection, which closes when the script returns.
    pub fn new(transport: Transport, script: impl Fn(&mut Conversation) + Send + Sync + 'static) -> Self {
        let (listener, address, dir) = bind(transport);
        let shared = Arc::new(Shared::default());
        let accepting = Arc::clone(&shared);
        let acceptor = std::thread::spawn(move || accept(&listener, &accepting, &Arc::new(script)));
        Self { address, shared, acceptor: Some(acceptor), _dir: dir }
    }

    /// Answers every request with the same bytes, on as many connections as there are.
    pub fn answering(response: impl AsRef<[u8]>) -> Self {
        let response = response.as_ref().to_vec();
        Self::new(Transport::Tcp, move |peer| {
            while peer.request().is_some() {
                peer.send(&response);
            }
        })
    }

    /// `200 OK` with `body`.
    pub fn ok(body: &str) -> Self {
        Self::answering(ok(body))
    }

    /// Answers each request with its own bytes as body.
    pub fn echo() -> Self {
        Self::new(Transport::Tcp, |peer| {
            while let Some(request) = peer.request() {
                let head = format!(
                    "HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n",
                    request.head.len() + request.body.len()
                );
                peer.send(head).send(&request.head).send(&request.body);
            }
        })
    }

    /// Reads a request and closes without a word.
    pub fn closing() -> Self {
        Self::new(Transport::Tcp, |peer| {
            peer.request();
        })
    }

    /// Reads a request and never answers.
    pub fn hanging() -> Self {
        Self::new(Transport::Tcp, |peer| {
            peer.request();
            peer.wait_for_close();
        })
    }

    /// As written in `servers`.
    pub fn address(&self) -> &str {
        &self.address
    }

    pub fn requests(&self) -> Vec<Received> {
        self.shared.received.lock().unwrap().clone()
    }

    /// How many connections were made so far.
    pub fn connections(&self) -> usize {
        self.shared.connections.load(Ordering::SeqCst)
    }

    /// The `count`th request, now or soon.
    pub fn wait_for_request(&self, count: usize) -> Received {
        let deadline = Instant::now() + PATIENCE;
        let mut received = self.shared.received.lock().unwrap();
        while received.len() < count {
            let left = deadline.saturating_duration_since(Instant::now());
            assert!(!left.is_zero(), "only {} of {count} requests came", received.len());
            received = self.shared.arrived.wait_timeout(received, left).unwrap().0;
        }
        received[count - 1].clone()
    }
}

/// `200 OK` with `body`, as bytes to send.
pub fn ok(body: &str) -> String {
    format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\nContent-Type: text/plain\r\n\r\n{body}", body.len())
}

impl Received {
    pub fn request_line(&self) -> &str {
        self.head.split("\r\n").next().unwrap()
    }

    /// Every value of a field, in order.
    pub fn header_values(&self, name: &str) -> Vec<&str> {
        let fields = self.head.split("\r\n").skip(1).filter_map(|line| line.split_once(':'));
        fields.filter(|(field, _)| field.eq_ignore_ascii_case(name)).map(|(_, value)| value.trim()).collect()
    }

    pub fn header(&self, name: &str) -> Option<&str> {
        let values = self.header_values(name);
        assert!(values.len() <= 1, "{name} was sent more than once: {values:?}");
        values.first().copied()
    }
}

impl Conversation {
    /// The next request, whole; `None` when the connection ended before one.
    pub fn request(&mut self) -> Option<Received> {
        let head = self.head()?;
        let mut received = Received { head, body: Vec::new(), connection: self.number };
        if received.header("transfer-encoding").is_some() {
            received.body = self.chunked_body()?;
        } else if let Some(length) = received.header("content-length") {
            received.body = self.take(length.parse().expect("a decimal length"))?;
        }
        self.record(received.clone());
        Some(received)
    }

    /// Only the head of the next request: for scripts that answer before its body.
    pub fn head(&mut self) -> Option<String> {
        let end = self.fill_until(b"\r\n\r\n")?;
        self.take(end).map(|head| String::from_utf8_lossy(&head).into_owned())
    }

    pub fn record(&self, request: Received) {
        self.shared.received.lock().unwrap().push(request);
        self.shared.arrived.notify_all();
    }

    /// A peer that does not take it is that test's business.
    pub fn send(&mut self, bytes: impl AsRef<[u8]>) -> &mut Self {
        let _ = self.stream.write_all(bytes.as_ref());
        self
    }

    /// Byte by byte, each in a write of its own.
    pub fn drip(&mut self, bytes: impl AsRef<[u8]>) -> &mut Self {
        for byte in bytes.as_ref() {
            self.send([*byte]);
        }
        self
    }

    pub fn wait_for_close(&mut self) {
        while self.fill() {}
    }

    /// Whatever has come, at least a byte; nothing at the end.
    pub fn some(&mut self) -> Vec<u8> {
        if self.buffer.is_empty() {
            self.fill();
        }
        std::mem::take(&mut self.buffer)
    }

    /// Counted from 0 in the order of arrival.
    pub fn number(&self) -> usize {
        self.number
    }

    pub fn stream(&self) -> &Stream {
        &self.stream
    }

    fn take(&mut self, length: usize) -> Option<Vec<u8>> {
        while self.buffer.len() < length {
            if !self.fill() {
                return None;
            }
        }
        Some(self.buffer.drain(..length).collect())
    }

    fn chunked_body(&mut self) -> Option<Vec<u8>> {
        let mut body = Vec::new();
        loop {
            let end = self.fill_until(b"\r\n")?;
            let line = self.take(end)?;
            let size = String::from_utf8_lossy(&line);
            let size = usize::from_str_radix(size.trim(), 16).expect("a chunk size and nothing else");
            body.extend_from_slice(&line);
            // Without trailers, which rproxy does not forward, the last chunk has this shape too.
            body.extend(self.take(size + 2)?);
            if size == 0 {
                return Some(body);
            }
        }
    }

    fn fill_until(&mut self, mark: &[u8]) -> Option<usize> {
        loop {
            if let Some(at) = memchr::memmem::find(&self.buffer, mark) {
                return Some(at + mark.len());
            }
            if !self.fill() {
                return None;
            }
        }
    }

    fn fill(&mut self) -> bool {
        let mut chunk = [0; 16 * 1024];
        let count = self.stream.read(&mut chunk).unwrap_or(0);
        self.buffer.extend_from_slice(&chunk[..count]);
        count > 0
    }
}

impl Listener {
    fn accept(&self) -> std::io::Result<Stream> {
        match self {
            Self::Tcp(listener) => listener.accept().map(|(stream, _)| Stream::Tcp(stream)),
            Self::Unix(listener) => listener.accept().map(|(stream, _)| Stream::Unix(stream)),
        }
    }
}

fn bind(transport: Transport) -> (Listener, String, Option<TempDir>) {
    match transport {
        Transport::Tcp => {
            let listener = TcpListener::bind("127.0.0.1:0").unwrap();
            let address = listener.local_addr().unwrap().to_string();
            (Listener::Tcp(listener), address, None)
        }
        Transport::Unix => {
            let dir = TempDir::new().unwrap();
            let path = dir.path().join("origin.sock");
            let address = format!("unix:{}", path.display());
            (Listener::Unix(UnixListener::bind(path).unwrap()), address, Some(dir))
        }
    }
}

type Script = dyn Fn(&mut Conversation) + Send + Sync;

fn accept(
    listener: &Listener,
    shared: &Arc<Shared>,
    script: &Arc<impl Fn(&mut Conversation) + Send + Sync + 'static>,
) {
    let script: Arc<Script> = Arc::clone(script) as Arc<Script>;
    while let Ok(stream) = listener.accept() {
        if shared.ended.load(Ordering::SeqCst) {
            return;
        }
        stream.set_patience(PATIENCE);
        shared.streams.lock().unwrap().push(stream.try_clone());
        let number = shared.connections.fetch_add(1, Ordering::SeqCst);
        let shared = Arc::clone(shared);
        let script = Arc::clone(&script);
        std::thread::spawn(move || {
            let mut conversation = Conversation { stream, buffer: Vec::new(), number, shared };
            script(&mut conversation);
            // The clone kept for the end of the test holds the descriptor open.
            conversation.stream.shutdown(Shutdown::Both);
        });
    }
}

impl Drop for Origin {
    fn drop(&mut self) {
        self.shared.ended.store(true, Ordering::SeqCst);
        for stream in self.shared.streams.lock().unwrap().drain(..) {
            stream.shutdown(Shutdown::Both);
        }
        // Wakes the acceptor, which then sees that it has ended.
        let _ = Stream::try_connect(&self.address);
        if let Some(acceptor) = self.acceptor.take() {
            let _ = acceptor.join();
        }
    }
}
