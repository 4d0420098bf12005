//! The body of a request on its way out, one piece at a time and no faster than the server takes it.

mod kept;

use std::task::{Context, Poll};

use ::http::HeaderMap;
use bytes::Bytes;
use h2::SendStream;

use self::kept::Kept;
use crate::http::wire::fields::may_trail;
use crate::http::{self, Body, Cause, Fault, Fields, FileRange, Frame};
use crate::upstream::protocol::pieces;

/// After this many pieces in a row other tasks get their turn.
const PIECES_PER_POLL: usize = 32;
/// What is asked room for at once.
const PIECE: usize = 16 * 1024;

/// What is still to be sent.
#[derive(Debug)]
pub(super) struct Sender {
    /// `None` before the head is out, and once no more is to be sent.
    stream: Option<SendStream<Bytes>>,
    data: Bytes,
    rest: Rest,
    whole: Whole,
    /// Bytes of the body that were taken off us.
    pub accepted: u64,
}

#[derive(Debug)]
enum Rest {
    Stream {
        stream: http::Stream,
        /// What is left to come, where that was announced.
        left: Option<u64>,
    },
    /// The end, with trailers or without.
    End(Option<HeaderMap>),
    Sent,
    /// The server takes no more, but may still answer. With what another attempt would go on with.
    Refused(Option<http::Stream>),
}

/// What another attempt would send.
#[derive(Debug)]
enum Whole {
    Memory(Bytes),
    Disk(FileRange),
    /// What was taken of a stream so far.
    Taken(Kept),
}

/// Why nothing more can be sent at the moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Progress {
    /// Everything is out.
    Sent,
    /// The server does not take more.
    Blocked,
    /// The client has not sent more.
    Starved,
}

#[derive(Debug)]
pub(super) enum SendError {
    /// It takes no more; why, its answer's half says.
    Server,
    /// The request's body failed.
    Client(Fault),
}

impl Sender {
    pub(super) fn new(body: Body) -> Self {
        let (data, rest, whole) = match body {
            Body::Bytes(bytes) => (bytes.clone(), Rest::End(None), Whole::Memory(bytes)),
            Body::File(range) if range.length > 0 => {
                let (stream, left) = (pieces::stream(range.clone()), Some(range.length));
                (Bytes::new(), Rest::Stream { stream, left }, Whole::Disk(range))
            }
            Body::Stream(stream) if stream.length != Some(0) => {
                let left = stream.length;
                (Bytes::new(), Rest::Stream { stream, left }, Whole::Taken(Kept::new(left)))
            }
            // Parts and tunnels are answers' bodies.
            Body::Empty | Body::File(_) | Body::Stream(_) | Body::Parts(_) | Body::Tunnel(_) => {
                (Bytes::new(), Rest::End(None), Whole::Memory(Bytes::new()))
            }
        };
        Self { stream: None, data, rest, whole, accepted: 0 }
    }

    /// The length of the body, where that is known.
    pub(super) fn length(&self) -> Option<u64> {
        match &self.rest {
            Rest::Stream { left, .. } => *left,
            _ => Some(self.data.len() as u64),
        }
    }

    /// The head is out; `stream` takes what follows it, if anything does.
    pub(super) fn begin(&mut self, stream: SendStream<Bytes>) {
        if self.length() == Some(0) {
            self.rest = Rest::Sent;
        } else {
            self.stream = Some(stream);
        }
    }

    pub(super) fn is_sent(&self) -> bool {
        matches!(self.rest, Rest::Sent)
    }

    pub(super) fn is_over(&self) -> bool {
        matches!(self.rest, Rest::Sent | Rest::Refused(_))
    }

    /// No other attempt will be made: what is kept for one can go once it is sent.
    pub(super) fn keep_no_copy(&mut self) {
        self.whole = Whole::Taken(Kept::nothing());
        if let Rest::Refused(rest) = &mut self.rest {
            *rest = None;
        }
    }

    /// Gives up sending. What the client has still to send is kept as long as another attempt may be made.
    pub(super) fn refuse(&mut self) {
        let rest = match std::mem::replace(&mut self.rest, Rest::Sent) {
            Rest::Stream { stream, .. } if self.can_go_on() => Some(stream),
            _ => None,
        };
        (self.rest, self.data, self.stream) = (Rest::Refused(rest), Bytes::new(), None);
    }

    /// Whether a stream could be sent again from its beginning.
    fn can_go_on(&self) -> bool {
        matches!(&self.whole, Whole::Taken(kept) if kept.is_complete())
    }

