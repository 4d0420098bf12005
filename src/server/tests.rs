//! The engine alone, over a socket pair, with services made for each test.

use std::cell::Cell;
use std::convert::Infallible;
use std::future::Future;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::UnixStream;
use tokio::task::LocalSet;
use tower::service_fn;

use super::connection::{self, Shared};
use super::drain::Connections;
use super::io::Io;
use super::room::Room;
use super::{Incoming, Settings};
use crate::http::{Body, Connection, Frame, Request, Response, Scheme};
use crate::net::{ClientAddr, ListenAddr, Stream};

mod bodies;
mod files;
mod leaving;
mod requests;
mod slowness;
mod streams;
mod throttle;
mod tunnels;

const SETTINGS: Settings = Settings {
    header: Duration::from_secs(15),
    keep_alive: Duration::from_secs(75),
    handshake: Duration::from_secs(10),
    body: Duration::from_secs(60),
    send: Duration::from_secs(60),
    h2c: true,
};

/// A client connected to a service, and the connections there are.
struct Session {
    client: UnixStream,
    connections: Rc<Connections>,
}

fn session<F, Fut>(answer: F) -> Session
where
    F: Fn(Request) -> Fut + Clone + 'static,
    Fut: Future<Output = Response> + 'static,
{
    let (client, server) = UnixStream::pair().unwrap();
    let connections =
        Rc::new(Connections::new(crate::observe::Counters::default().shard(), Arc::new(Room::new(100))));
    let service = service_fn(move |incoming: Incoming| {
        let answer = answer.clone();
        async move {
            Ok::<_, Infallible>(match incoming {
                Incoming::Request(request) => answer(*request).await,
                Incoming::Refused(refused) => Response::new(refused.fault.status()).with_body("refused\n"),
            })
        }
    });
    let facts = Connection {
        peer: ClientAddr::Unix,
        local: None,
        scheme: Scheme::Http,
        secured: None,
        listener: Rc::new(ListenAddr::Any(80)),
    };
    let shared = Shared {
        service,
        settings: Rc::new(Cell::new(SETTINGS)),
        connections: Rc::clone(&connections),
        retired: Rc::default(),
    };
    let io = Io::new(Stream::Unix(server));
    let place = connections.room().enter().unwrap();
    tokio::task::spawn_local(connection::serve(
        io,
        Rc::new(facts),
        Rc::new(shared),
        place,
        crate::tls::Application::Http1,
    ));
    Session { client, connections }
}

impl Session {
    async fn send(&mut self, bytes: &[u8]) {
        self.client.write_all(bytes).await.unwrap();
    }

    /// Reads until `end` has come.
    async fn until(&mut self, end: &str) -> String {
        let mut seen = Vec::new();
        while !seen.ends_with(end.as_bytes()) {
            let byte = self.client.read_u8().await.unwrap_or_else(|_| panic!("{}", seen.escape_ascii()));
            seen.push(byte);
        }
        String::from_utf8(seen).unwrap()
    }

    async fn rest(&mut self) -> Vec<u8> {
        let mut seen = Vec::new();
        self.client.read_to_end(&mut seen).await.unwrap();
        seen
    }
}

/// Runs a test in an event loop whose clock moves only when nothing else can.
fn in_loop<Fut: Future<Output = ()>>(test: Fut) {
    let runtime =
        tokio::runtime::Builder::new_current_thread().enable_all().start_paused(true).build().unwrap();
    LocalSet::new().block_on(&runtime, test);
}

async fn path(request: Request) -> Response {
    Response::default().with_body(request.target.path)
}

/// Collects the request's body and answers with it.
async fn echo(mut request: Request) -> Response {
    let mut all = Vec::new();
    if let Body::Stream(stream) = &mut request.body {
        while let Some(frame) = stream.frame().await {
            match frame {
                Ok(Frame::Data(data)) => all.extend_from_slice(&data),
                Ok(Frame::Trailers(_)) => {}
                Err(fault) => return Response::new(fault.status()).with_body(fault.cause.name()),
            }
        }
    }
    Response::default().with_body(Bytes::from(all))
}

const GET: &[u8] = b"GET /a HTTP/1.1\r\nHost: a\r\n\r\n";
