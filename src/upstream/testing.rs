//! A server that plays scripts, and requests to send to it.

use std::cell::RefCell;
use std::net::SocketAddr;
use std::rc::Rc;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use ::http::Method;
use bytes::Bytes;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;

use super::{
    Conditions, Dialer, Lease, Passive, Picked, Policy, Pool, QueueLimits, RetryRules, Server as Member,
    Settings, Upstream, Wanted,
};
use crate::http::testing::request_with;
use crate::http::{Body, Fault, Fields, Frame, Request, Source, StatusSet, Stream};
use crate::net::UpstreamAddr;

/// One step of what the server does on a connection. At the end of a script it closes.
#[derive(Clone, Debug)]
pub enum Act {
    /// Reads up to the end of the next head.
    Head,
    /// Reads until this was received.
    Until(&'static str),
    Send(Bytes),
    /// Sends byte by byte, so that each is read alone.
    Drip(Bytes),
    /// Reads until the other side closes.
    Hold,
    /// Reads nothing until the other side has closed.
    Ignore,
    /// Closes with RST.
    Reset,
}

pub fn send(text: &'static str) -> Act {
    Act::Send(Bytes::from_static(text.as_bytes()))
}

/// Plays one script for each connection it accepts, then no longer listens.
#[derive(Debug)]
pub struct Server {
    pub addr: SocketAddr,
    received: Rc<RefCell<Vec<Vec<u8>>>>,
    playing: tokio::task::JoinHandle<()>,
}

impl Server {
    pub async fn start(scripts: impl IntoIterator<Item = Vec<Act>>) -> Self {
        let scripts: Vec<_> = scripts.into_iter().collect();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let addr = listener.local_addr().unwrap();
        let received = Rc::new(RefCell::new(Vec::new()));
        let log = Rc::clone(&received);
        let playing = tokio::task::spawn_local(async move {
            let mut plays = Vec::new();
            for script in scripts {
                let (stream, _) = listener.accept().await.unwrap();
                log.borrow_mut().push(Vec::new());
                let index = log.borrow().len() - 1;
                plays.push(tokio::task::spawn_local(play(stream, script, Rc::clone(&log), index)));
            }
            drop(listener);
            for play in plays {
                play.await.unwrap();
            }
        });
        Self { addr, received, playing }
    }

    /// What came in on a connection, counted from 0.
    pub fn received(&self, connection: usize) -> String {
        String::from_utf8(self.received.borrow()[connection].clone()).unwrap()
    }

    pub fn connections(&self) -> usize {
        self.received.borrow().len()
    }

