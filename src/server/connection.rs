//! One client connection: wait for a head, have it answered, write the answer, again.

use std::convert::Infallible;
use std::future::{Future, poll_fn};
use std::pin::pin;
use std::rc::Rc;
use std::task::{Context, Poll};
use std::time::Instant;

use ::http::StatusCode;
use bytes::Bytes;
use tower::Service;

use super::drain::Connections;
use super::encode::{self, Asked, Framing};
use super::head::{Head, Search};
use super::inbound::{self, Inbound, RequestBody};
use super::io::{Io, READ_SIZE};
use super::leaving::Leaving;
use super::outbound::{self, Written};
use super::{Incoming, Refused, Settings, linger, tunnel};
use crate::http::wire::BodyLength;
use crate::http::{
    Body, Captures, Cause, Client, Connection, Fault, Fields, Interim, Limits, Request, RequestId, Response,
    Stream,
};

/// A body nobody wanted is read to its end when no more than this is left of it.
const SKIP_MAX: u64 = 64 * 1024;

/// What all connections of a listener share.
pub(super) struct Shared<S> {
    pub service: S,
    pub settings: Settings,
    pub connections: Rc<Connections>,
}

/// Serves one connection until either side ends it.
pub(super) async fn serve<S>(io: Rc<Io>, facts: Rc<Connection>, shared: Rc<Shared<S>>)
where
    S: Service<Incoming, Response = Response, Error = Infallible> + Clone,
{
    let _counted = shared.connections.enter(&io);
    let interim = interim(&io);
    let mut first = true;
    loop {
        let arrival = arrival(&io, &shared, first).await;
        first = false;
        let received = Instant::now();
        // Boxed, so that a connection waiting for its next request holds no more than the wait needs.
        let after = match arrival {
            Arrival::Closed => return,
            Arrival::Head(head) => match Head::parse(&head) {
                Ok(parsed) => {
                    let exchange = Exchange { io: &io, facts: &facts, shared: &shared, received };
                    Box::pin(exchange.answer(parsed, interim.clone())).await
                }
                Err(fault) => {
                    let exchange = Exchange { io: &io, facts: &facts, shared: &shared, received };
                    Box::pin(exchange.refuse(fault, first_line(&head))).await
                }
            },
            Arrival::Faulty(fault) => {
                let line = first_line(&io.input.borrow_mut().split().freeze());
                let exchange = Exchange { io: &io, facts: &facts, shared: &shared, received };
                Box::pin(exchange.refuse(fault, line)).await
            }
        };
        match after {
            After::NextRequest => {}
            After::Linger => return linger::linger(&io).await,
            After::Close => return,
        }
    }
}

enum Arrival {
    Head(Bytes),
    /// What has come cannot become a head.
    Faulty(Fault),
    /// Nothing more comes, or nothing more is wanted.
    Closed,
}

enum After {
    NextRequest,
    /// The client may still be sending.
    Linger,
    Close,
}

/// Waits for the next head.
async fn arrival<S>(io: &Io, shared: &Shared<S>, first: bool) -> Arrival {
    let settings = &shared.settings;
    let mut search = Search::default();
    let mut begun = false;
    io.read_limit.borrow_mut().set(if first { settings.header } else { settings.keep_alive });
    let arrival = poll_fn(|cx| {
        loop {
            let found = search.next(&mut io.input.borrow_mut());
            match found {
                Ok(Some(head)) => return Poll::Ready(Arrival::Head(head)),
                Ok(None) => {}
                Err(fault) => return Poll::Ready(Arrival::Faulty(fault)),
            }
            if !begun && !io.input.borrow().is_empty() {
                begun = true;
                io.read_limit.borrow_mut().set(settings.header);
            }
            match io.poll_fill(cx, READ_SIZE) {
                Poll::Ready(Ok(1..)) => {}
                Poll::Ready(Ok(0) | Err(_)) => return Poll::Ready(Arrival::Closed),
                Poll::Pending => return poll_quiet(io, shared, cx, begun),
            }
        }
    })
    .await;
    io.leave_idle();
    arrival
}

/// Nothing has come now: is there a reason not to wait on?
fn poll_quiet<S>(io: &Io, shared: &Shared<S>, cx: &mut Context<'_>, begun: bool) -> Poll<Arrival> {
    if !begun {
        if shared.connections.is_draining() {
            return Poll::Ready(Arrival::Closed);
        }
        io.rest_idle(cx.waker().clone());
    }
    io.read_limit.borrow_mut().poll(cx).map(|()| {
        if begun {
            let limit = shared.settings.header;
            Arrival::Faulty(Fault::new(
                Cause::HeaderTimeout,
                format!("the head was not whole after {limit:?}"),
            ))
        } else {
            Arrival::Closed
        }
    })
}

/// One request and its answer.
struct Exchange<'a, S> {
    io: &'a Rc<Io>,
    facts: &'a Rc<Connection>,
    shared: &'a Shared<S>,
    received: Instant,
}

