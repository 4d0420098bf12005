//! One request and its answer: each stream's share of the connection's work.

use std::cell::RefCell;
use std::convert::Infallible;
use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};

use bytes::Bytes;
use h2::server::SendResponse;
use h2::{RecvStream, SendStream};

use super::link::Link;
use super::outbound::Outbound;
use super::{head, websocket};
use crate::http::{Body, Cause, Fault, Handling, Limits, OnEnd, Response, Sent, Tunnel};
use crate::server::encode::{Asked, Framing};
use crate::server::tunnel;

/// What answers on a stream, for interim responses and for the final one.
pub(super) type Respond = Rc<RefCell<SendResponse<Bytes>>>;

/// A request that is being answered.
pub(super) struct Exchange {
    pub link: Rc<Link>,
    pub respond: Respond,
    /// What comes of an extended CONNECT's stream is not the handler's.
    pub channel: Option<RecvStream>,
    pub limits: Rc<Limits>,
    pub handling: Rc<Handling>,
    pub asked: Asked,
}

/// How far an answer has come at once.
pub(super) enum Begun {
    Over,
    /// So much is to be done yet.
    Rest(Pin<Box<dyn Future<Output = ()>>>),
}

impl Drop for Exchange {
    fn drop(&mut self) {
        self.link.streams.set(self.link.streams.get() - 1);
    }
}

impl Exchange {
    /// Waits for the answer, unless the client leaves first: then its work is dropped.
    pub async fn run<F>(self, mut call: Pin<Box<F>>)
    where
        F: Future<Output = Result<Response, Infallible>>,
    {
        let response = poll_fn(|cx| self.poll_answer(&mut call, cx)).await;
        drop(call);
        let Some(response) = response else { return };
        if let Begun::Rest(rest) = self.answer(response) {
            rest.await;
        }
    }

    /// No work is begun for a request that waits for a server, and whose client has left.
    fn poll_answer<F>(&self, call: &mut Pin<Box<F>>, cx: &mut Context<'_>) -> Poll<Option<Response>>
    where
        F: Future<Output = Result<Response, Infallible>>,
    {
        if self.handling.is_waiting() && self.is_left(cx) {
            return Poll::Ready(None);
        }
        match call.as_mut().poll(cx) {
            Poll::Ready(Ok(response)) => Poll::Ready(Some(response)),
            Poll::Ready(Err(never)) => match never {},
            Poll::Pending if self.is_left(cx) => Poll::Ready(None),
            Poll::Pending => Poll::Pending,
        }
    }

    /// Whether its stream was reset, or the connection has ended.
    fn is_left(&self, cx: &mut Context<'_>) -> bool {
        self.respond.borrow_mut().poll_reset(cx).is_ready()
    }

    /// Sends the head, and with it a body that is there as a whole and for which there is room.
    pub fn answer(mut self, mut response: Response) -> Begun {
        self.link.floods.borrow_mut().give(super::floods::ANSWERED);
        let ending = Ending::new(&self.link, std::mem::take(&mut response.on_end));
        let body = std::mem::take(&mut response.body);
        match (body, self.channel.take()) {
            (Body::Tunnel(tunnel), Some(channel)) => self.switch(response, tunnel, channel, ending),
            (body, _) => {
                response.body = body;
                self.send(response, ending)
            }
        }
    }

    fn send(self, mut response: Response, mut ending: Ending) -> Begun {
        let framing = Framing::of(&response, self.asked);
        let (head, size) = head::of_response(&response, framing, self.asked);
        let ends = matches!(framing, Framing::None | Framing::Length(0));
        ending.sent.bytes = size;
        let Some(mut stream) = self.begin(head, ends) else { return Begun::Over };
        if ends {
            ending.done();
            return Begun::Over;
        }
        let throttled = response.limit_rate.is_some();
        let body = match std::mem::take(&mut response.body) {
            Body::Bytes(bytes) if !throttled => match whole(&mut stream, bytes) {
                Ok(sent) => {
                    let count = usize::try_from(sent).unwrap_or(usize::MAX);
                    ending.link.floods.borrow_mut().give(super::floods::sent(count));
                    ending.sent(sent);
                    ending.done();
                    return Begun::Over;
                }
                Err(bytes) => Body::Bytes(bytes),
            },
            body => body,
        };
        let outbound = Outbound::new(self, stream, framing, response.limit_rate, ending);
        Begun::Rest(Box::pin(outbound.run(body)))
    }

    fn begin(&self, head: ::http::Response<()>, ends: bool) -> Option<SendStream<Bytes>> {
        self.respond.borrow_mut().send_response(head, ends).ok()
    }

    /// The bytes go on in both directions.
    fn switch(
        self,
        mut response: Response,
        tunnel: Tunnel,
        channel: RecvStream,
        mut ending: Ending,
    ) -> Begun {
        websocket::accept(&mut response);
        let (head, size) = head::of_response(&response, Framing::None, self.asked);
        ending.sent.bytes = size;
        let Some(stream) = self.begin(head, false) else { return Begun::Over };
        Begun::Rest(Box::pin(async move {
            let mut channel = websocket::Channel::new(channel, stream);
            let passed = tunnel::run(Pin::new(&mut channel), Bytes::new(), tunnel).await;
            ending.sent(passed);
            ending.done();
            drop(self);
        }))
    }
}

/// Hands over the last bytes of a stream, if they all fit its windows.
fn whole(stream: &mut SendStream<Bytes>, bytes: Bytes) -> Result<u64, Bytes> {
    stream.reserve_capacity(bytes.len());
    if stream.capacity() < bytes.len() {
        return Err(bytes);
    }
    let count = bytes.len() as u64;
    // It fails only for a stream that was reset since, whose client gets nothing more in any case.
    let _ = stream.send_data(bytes, true);
    Ok(count)
}

/// What a response owes when it is over, which may be when its stream or the connection is.
pub(super) struct Ending {
    link: Rc<Link>,
    on_end: OnEnd,
    pub sent: Sent,
}

impl Ending {
    fn new(link: &Rc<Link>, on_end: OnEnd) -> Self {
        let left = Some(Cause::ClientLeft.into());
        Self { link: Rc::clone(link), on_end, sent: Sent { body_bytes: 0, bytes: 0, fault: left } }
    }

    /// So much of the body was handed over.
    pub fn sent(&mut self, count: u64) {
        self.sent.body_bytes += count;
        self.sent.bytes += count + FRAME;
    }

    pub fn done(&mut self) {
        self.sent.fault = None;
    }

    pub fn failed(&mut self, fault: Fault) {
        self.sent.fault = Some(fault);
    }
}

/// The header of a frame (RFC 9113 4.1).
const FRAME: u64 = 9;

impl Drop for Ending {
    fn drop(&mut self) {
        let Sent { body_bytes, bytes, fault } = &mut self.sent;
        let fault = fault.take().map(|fault| match self.link.cause.get() {
            Some(cause) if fault.cause == Cause::ClientLeft => cause.into(),
            _ => fault,
        });
        self.on_end.call(Sent { body_bytes: *body_bytes, bytes: *bytes, fault });
    }
}