    /// Waits until every script has been played to its end.
    pub async fn played(&mut self) {
        (&mut self.playing).await.unwrap();
    }
}

async fn play(mut stream: TcpStream, script: Vec<Act>, log: Rc<RefCell<Vec<Vec<u8>>>>, index: usize) {
    stream.set_nodelay(true).unwrap();
    let mut searched = 0;
    for act in script {
        match act {
            Act::Head => searched = read_until(&mut stream, &log, index, searched, "\r\n\r\n").await,
            Act::Until(text) => searched = read_until(&mut stream, &log, index, searched, text).await,
            // The other side may have left already, which is its right.
            Act::Send(bytes) => drop(stream.write_all(&bytes).await),
            Act::Drip(bytes) => {
                for byte in bytes {
                    drop(stream.write_all(&[byte]).await);
                    tokio::task::yield_now().await;
                }
            }
            Act::Hold => while read(&mut stream, &log, index).await > 0 {},
            Act::Ignore => {
                stream.ready(tokio::io::Interest::ERROR).await.unwrap();
            }
            Act::Reset => socket2::SockRef::from(&stream).set_linger(Some(Duration::ZERO)).unwrap(),
        }
    }
}

async fn read(stream: &mut TcpStream, log: &RefCell<Vec<Vec<u8>>>, index: usize) -> usize {
    let mut buffer = vec![0; 16 * 1024];
    let count = stream.read(&mut buffer).await.unwrap_or(0);
    log.borrow_mut()[index].extend_from_slice(&buffer[..count]);
    count
}

/// Reads until `text` stands behind `from`; the index behind it.
async fn read_until(
    stream: &mut TcpStream,
    log: &RefCell<Vec<Vec<u8>>>,
    index: usize,
    from: usize,
    text: &str,
) -> usize {
    loop {
        let found = memchr::memmem::find(&log.borrow()[index][from..], text.as_bytes());
        match found {
            Some(at) => return from + at + text.len(),
            None if read(stream, log, index).await == 0 => return log.borrow()[index].len(),
            None => {}
        }
    }
}

pub const SETTINGS: Settings = Settings {
    idle: 8,
    idle_timeout: Duration::from_secs(5),
    connect: Duration::from_secs(5),
    send: Duration::from_secs(5),
    read: Duration::from_secs(5),
    queue: QueueLimits { size: 100, timeout: Duration::from_secs(10) },
    retry: RETRY,
    passive: Passive { fails: 0, window: Duration::from_secs(10), eject: Duration::from_secs(10) },
    slow_start: Duration::ZERO,
    resolve: Duration::from_secs(30),
};

/// What follows from the protocol alone.
pub const RETRY: RetryRules = RetryRules {
    attempts: 3,
    on: Conditions { connect: true, closed: false, timeout: false, statuses: StatusSet::NONE },
    non_idempotent: false,
    window: Duration::ZERO,
    budget: 20,
};

/// A server at once, as tests of what is done with it take it for granted.
pub fn lease(dialer: &Rc<Dialer>) -> Lease {
    match dialer.pick(Wanted { tried: &[], key: b"" }) {
        Picked::Server(lease) => lease,
        other => panic!("no server: {other:?}"),
    }
}

pub fn dialer(servers: &[SocketAddr], settings: Settings) -> Rc<Dialer> {
    over(servers.iter().map(|addr| Member::new(UpstreamAddr::Tcp(*addr))), settings)
}

pub fn over(servers: impl IntoIterator<Item = Member>, settings: Settings) -> Rc<Dialer> {
    let upstream = Upstream::new("app", servers, Policy::RoundRobin, settings);
    Rc::new(Dialer::new(Arc::new(upstream), &Pool::new()))
}

pub fn request(method: Method, fields: &[(&str, &str)], body: Body) -> Request {
    Request { method, body, ..request_with("/a?b=c", fields) }
}

pub fn get() -> Request {
    request(Method::GET, &[], Body::Empty)
}

/// A body whose pieces come as the test sends them.
pub fn channel(length: Option<u64>) -> (mpsc::UnboundedSender<Result<Frame, Fault>>, Body) {
    let (sender, receiver) = mpsc::unbounded_channel();
    (sender, Body::Stream(Stream::new(length, Channel(receiver))))
}

struct Channel(mpsc::UnboundedReceiver<Result<Frame, Fault>>);

impl Source for Channel {
    fn poll_frame(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Frame, Fault>>> {
        self.0.poll_recv(cx)
    }
}

#[expect(clippy::unnecessary_wraps, reason = "what the channel of a body takes")]
pub fn data(text: &'static str) -> Result<Frame, Fault> {
    Ok(Frame::Data(Bytes::from_static(text.as_bytes())))
}

/// All of a body, with its trailers.
pub async fn collect(body: Body) -> Result<(String, Option<Fields>), Fault> {
    let mut content = Vec::new();
    let mut trailers = None;
    match body {
        Body::Empty => {}
        Body::Bytes(bytes) => content.extend_from_slice(&bytes),
        Body::Stream(mut stream) => {
            while let Some(frame) = stream.frame().await {
                match frame? {
                    Frame::Data(bytes) => content.extend_from_slice(&bytes),
                    Frame::Trailers(fields) => trailers = Some(fields),
                }
            }
        }
        Body::File(_) | Body::Parts(_) | Body::Tunnel(_) => panic!("an unexpected kind of body"),
    }
    Ok((String::from_utf8(content).unwrap(), trailers))
}
