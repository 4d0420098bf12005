//! A server that speaks HTTP/2 by another implementation's server half.

use std::cell::Cell;
use std::future::Future;
use std::net::SocketAddr;
use std::rc::Rc;

use bytes::Bytes;
use h2::server::{self, SendResponse};
use h2::{RecvStream, SendStream};
use http::{HeaderMap, Response};
use tokio::net::TcpListener;

pub type Asked = http::Request<RecvStream>;
pub type Reply = SendResponse<Bytes>;

/// Has each request answered by its own call of `answer`.
#[derive(Clone, Debug)]
pub struct Origin {
    pub addr: SocketAddr,
    connections: Rc<Cell<usize>>,
}

impl Origin {
    pub async fn start<F>(
        settings: server::Builder,
        answer: impl Fn(Asked, Reply) -> F + Clone + 'static,
    ) -> Self
    where
        F: Future<Output = ()> + 'static,
    {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let origin = Self { addr: listener.local_addr().unwrap(), connections: Rc::default() };
        let connections = Rc::clone(&origin.connections);
        tokio::task::spawn_local(async move {
            while let Ok((stream, _)) = listener.accept().await {
                connections.set(connections.get() + 1);
                let (settings, answer) = (settings.clone(), answer.clone());
                tokio::task::spawn_local(async move {
                    let mut connection = settings.handshake(stream).await.unwrap();
                    while let Some(Ok((request, reply))) = connection.accept().await {
                        tokio::task::spawn_local(answer(request, reply));
                    }
                });
            }
        });
        origin
    }

    /// How many connections were made to it.
    pub fn connections(&self) -> usize {
        self.connections.get()
    }
}

/// Begins an answer with these fields.
pub fn begin(reply: &mut Reply, status: u16, fields: &[(&'static str, &'static str)]) -> SendStream<Bytes> {
    reply.send_response(response(status, fields), false).unwrap()
}

pub fn response(status: u16, fields: &[(&'static str, &'static str)]) -> Response<()> {
    let mut builder = Response::builder().status(status);
    for (name, value) in fields {
        builder = builder.header(*name, *value);
    }
    builder.body(()).unwrap()
}

/// Answers 200 with this body.
pub fn say(mut reply: Reply, body: &'static str) {
    begin(&mut reply, 200, &[]).send_data(Bytes::from_static(body.as_bytes()), true).unwrap();
}

/// All of a request's body.
pub async fn read(asked: Asked) -> (Vec<u8>, Option<HeaderMap>) {
    let mut body = asked.into_body();
    let mut content = Vec::new();
    while let Some(data) = body.data().await {
        let data = data.unwrap();
        body.flow_control().release_capacity(data.len()).unwrap();
        content.extend_from_slice(&data);
    }
    (content, body.trailers().await.unwrap())
}