    /// Sends what can be sent now.
    pub(super) fn poll(&mut self, cx: &mut Context<'_>) -> Result<Progress, SendError> {
        for _ in 0..PIECES_PER_POLL {
            if self.is_over() {
                return Ok(Progress::Sent);
            }
            if self.data.is_empty() && matches!(self.rest, Rest::Stream { .. }) {
                if self.pull(cx).map_err(SendError::Client)?.is_pending() {
                    return Ok(Progress::Starved);
                }
            } else if self.push(cx).map_err(|_| SendError::Server)?.is_pending() {
                return Ok(Progress::Blocked);
            }
        }
        cx.waker().wake_by_ref();
        Ok(Progress::Starved)
    }

    /// Takes the next piece of the body.
    fn pull(&mut self, cx: &mut Context<'_>) -> Result<Poll<()>, Fault> {
        let Rest::Stream { stream, left } = &mut self.rest else { return Ok(Poll::Ready(())) };
        let frame = match stream.poll_frame(cx) {
            Poll::Pending => return Ok(Poll::Pending),
            Poll::Ready(frame) => frame.transpose()?,
        };
        if let Whole::Taken(kept) = &mut self.whole {
            kept.take(frame.as_ref());
        }
        match (frame, left) {
            (Some(Frame::Data(data)), left) => {
                if let Some(left) = left {
                    *left = left.checked_sub(data.len() as u64).ok_or_else(|| mismatch("longer"))?;
                }
                self.data = data;
                if *left == Some(0) {
                    self.rest = Rest::End(None);
                }
            }
            (_, Some(left)) if *left > 0 => return Err(mismatch("shorter")),
            (Some(Frame::Trailers(fields)), _) => self.rest = Rest::End(Some(trailers(&fields))),
            (None, _) => self.rest = Rest::End(None),
        }
        Ok(Poll::Ready(()))
    }

    /// Hands on what there is room for, the end together with the last of it.
    fn push(&mut self, cx: &mut Context<'_>) -> Result<Poll<()>, h2::Error> {
        let Some(stream) = &mut self.stream else { return Ok(Poll::Pending) };
        if self.data.is_empty() {
            match std::mem::replace(&mut self.rest, Rest::Sent) {
                Rest::End(Some(trailers)) => stream.send_trailers(trailers)?,
                _ => stream.send_data(Bytes::new(), true)?,
            }
            self.stream = None;
            return Ok(Poll::Ready(()));
        }
        let Poll::Ready(room) = poll_room(stream, self.data.len().min(PIECE), cx)? else {
            return Ok(Poll::Pending);
        };
        let piece = self.data.split_to(room.min(self.data.len()));
        let last = self.data.is_empty() && matches!(self.rest, Rest::End(None));
        self.accepted += piece.len() as u64;
        stream.send_data(piece, last)?;
        if last {
            (self.rest, self.stream) = (Rest::Sent, None);
        }
        Ok(Poll::Ready(()))
    }

    /// The body, if another attempt can still send all of it.
    pub(super) fn reclaim(self) -> Option<Body> {
        match (self.whole, self.rest) {
            (Whole::Memory(bytes), _) if bytes.is_empty() => Some(Body::Empty),
            (Whole::Memory(bytes), _) => Some(Body::Bytes(bytes)),
            (Whole::Disk(range), _) => Some(Body::File(range)),
            (Whole::Taken(kept), Rest::Stream { stream, .. } | Rest::Refused(Some(stream))) => {
                kept.before(Some(stream))
            }
            (Whole::Taken(kept), _) => kept.before(None),
        }
    }
}

/// How much the server and the connection take, up to what is wanted.
fn poll_room(
    stream: &mut SendStream<Bytes>,
    wanted: usize,
    cx: &mut Context<'_>,
) -> Result<Poll<usize>, h2::Error> {
    stream.reserve_capacity(wanted);
    loop {
        let room = stream.capacity();
        if room > 0 {
            return Ok(Poll::Ready(room));
        }
        match stream.poll_capacity(cx) {
            Poll::Pending => return Ok(Poll::Pending),
            Poll::Ready(Some(room)) => drop(room?),
            // The stream has ended; what becomes of it is for its answer to say.
            Poll::Ready(None) => return Err(h2::Reason::STREAM_CLOSED.into()),
        }
    }
}

fn trailers(fields: &Fields) -> HeaderMap {
    let mut map = HeaderMap::new();
    for (name, value) in fields.iter().filter(|(name, _)| may_trail(name)) {
        // As many as a request's head may have, which is far below what a map takes.
        let _ = map.try_append(name.clone(), value.clone());
    }
    map
}

fn mismatch(how: &str) -> Fault {
    Fault::new(Cause::Internal, format!("the request's body is {how} than announced"))
}
