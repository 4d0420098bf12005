//! An ordinary client of HTTP/2, made of the h2 crate: what it takes, browsers do.

use bytes::Bytes;
use h2::client::SendRequest;
use h2::{RecvStream, SendStream};
use http::{HeaderMap, Request};
use tokio::net::TcpStream;
use tokio::runtime::Runtime;
use tokio::time::timeout;

use super::PATIENCE;
use super::proxy::Proxy;

/// One connection, blocking throughout.
#[derive(Debug)]
pub struct Http2 {
    runtime: Runtime,
    requests: SendRequest<Bytes>,
}

/// A whole answer.
#[derive(Clone, Debug)]
pub struct Reply {
    pub status: u16,
    pub headers: HeaderMap,
    pub body: Vec<u8>,
    pub trailers: HeaderMap,
    /// Statuses of the 1xx answers before it.
    pub interim: Vec<u16>,
}

impl Http2 {
    pub fn connect(proxy: &Proxy) -> Self {
        Self::with(proxy, &h2::client::Builder::new())
    }

    pub fn with(proxy: &Proxy, settings: &h2::client::Builder) -> Self {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let requests = runtime.block_on(async {
            let socket = TcpStream::connect(proxy.addr()).await.unwrap();
            let (requests, connection) = settings.handshake(socket).await.unwrap();
            tokio::spawn(connection);
            requests
        });
        Self { runtime, requests }
    }

    /// Runs what a test does with streams.
    pub fn run<T>(&self, work: impl Future<Output = T>) -> T {
        self.runtime.block_on(async { timeout(PATIENCE, work).await.expect("it takes too long") })
    }

    pub fn get(&mut self, path: &str) -> Reply {
        self.send(get(path), None)
    }

    pub fn post(&mut self, path: &str, body: impl Into<Bytes>) -> Reply {
        let mut request = get(path);
        *request.method_mut() = http::Method::POST;
        self.send(request, Some(body.into()))
    }

    pub fn send(&mut self, request: Request<()>, body: Option<Bytes>) -> Reply {
        let (response, mut stream) = self.open(request, body.is_none());
        self.run(async {
            if let Some(body) = body {
                upload(&mut stream, body).await;
            }
            reply(response).await.unwrap()
        })
    }

    /// Begins a request; nothing of its body is sent yet.
    pub fn open(
        &mut self,
        request: Request<()>,
        ends: bool,
    ) -> (h2::client::ResponseFuture, SendStream<Bytes>) {
        let Self { runtime, requests } = self;
        runtime.block_on(async {
            let mut ready = timeout(PATIENCE, requests.clone().ready()).await.unwrap().unwrap();
            ready.send_request(request, ends).unwrap()
        })
    }
}

pub fn get(path: &str) -> Request<()> {
    Request::get(format!("http://localhost{path}")).version(http::Version::HTTP_2).body(()).unwrap()
}

/// All of a body, as fast as it is taken. A server that wants no more of it says so by a reset.
pub async fn upload(stream: &mut SendStream<Bytes>, mut body: Bytes) {
    while !body.is_empty() {
        stream.reserve_capacity(body.len());
        let Some(Ok(room)) = std::future::poll_fn(|cx| stream.poll_capacity(cx)).await else { return };
        let piece = body.split_to(room.min(body.len()));
        if stream.send_data(piece, false).is_err() {
            return;
        }
    }
    let _ = stream.send_data(Bytes::new(), true);
}

pub async fn reply(mut response: h2::client::ResponseFuture) -> Result<Reply, h2::Error> {
    let mut interim = Vec::new();
    while let Some(head) = std::future::poll_fn(|cx| response.poll_informational(cx)).await {
        interim.push(head?.status().as_u16());
    }
    let (head, mut stream) = response.await?.into_parts();
    let body = download(&mut stream).await?;
    let trailers = stream.trailers().await?.unwrap_or_default();
    Ok(Reply { status: head.status.as_u16(), headers: head.headers, body, trailers, interim })
}

pub async fn download(stream: &mut RecvStream) -> Result<Vec<u8>, h2::Error> {
    let mut body = Vec::new();
    while let Some(piece) = stream.data().await {
        let piece = piece?;
        stream.flow_control().release_capacity(piece.len())?;
        body.extend_from_slice(&piece);
    }
    Ok(body)
}

impl Reply {
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(|value| value.to_str().unwrap())
    }

    pub fn text(&self) -> String {
        String::from_utf8(self.body.clone()).unwrap()
    }
}
