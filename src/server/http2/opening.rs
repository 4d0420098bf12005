//! A stream that a client has opened: its request, and what answers it.

use std::cell::RefCell;
use std::rc::Rc;
use std::time::Instant;

use ::http::{Method, Version};
use bytes::Bytes;
use h2::RecvStream;
use h2::ext::Protocol;
use h2::server::SendResponse;

use super::head;
use super::inbound::RequestBody;
use super::link::Link;
use super::request::{Asked, LastAuthority};
use super::stream::{Exchange, Respond};
use crate::http::{Body, Connection, Fault, Handling, Interim, Limits, Stream};
use crate::server::encode;
use crate::server::exchange::{Came, body_of};
use crate::server::head::Head;
use crate::server::{Incoming, Refused, Settings};

pub(super) struct Opening<'a> {
    pub link: &'a Rc<Link>,
    pub facts: &'a Rc<Connection>,
    pub settings: Settings,
}

impl Opening<'_> {
    pub fn read(
        &self,
        request: ::http::Request<RecvStream>,
        respond: SendResponse<Bytes>,
        last: &mut LastAuthority,
    ) -> (Exchange, Incoming) {
        let (mut parts, inbound) = request.into_parts();
        let protocol = parts.extensions.remove::<Protocol>();
        let asked = Asked { method: parts.method, uri: parts.uri, protocol, ends: inbound.is_end_stream() };
        let limits = Rc::new(Limits::default());
        limits.reset(self.settings.body, self.settings.send);
        let mut exchange = Exchange {
            link: Rc::clone(self.link),
            respond: Rc::new(RefCell::new(respond)),
            channel: None,
            limits,
            handling: Rc::new(Handling::default()),
            asked: encode::Asked {
                head_only: asked.method == Method::HEAD,
                version: Version::HTTP_2,
                keep_alive: true,
                trailers: true,
            },
        };
        self.link.streams.set(self.link.streams.get() + 1);
        let incoming = match asked.read(parts.headers, last) {
            Ok(head) => {
                let body = body(&head, inbound, asked.protocol.is_some(), &mut exchange);
                self.request(head, body, &exchange)
            }
            Err(fault) => self.refused(fault, &asked),
        };
        (exchange, incoming)
    }

    fn request(&self, head: Head, body: Body, exchange: &Exchange) -> Incoming {
        let now = Instant::now();
        let Exchange { limits, handling, .. } = exchange;
        let came = Came { facts: self.facts, limits, handling, received: now, read: now };
        Incoming::Request(came.request(head, body, Some(interim(&exchange.respond))))
    }

    fn refused(&self, fault: Fault, asked: &Asked) -> Incoming {
        let connection = Rc::clone(self.facts);
        Incoming::Refused(Box::new(Refused {
            fault,
            line: asked.line(),
            connection,
            received: Instant::now(),
        }))
    }
}

/// What comes on the stream belongs to the request, or else to the tunnel that it asks for.
fn body(head: &Head, inbound: RecvStream, is_tunnel: bool, exchange: &mut Exchange) -> Body {
    if is_tunnel {
        exchange.channel = Some(inbound);
        return Body::Empty;
    }
    body_of(head.body, |length| {
        let awaited = head.expects_continue.then(|| Rc::clone(&exchange.respond));
        Body::Stream(Stream::new(length, RequestBody::new(inbound, Rc::clone(&exchange.limits), awaited)))
    })
}

fn interim(respond: &Respond) -> Interim {
    let respond = Rc::clone(respond);
    Interim(Rc::new(move |status, fields| {
        // After the final response, or for a client that has left, there is nothing to be sent.
        let _ = respond.borrow_mut().send_informational(head::interim(status, fields));
    }))
}
