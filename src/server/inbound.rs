//! The body of the current request, taken off the wire as the handler asks for it.

use std::io;
use std::rc::Rc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::{Buf, Bytes, BytesMut};

use super::io::{BODY_SIZE, Io};
use super::pace::{Late, Pace};
use crate::http::wire::{BodyLength, WireError, chunked};
use crate::http::{Cause, Fault, Frame, Limits, Source};

/// What the rate of a body is taken over: long enough for a train's tunnel.
pub(super) const WINDOW: Duration = Duration::from_secs(30);

/// How far a request's body has come. It outlives the handler, so that what nobody read can be skipped.
pub(super) struct Inbound {
    state: State,
    /// The client waits for `100 Continue` before it sends anything (RFC 9110 10.1.1).
    expects_continue: bool,
    received: u64,
    pace: Pace,
}

enum State {
    Length(u64),
    Chunked(chunked::Decoder),
    Done,
    /// Its framing is lost: nothing behind it can be read.
    Broken,
}

enum Step {
    Data(Bytes),
    End,
    NeedMore,
}

impl Inbound {
    pub fn none() -> Self {
        Self::new(BodyLength::None, false)
    }

    pub fn new(length: BodyLength, expects_continue: bool) -> Self {
        let state = match length {
            BodyLength::None | BodyLength::UntilClose | BodyLength::Exact(0) => State::Done,
            BodyLength::Exact(length) => State::Length(length),
            BodyLength::Chunked => State::Chunked(chunked::Decoder::new()),
        };
        let expects_continue = expects_continue && !matches!(state, State::Done);
        Self { state, expects_continue, received: 0, pace: Pace::over(WINDOW) }
    }

    /// Whether the body is over, so that what follows is the next request.
    pub fn is_read(&self) -> bool {
        matches!(self.state, State::Done)
    }

    /// Whether it is worth reading the rest for the connection's sake: little of it, and surely coming.
    pub fn can_be_skipped(&self, most: u64) -> bool {
        match &self.state {
            State::Done => true,
            State::Length(left) => *left <= most && !self.expects_continue,
            State::Chunked(_) => !self.expects_continue,
            State::Broken => false,
        }
    }

    fn left_of_chunk(&self) -> u64 {
        match &self.state {
            State::Chunked(decoder) => decoder.left_of_chunk(),
            State::Length(_) | State::Done | State::Broken => 0,
        }
    }

    fn take(&mut self, input: &mut BytesMut) -> Result<Step, WireError> {
        let step = match &mut self.state {
            State::Done => Step::End,
            State::Broken => return Err(WireError::BadChunkEnd),
            State::Length(_) if input.is_empty() => Step::NeedMore,
            State::Length(left) => {
                let count = usize::try_from(*left).map_or(input.len(), |left| left.min(input.len()));
                *left -= count as u64;
                let data = input.split_to(count).freeze();
                if *left == 0 {
                    self.state = State::Done;
                }
                Step::Data(data)
            }
            State::Chunked(decoder) => match decoder.decode(input)? {
                chunked::Step::Data(data) => Step::Data(data),
                chunked::Step::NeedMore => Step::NeedMore,
                chunked::Step::End { .. } => {
                    self.state = State::Done;
                    Step::End
                }
            },
        };
        Ok(step)
    }
}

/// What the handler polls.
pub(super) struct RequestBody {
    io: Rc<Io>,
    limits: Rc<Limits>,
}

impl RequestBody {
    pub fn new(io: Rc<Io>, limits: Rc<Limits>) -> Self {
        Self { io, limits }
    }
}

