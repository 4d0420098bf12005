//! One client connection: wait for a head, have it answered, write the answer, again.

use std::cell::Cell;
use std::convert::Infallible;
use std::rc::Rc;
use std::time::Instant;

use ::http::StatusCode;
use bytes::Bytes;
use tower::Service;

use super::arrival::{Arrival, arrival};
use super::drain::Connections;
use super::exchange::{After, Exchange};
use super::io::Io;
use super::room::Place;
use super::{Incoming, Settings, encode, http2, linger};
use crate::http::{Connection, Fields, Interim, Limits, Response};
use crate::tls::Application;

/// What all connections of a listener share.
pub(super) struct Shared<S> {
    pub service: S,
    pub settings: Rc<Cell<Settings>>,
    pub connections: Rc<Connections>,
    /// The listener is gone: each connection is for one more answer.
    pub retired: Rc<Cell<bool>>,
}

impl<S> Shared<S> {
    /// Whether an answer is to be the last of its connection.
    pub fn is_last(&self) -> bool {
        self.retired.get() || self.connections.is_draining()
    }
}

/// Serves one connection until either side ends it. It counts from now on.
pub(super) fn serve<S>(
    io: Rc<Io>,
    facts: Rc<Connection>,
    shared: Rc<Shared<S>>,
    place: Place,
    application: Application,
) -> impl Future<Output = ()>
where
    S: Service<Incoming, Response = Response, Error = Infallible> + Clone + 'static,
{
    let counted = shared.connections.enter(&io, place);
    async move {
        match application {
            Application::Http2 => Box::pin(http2::serve(io, facts, shared)).await,
            Application::Http1 | Application::Challenge => converse(&io, &facts, &shared).await,
        }
        drop(counted);
    }
}

async fn converse<S>(io: &Rc<Io>, facts: &Rc<Connection>, shared: &Rc<Shared<S>>)
where
    S: Service<Incoming, Response = Response, Error = Infallible> + Clone + 'static,
{
    let interim = interim(io);
    let limits = Rc::new(Limits::default());
    let handling = Rc::default();
    let mut first = true;
    loop {
        let (arrival, begun) = arrival(io, shared, first).await;
        let is_first = std::mem::take(&mut first);
        let read = Instant::now();
        let received = begun.unwrap_or(read);
        let exchange = Exchange { io, facts, shared, limits: &limits, handling: &handling, received, read };
        let (incoming, asked) = match arrival {
            Arrival::Closed => return,
            Arrival::Head(head) if is_first && is_http2(&head, facts, shared) => {
                unread(io, &head);
                return Box::pin(http2::serve(Rc::clone(io), Rc::clone(facts), Rc::clone(shared))).await;
            }
            Arrival::Head(head) => exchange.read(&head, &interim),
            Arrival::Faulty(fault) => exchange.refuse(fault, &io.input.borrow_mut().split().freeze()),
        };
        // Boxed, so that a connection waiting for its next request holds no more than the wait needs.
        match Box::pin(exchange.answer(incoming, asked)).await {
            After::NextRequest => {}
            // Boxed like the exchange: neither is room that a waiting connection should hold.
            After::Linger => return Box::pin(linger::linger(io)).await,
            After::Close => return,
        }
    }
}

/// Whether a client begins with HTTP/2, knowing that it is spoken here (RFC 9113 3.3). Over TLS it would have
/// been agreed on with the keys.
fn is_http2<S>(head: &Bytes, facts: &Connection, shared: &Shared<S>) -> bool {
    head == http2::PREFACE_HEAD && facts.secured.is_none() && shared.settings.get().h2c
}

/// Puts back what was read.
fn unread(io: &Io, head: &Bytes) {
    let mut input = io.input.borrow_mut();
    *input = [&head[..], &input[..]].concat().as_slice().into();
}

/// Interim responses go out at once, as far as the socket takes them.
fn interim(io: &Rc<Io>) -> Interim {
    let io = Rc::downgrade(io);
    Interim(Rc::new(move |status: StatusCode, headers: &Fields| {
        let Some(io) = io.upgrade() else { return };
        let mut owed = io.owed.borrow_mut();
        encode::interim(&mut owed, status, headers);
        if let Ok(written) = io.stream.try_write(&owed) {
            bytes::Buf::advance(&mut *owed, written);
        }
    }))
}
