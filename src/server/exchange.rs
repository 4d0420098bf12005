//! One request and its answer: read, have it answered, write, and judge what may follow.

use std::convert::Infallible;
use std::future::{Future, poll_fn};
use std::pin::{Pin, pin};
use std::rc::Rc;
use std::task::{Context, Poll};
use std::time::Instant;

use bytes::Bytes;
use tower::Service;

use super::connection::Shared;
use super::encode::{Asked, Framing};
use super::head::Head;
use super::inbound::{self, Inbound, RequestBody};
use super::io::Io;
use super::leaving::Leaving;
use super::outbound::{self, Written};
use super::{Incoming, Refused, Settings, tunnel};
use crate::http::wire::BodyLength;
use crate::http::{
    Body, Captures, Client, Connection, Fault, Handling, Interim, Limits, Request, RequestId, Response,
    Stream,
};

/// A body nobody wanted is read to its end when no more than this is left of it.
const SKIP_MAX: u64 = 64 * 1024;
/// Bytes a second that it has to bring, so that an answered request is over within a minute or so.
const SKIP_RATE: u64 = 1024;

/// What follows an answer.
pub(super) enum After {
    NextRequest,
    /// The client may still be sending.
    Linger,
    Close,
}

/// What a request has besides its head.
pub(super) struct Came<'a> {
    pub facts: &'a Rc<Connection>,
    pub limits: &'a Rc<Limits>,
    pub handling: &'a Rc<Handling>,
    pub received: Instant,
    pub read: Instant,
}

impl Came<'_> {
    pub fn request(self, head: Head, body: Body, interim: Option<Interim>) -> Box<Request> {
        let peer = self.facts.peer;
        Box::new(Request {
            method: head.method,
            interim,
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
            said: None,
            captures: Captures::default(),
            matched: 0,
            limits: Rc::clone(self.limits),
            handling: Rc::clone(self.handling),
            request_id: RequestId::default(),
            received: self.received,
            read: self.read,
            forwarded: false,
        })
    }
}

/// The body that a head announces; `stream` makes one of what is still to come.
pub(super) fn body_of(announced: BodyLength, stream: impl FnOnce(Option<u64>) -> Body) -> Body {
    match announced {
        BodyLength::None | BodyLength::UntilClose | BodyLength::Exact(0) => Body::Empty,
        BodyLength::Exact(length) => stream(Some(length)),
        BodyLength::Chunked => stream(None),
    }
}

/// One request and its answer.
pub(super) struct Exchange<'a, S> {
    pub io: &'a Rc<Io>,
    pub facts: &'a Rc<Connection>,
    pub shared: &'a Shared<S>,
    pub limits: &'a Rc<Limits>,
    pub handling: &'a Rc<Handling>,
    /// When the first byte of the head was here, and when the last.
    pub received: Instant,
    pub read: Instant,
}