impl Source for RequestBody {
    fn poll_frame(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Frame, Fault>>> {
        loop {
            let step = self.io.inbound.borrow_mut().take(&mut self.io.input.borrow_mut());
            match step {
                Ok(Step::Data(data)) => return Poll::Ready(Some(self.count(data))),
                // Trailers of requests are dropped: no WSGI application could read them.
                Ok(Step::End) => return Poll::Ready(None),
                Ok(Step::NeedMore) => {}
                Err(error) => {
                    self.io.inbound.borrow_mut().state = State::Broken;
                    return Poll::Ready(Some(Err(Fault::new(Cause::MalformedBody, error.to_string()))));
                }
            }
            if let Err(fault) = ready!(poll_more(&self.io, &self.limits, cx)) {
                return Poll::Ready(Some(Err(fault)));
            }
        }
    }
}

impl RequestBody {
    fn count(&self, data: Bytes) -> Result<Frame, Fault> {
        let mut inbound = self.io.inbound.borrow_mut();
        inbound.received += data.len() as u64;
        let most = self.limits.max_body.get();
        // A chunk that its size line says is too large need not be waited for.
        if inbound.received.saturating_add(inbound.left_of_chunk()) > most {
            inbound.state = State::Broken;
            return Err(Fault::new(Cause::BodyTooLarge, format!("a chunked body went past {most} bytes")));
        }
        Ok(Frame::Data(data))
    }
}

/// Reads more of a body, asking for it first when the client waits to be asked.
fn poll_more(io: &Io, limits: &Limits, cx: &mut Context<'_>) -> Poll<Result<(), Fault>> {
    if std::mem::take(&mut io.inbound.borrow_mut().expects_continue) {
        ask_for_body(io)?;
    }
    let read = io.poll_fill(cx, BODY_SIZE);
    let mut inbound = io.inbound.borrow_mut();
    let Poll::Ready(read) = read else {
        let fault = ready!(poll_limits(io, &mut inbound.pace, limits, cx));
        inbound.state = State::Broken;
        return Poll::Ready(Err(fault));
    };
    inbound.pace.moved(read.as_ref().map_or(0, |count| *count as u64));
    Poll::Ready(match read {
        Ok(1..) if inbound.pace.is_below(limits.body_rate.get()) => {
            inbound.state = State::Broken;
            Err(too_slow(limits))
        }
        Ok(1..) => Ok(()),
        Ok(0) => Err(client_left(&mut inbound, "the connection ended inside the request's body")),
        Err(error) => Err(client_left(&mut inbound, &error.to_string())),
    })
}

/// Waits until the client has been silent, or slow, for too long.
fn poll_limits(io: &Io, pace: &mut Pace, limits: &Limits, cx: &mut Context<'_>) -> Poll<Fault> {
    let (silence, rate) = (limits.body.get(), limits.body_rate.get());
    pace.poll(cx, &mut io.read_limit.borrow_mut(), silence, rate).map(|kind| late(kind, limits))
}

pub(super) fn late(late: Late, limits: &Limits) -> Fault {
    match late {
        Late::Silent => Fault::new(Cause::BodyTimeout, format!("nothing for {:?}", limits.body.get())),
        Late::Slow => too_slow(limits),
    }
}

pub(super) fn too_slow(limits: &Limits) -> Fault {
    Fault::new(Cause::BodyTooSlow, format!("less than {} bytes a second", limits.body_rate.get()))
}

fn client_left(inbound: &mut Inbound, detail: &str) -> Fault {
    inbound.state = State::Broken;
    Fault::new(Cause::ClientLeft, detail)
}

/// The socket's buffer is empty at this point: a client waiting for 100 Continue got nothing else yet.
fn ask_for_body(io: &Io) -> Result<(), Fault> {
    const CONTINUE: &[u8] = b"HTTP/1.1 100 Continue\r\n\r\n";
    match io.stream.try_write(CONTINUE) {
        Ok(written) => {
            io.owed.borrow_mut().extend_from_slice(CONTINUE.get(written..).unwrap_or_default());
            Ok(())
        }
        Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
            io.owed.borrow_mut().extend_from_slice(CONTINUE);
            Ok(())
        }
        Err(error) => Err(Fault::new(Cause::ClientLeft, error.to_string())),
    }
}

/// Reads and forgets what the handler left of the body. False when it cannot be brought to its end.
pub(super) fn poll_skip(io: &Io, limits: &Limits, cx: &mut Context<'_>, most: &mut u64) -> Poll<bool> {
    loop {
        let step = io.inbound.borrow_mut().take(&mut io.input.borrow_mut());
        match step {
            Ok(Step::End) => return Poll::Ready(true),
            Ok(Step::Data(data)) => {
                let Some(left) = most.checked_sub(data.remaining() as u64) else {
                    return Poll::Ready(false);
                };
                *most = left;
            }
            Ok(Step::NeedMore) => {
                if ready!(poll_more(io, limits, cx)).is_err() {
                    return Poll::Ready(false);
                }
            }
            Err(_) => return Poll::Ready(false),
        }
    }
}
