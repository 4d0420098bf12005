//! A request and its answer without a connection between them, for who asks what would be answered: read
//! and written by what reads and writes all others.

use std::rc::Rc;
use std::task::{Context, Poll};
use std::time::Instant;

use bytes::{Bytes, BytesMut};

use super::encode::{self, Asked, Framing};
use super::head::{Head, Search};
use super::{Incoming, Refused, exchange};
use crate::http::{Body, Connection, Fault, Frame, Response, Source, Stream};

/// A head as it would have been read, with what decides how its answer is written.
#[derive(Debug)]
pub struct Preview {
    pub incoming: Incoming,
    asked: Asked,
}

impl Preview {
    /// Of the bytes of a head, with the empty line that ends it. Its body is announced, and never comes.
    pub fn read(head: &[u8], connection: &Rc<Connection>) -> Self {
        let mut input = BytesMut::from(head);
        let read = Search::default().next(&mut input).and_then(|head| {
            let head = head.unwrap_or_default();
            Head::parse(&head)
        });
        match read {
            Ok(head) => Self::of_request(head, connection),
            Err(fault) => Self::refused(fault, head, connection),
        }
    }

    fn of_request(head: Head, connection: &Rc<Connection>) -> Self {
        let asked = Asked::new(&head.method, head.version, &head.headers, head.keep_alive);
        let (now, limits, handling) = (Instant::now(), Rc::default(), Rc::default());
        let came = exchange::Came {
            facts: connection,
            limits: &limits,
            handling: &handling,
            received: now,
            read: now,
        };
        let body = exchange::body_of(head.body, |length| Body::Stream(Stream::new(length, Nothing)));
        Self { incoming: Incoming::Request(came.request(head, body, None)), asked }
    }

    fn refused(fault: Fault, head: &[u8], connection: &Rc<Connection>) -> Self {
        let line = exchange::first_line(&Bytes::copy_from_slice(head));
        let refused = Refused { fault, line, connection: Rc::clone(connection), received: Instant::now() };
        Self { incoming: Incoming::Refused(Box::new(refused)), asked: Asked::unreadable() }
    }

    /// What writes the head of the answer to it.
    pub fn writer(&self) -> impl Fn(&Response) -> Bytes + use<> {
        let asked = self.asked;
        move |response| {
            let mut out = BytesMut::new();
            encode::head(&mut out, response, Framing::of(response, asked), asked, false);
            out.freeze()
        }
    }
}

/// A body that nobody reads.
struct Nothing;

impl Source for Nothing {
    fn poll_frame(&mut self, _: &mut Context<'_>) -> Poll<Option<Result<Frame, Fault>>> {
        Poll::Ready(None)
    }
}
