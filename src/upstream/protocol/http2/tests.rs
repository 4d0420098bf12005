use std::rc::Rc;

use ::http::Method;
use h2::server;

use super::testing::{Asked, Origin, Reply, begin, read, response, say};
use super::*;
use crate::http::Cause;
use crate::net::UpstreamAddr;
use crate::upstream::testing::{SETTINGS, channel, collect, data, get, lease, request};
use crate::upstream::{Channel, Dialer, Policy, Pool, Server, Settings, Transport, Upstream};

mod answers;
mod connections;
mod faults;
mod requests;

fn over_http2(addr: std::net::SocketAddr, settings: Settings) -> Rc<Dialer> {
    let servers = [Server::new(UpstreamAddr::Tcp(addr))];
    let upstream = Upstream::new("app", servers, Policy::RoundRobin, settings);
    Rc::new(Dialer::new(upstream.over(Transport { http2: true, tls: None }).into(), &Pool::new()))
}

/// One exchange, over a connection that is there if there is one.
async fn ask(dialer: &Rc<Dialer>, mut request: Request) -> Result<Response, Failure> {
    ask_with(dialer, &mut request, Demands::default()).await
}

async fn ask_with(dialer: &Rc<Dialer>, request: &mut Request, demands: Demands) -> Result<Response, Failure> {
    let lease = lease(dialer);
    let channel = match lease.reuse(true) {
        Some(channel) => channel,
        None => match lease.connect().await {
            Ok(channel) => channel,
            Err(fault) => {
                let body = Some(std::mem::take(&mut request.body));
                return Err(Failure { fault, untouched: true, answered: false, status: None, body, lease });
            }
        },
    };
    let Channel::Shared(share) = channel else { panic!("a connection of its own") };
    match exchange(request, share, lease, demands).await? {
        Answer::Response(response) => Ok(response),
        Answer::Switched { .. } => panic!("no response"),
    }
}

async fn origin<F>(answer: impl Fn(Asked, Reply) -> F + Clone + 'static) -> Origin
where
    F: Future<Output = ()> + 'static,
{
    Origin::start(server::Builder::new(), answer).await
}

/// What comes of one request to a server that does this.
async fn answered<F>(answer: impl Fn(Asked, Reply) -> F + Clone + 'static) -> Result<Response, Failure>
where
    F: Future<Output = ()> + 'static,
{
    let origin = origin(answer).await;
    ask(&over_http2(origin.addr, SETTINGS), get()).await
}