impl<S> Exchange<'_, S>
where
    S: Service<Incoming, Response = Response, Error = Infallible> + Clone,
{
    async fn answer(self, head: Head, interim: Interim) -> After {
        let settings = &self.shared.settings;
        let limits = Rc::new(Limits::default());
        limits.body.set(settings.body);
        limits.send.set(settings.send);
        *self.io.inbound.borrow_mut() = Inbound::new(head.body, head.expects_continue);
        let asked = Asked::new(&head.method, head.version, &head.headers, head.keep_alive);
        let request = self.request(head, &limits, interim);
        let Some(response) = self.call(Incoming::Request(Box::new(request))).await else {
            return After::Close;
        };
        self.write(response, &limits, asked).await
    }

    /// A request that could not be read is answered all the same, and nothing is read behind it.
    async fn refuse(self, fault: Fault, line: Bytes) -> After {
        let refused = Refused { fault, line, connection: Rc::clone(self.facts), received: self.received };
        let Some(response) = self.call(Incoming::Refused(Box::new(refused))).await else {
            return After::Close;
        };
        match self.write(response, &Limits::default(), Asked::unreadable()).await {
            After::Close | After::NextRequest | After::Linger => After::Linger,
        }
    }

    fn request(&self, head: Head, limits: &Rc<Limits>, interim: Interim) -> Request {
        let body = match head.body {
            BodyLength::None | BodyLength::UntilClose | BodyLength::Exact(0) => Body::Empty,
            BodyLength::Exact(length) => self.body(Some(length), limits),
            BodyLength::Chunked => self.body(None, limits),
        };
        let peer = self.facts.peer;
        Request {
            method: head.method,
            interim: (head.version == ::http::Version::HTTP_11).then_some(interim),
            version: head.version,
            target: head.target,
            authority: head.authority,
            headers: head.headers,
            body,
            client: Client {
                ip: peer.ip(),
                port: peer.port(),
                peer_trusted: false,
                scheme: self.facts.scheme,
            },
            connection: Rc::clone(self.facts),
            captures: Captures::default(),
            matched: 0,
            limits: Rc::clone(limits),
            request_id: RequestId::default(),
            received: self.received,
        }
    }

    fn body(&self, length: Option<u64>, limits: &Rc<Limits>) -> Body {
        Body::Stream(Stream::new(length, RequestBody::new(Rc::clone(self.io), Rc::clone(limits))))
    }

    /// Has the request answered, unless the client leaves first: then its work is dropped.
    async fn call(&self, incoming: Incoming) -> Option<Response> {
        let mut service = self.shared.service.clone();
        let mut answer = pin!(service.call(incoming));
        let mut leaving = Leaving::new();
        poll_fn(|cx| {
            if let Poll::Ready(answer) = answer.as_mut().poll(cx) {
                return Poll::Ready(match answer {
                    Ok(response) => Some(response),
                    Err(never) => match never {},
                });
            }
            leaving.poll(self.io, cx).map(|_| None)
        })
        .await
    }

    async fn write(&self, mut response: Response, limits: &Limits, asked: Asked) -> After {
        let broken = !self.io.inbound.borrow().can_be_skipped(SKIP_MAX);
        let until_close = Framing::of(&response, asked) == Framing::UntilClose;
        let close = !asked.keep_alive || until_close || broken || self.shared.connections.is_draining();
        let Written { mut sent, tunnel, must_reset } =
            outbound::send(self.io, limits, &mut response, asked, close).await;
        if let Some(tunnel) = tunnel {
            sent.body_bytes += tunnel::run(self.io, tunnel).await;
            response.on_end.call(sent);
            return After::Close;
        }
        let faulty = sent.fault.is_some();
        response.on_end.call(sent);
        if must_reset {
            reset(self.io);
        }
        if faulty {
            return After::Close;
        }
        self.after(limits, close).await
    }

    async fn after(&self, limits: &Limits, close: bool) -> After {
        if self.io.inbound.borrow().is_read() {
            return match close {
                false => After::NextRequest,
                // Bytes behind the last request would turn our close into a reset.
                true if !self.io.input.borrow().is_empty() => After::Linger,
                true => After::Close,
            };
        }
        let mut most = SKIP_MAX;
        if close || !poll_fn(|cx| inbound::poll_skip(self.io, limits, cx, &mut most)).await {
            return After::Linger;
        }
        After::NextRequest
    }
}

/// A response that only the end of the connection ends must not end like a whole one: RST instead of FIN.
fn reset(io: &Io) {
    use std::os::fd::AsFd;
    // Where the option cannot be set, the log's line still tells.
    let _ = socket2::SockRef::from(&io.stream.as_fd()).set_linger(Some(std::time::Duration::ZERO));
}

fn first_line(head: &Bytes) -> Bytes {
    let end = memchr::memchr2(b'\r', b'\n', head).unwrap_or(head.len());
    head.slice(..end)
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
