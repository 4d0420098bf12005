//! hyper as a second opinion: what rproxy forwards, hyper reads as the same request. It accepts more, so
//! only what both accept is compared.

use std::cell::RefCell;
use std::convert::Infallible;
use std::rc::Rc;

use http_body_util::{BodyExt, Empty};
use hyper::body::{Bytes, Incoming};
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use super::corpus::Case;

/// Method, target and body of each request that hyper sees in `bytes`, and what it says of the rest.
pub async fn read(case: &Case) -> (Vec<(String, Vec<u8>)>, Result<(), hyper::Error>) {
    let seen = Rc::new(RefCell::new(Vec::new()));
    let log = Rc::clone(&seen);
    let service = service_fn(move |request: Request<Incoming>| {
        let log = Rc::clone(&log);
        async move {
            let (head, body) = request.into_parts();
            let target = head.uri.path_and_query().map_or("*", |target| target.as_str()).to_owned();
            if let Ok(body) = body.collect().await {
                log.borrow_mut().push((format!("{} {target}", head.method), body.to_bytes().to_vec()));
            }
            Ok::<_, Infallible>(Response::new(Empty::<Bytes>::new()))
        }
    });
    let (client, server) = tokio::io::duplex(64 * 1024);
    let mut http = hyper::server::conn::http1::Builder::new();
    let connection = http.half_close(true).serve_connection(TokioIo::new(server), service);
    let (mut reader, mut writer) = tokio::io::split(client);
    let send = async {
        // A server that closes first does not take the rest.
        let _ = writer.write_all(&case.bytes).await;
        let _ = writer.shutdown().await;
    };
    let mut answers = Vec::new();
    let (result, (), _) = tokio::join!(connection, send, reader.read_to_end(&mut answers));
    let seen = seen.borrow().clone();
    (seen, result)
}