impl<S> Exchange<'_, S>
where
    S: Service<Incoming, Response = Response, Error = Infallible> + Clone,
{
    /// Makes a request of a head.
    pub fn read(&self, head: &Bytes, interim: &Interim) -> (Incoming, Asked) {
        let parsed = match Head::parse(head) {
            Ok(parsed) => parsed,
            Err(fault) => return self.refuse(fault, head),
        };
        *self.io.inbound.borrow_mut() = Inbound::new(parsed.body, parsed.expects_continue);
        let asked = Asked::new(&parsed.method, parsed.version, &parsed.headers, parsed.keep_alive);
        (Incoming::Request(self.request(parsed, interim)), asked)
    }

    /// A request that could not be read is answered all the same, and nothing is read behind it.
    pub fn refuse(&self, fault: Fault, head: &Bytes) -> (Incoming, Asked) {
        let (line, connection) = (first_line(head), Rc::clone(self.facts));
        let refused = Refused { fault, line, connection, received: self.received };
        (Incoming::Refused(Box::new(refused)), Asked::unreadable())
    }

    pub async fn answer(self, incoming: Incoming, asked: Asked) -> After {
        let is_readable = matches!(incoming, Incoming::Request(_));
        let Settings { body, send, .. } = self.shared.settings.get();
        self.limits.reset(body, send);
        let Some(mut response) = self.call(incoming).await else { return After::Close };
        let after = self.write(&mut response, asked).await;
        if is_readable { after } else { After::Linger }
    }

    fn request(&self, head: Head, interim: &Interim) -> Box<Request> {
        let body = body_of(head.body, |length| {
            Body::Stream(Stream::new(length, RequestBody::new(Rc::clone(self.io), Rc::clone(self.limits))))
        });
        let &Self { facts, limits, handling, received, read, .. } = self;
        let interim = (head.version == ::http::Version::HTTP_11).then(|| interim.clone());
        Came { facts, limits, handling, received, read }.request(head, body, interim)
    }

    /// Has the request answered, unless the client leaves first: then its work is dropped.
    async fn call(&self, incoming: Incoming) -> Option<Response> {
        let mut service = self.shared.service.clone();
        let mut answer = pin!(service.call(incoming));
        let mut leaving = Leaving::new();
        poll_fn(|cx| {
            // Before it may be given a server, and after it found that it has to wait for one.
            if self.is_given_up(&mut leaving, cx) {
                return Poll::Ready(None);
            }
            if let Poll::Ready(answer) = answer.as_mut().poll(cx) {
                return Poll::Ready(match answer {
                    Ok(response) => Some(response),
                    Err(never) => match never {},
                });
            }
            if self.is_given_up(&mut leaving, cx) {
                return Poll::Ready(None);
            }
            leaving.poll(self.io, cx).map(|_| None)
        })
        .await
    }

    /// Whether a request waits for a server whose client is on its way out: no work is begun for it.
    fn is_given_up(&self, leaving: &mut Leaving, cx: &mut Context<'_>) -> bool {
        self.handling.is_waiting() && leaving.poll_closed(self.io, cx).is_ready()
    }

    async fn write(&self, response: &mut Response, asked: Asked) -> After {
        let broken = !self.io.inbound.borrow().can_be_skipped(SKIP_MAX);
        let until_close = Framing::of(response, asked) == Framing::UntilClose;
        let close = response.closes || !asked.keep_alive || until_close || broken || self.shared.is_last();
        let Written { mut sent, tunnel, must_reset } =
            outbound::send(self.io, self.limits, response, asked, close).await;
        if let Some(tunnel) = tunnel {
            let early = std::mem::take(&mut *self.io.input.borrow_mut()).freeze();
            let mut client = tunnel::Client(self.io);
            sent.body_bytes += Box::pin(tunnel::run(Pin::new(&mut client), early, tunnel)).await;
            response.on_end.call(sent);
            return After::Close;
        }
        let faulty = sent.fault.is_some();
        response.on_end.call(sent);
        if must_reset {
            // RST instead of FIN.
            self.io.stream.abort();
        }
        if faulty {
            return After::Close;
        }
        self.after(close).await
    }

    async fn after(&self, close: bool) -> After {
        if self.io.inbound.borrow().is_read() {
            return match close {
                false => After::NextRequest,
                // Bytes behind the last request would turn our close into a reset.
                true if !self.io.input.borrow().is_empty() => After::Linger,
                true => After::Close,
            };
        }
        let mut most = SKIP_MAX;
        self.limits.body_rate.set(SKIP_RATE);
        if close || !poll_fn(|cx| inbound::poll_skip(self.io, self.limits, cx, &mut most)).await {
            return After::Linger;
        }
        After::NextRequest
    }
}

pub(super) fn first_line(head: &Bytes) -> Bytes {
    let end = memchr::memchr2(b'\r', b'\n', head).unwrap_or(head.len());
    head.slice(..end)
}
