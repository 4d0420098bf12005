use std::cell::RefCell;
use std::fmt::Write;
use std::rc::Rc;
use std::time::Duration;

use ::http::Method;

use super::*;
use crate::http::{Cause, Interim};
use crate::upstream::testing::{
    Act, SETTINGS, Server, channel, collect, data, dialer, get, lease, request, send,
};
use crate::upstream::{Channel, Dialer, Settings};

mod answers;
mod early;
mod faults;
mod requests;

/// One exchange, over a kept connection where there is one.
async fn ask(dialer: &Rc<Dialer>, mut request: Request) -> Result<Answer, Fault> {
    let lease = lease(dialer);
    let connection = match lease.reuse(false) {
        Some(channel) => channel,
        None => lease.connect().await?,
    };
    let Channel::Own(connection) = connection else { panic!("shared") };
    exchange(&mut request, Line { connection, lease }, Demands::default())
        .await
        .map_err(|failure| failure.fault)
}

async fn response(dialer: &Rc<Dialer>, request: Request) -> Response {
    match ask(dialer, request).await {
        Ok(Answer::Response(response)) => response,
        other => panic!("no response: {other:?}"),
    }
}

async fn fault(settings: Settings, request: Request, script: Vec<Act>) -> Fault {
    let server = Server::start([script]).await;
    ask(&dialer(&[server.addr], settings), request).await.expect_err("the exchange fails")
}

/// The request's bytes as a server received them.
async fn sent(request: Request, end: &'static str) -> String {
    let server = Server::start([vec![Act::Until(end), send("HTTP/1.1 204 No Content\r\n\r\n")]]).await;
    response(&dialer(&[server.addr], SETTINGS), request).await;
    server.received(0)
}
