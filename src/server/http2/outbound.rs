//! A response's body onto its stream, piece by piece, as the client's windows allow.

use std::future::{Future, poll_fn};
use std::pin::pin;
use std::rc::Rc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::Bytes;
use h2::{Reason, SendStream};

use super::floods;
use super::gate::{PIECE, Turn, share};
use super::head;
use super::link::Link;
use super::stream::{Ending, Exchange};
use crate::http::{Body, Cause, Fault, FileRange, Limits, Piece, Rate, Stream};
use crate::net::{Deadline, disk};
use crate::server::encode::Framing;
use crate::server::frames::{Frames, Next};
use crate::server::leaving::Leaving;
use crate::server::outbound::{Cursor, Ready, Recipient, finished, too_long};
use crate::server::pace::{Late, Pace};
use crate::server::throttle::Throttle;

/// Bytes a second that a client has to take on average, on all its streams together.
const RATE: u64 = 1024;

/// What that is taken over, as in HTTP/1.
const WINDOW: Duration = Duration::from_secs(60);

/// A client whose windows have room for less than that pays for each update of them.
const USEFUL: usize = 256;

pub(super) struct Outbound {
    stream: SendStream<Bytes>,
    link: Rc<Link>,
    limits: Rc<Limits>,
    framing: Framing,
    throttle: Option<Throttle>,
    pace: Pace,
    limit: Deadline,
    turn: Turn,
    ending: Ending,
    /// Counts as being answered until the end.
    _exchange: Exchange,
}

impl Outbound {
    pub fn new(
        exchange: Exchange,
        stream: SendStream<Bytes>,
        framing: Framing,
        rate: Option<Rate>,
        ending: Ending,
    ) -> Self {
        Self {
            stream,
            link: Rc::clone(&exchange.link),
            limits: Rc::clone(&exchange.limits),
            framing,
            throttle: rate.and_then(Rate::limit).map(Throttle::new),
            pace: Pace::over(WINDOW),
            limit: Deadline::none(),
            turn: Turn::default(),
            ending,
            _exchange: exchange,
        }
    }

    pub async fn run(mut self, body: Body) {
        let result = match body {
            Body::Empty | Body::Tunnel(_) => self.give(Bytes::new(), true, true),
            Body::Bytes(bytes) => self.feed(bytes, true, None).await,
            Body::File(range) => self.file(&range, true).await,
            Body::Parts(parts) => self.parts(parts.pieces()).await,
            Body::Stream(stream) => self.stream(stream).await,
        };
        match result {
            Ok(()) => self.ending.done(),
            Err(fault) => {
                // A body that breaks off must not look whole.
                self.stream.send_reset(Reason::INTERNAL_ERROR);
                self.ending.failed(fault);
            }
        }
    }

    async fn parts(&mut self, pieces: &[Piece]) -> Result<(), Fault> {
        let last = pieces.len().saturating_sub(1);
        for (index, piece) in pieces.iter().enumerate() {
            match piece {
                Piece::Memory(bytes) => self.feed(bytes.clone(), index == last, None).await?,
                Piece::File(range) => self.file(range, index == last).await?,
            }
        }
        Ok(())
    }

    async fn file(&mut self, range: &FileRange, last: bool) -> Result<(), Fault> {
        let mut cursor = Cursor::new(range);
        while cursor.left > 0 {
            let read = match until_reset(&mut self.stream, cursor.next(&Staying)).await?? {
                Ready::Cached(length) => {
                    let room = self.room(usize::try_from(length).unwrap_or(PIECE), None).await?;
                    let bytes = disk::read_cached(&*range.file, cursor.offset, room)
                        .map_err(|error| cursor.unreadable(&error))?;
                    let read = bytes.len() as u64;
                    if read > 0 {
                        self.give(bytes, last && read == cursor.left, read == length)?;
                    }
                    read
                }
                Ready::Read(bytes) => {
                    let read = bytes.len() as u64;
                    self.feed(bytes, last && read == cursor.left, None).await?;
                    read
                }
            };
            if read == 0 {
                let left = cursor.left;
                return Err(Fault::new(Cause::FileTruncated, format!("{left} bytes were still to be sent")));
            }
            cursor.advance(read);
        }
        Ok(())
    }

    /// Bytes that are still arriving, as they come. The end is looked for ahead, so that it needs no frame of
    /// its own.
    async fn stream(&mut self, stream: Stream) -> Result<(), Fault> {
        let mut frames = Frames::new(stream, Framing::Chunked);
        let mut left = if let Framing::Length(length) = self.framing { length } else { u64::MAX };
        loop {
            match poll_fn(|cx| self.poll_next(cx, &mut frames)).await? {
                Next::Nothing => {}
                Next::Data(data, last) => {
                    left = left.checked_sub(data.len() as u64).ok_or_else(too_long)?;
                    if last {
                        finished(left, self.framing)?;
                    }
                    self.feed(data, last, Some(&mut frames)).await?;
                    if last {
                        return Ok(());
                    }
                }
                Next::End(fields) => {
                    finished(left, self.framing)?;
                    return match fields.filter(|fields| !fields.is_empty()) {
                        Some(fields) => self.stream.send_trailers(head::trailers(&fields)).map_err(left_by),
                        None => self.give(Bytes::new(), true, true),
                    };
                }
            }
        }
    }

    fn poll_next(&mut self, cx: &mut Context<'_>, frames: &mut Frames) -> Poll<Result<Next, Fault>> {
        match frames.poll(cx) {
            Poll::Ready(next) => Poll::Ready(next),
            Poll::Pending => poll_left(&mut self.stream, cx).map(Err),
        }
    }

    /// Hands over all of `data`. Meanwhile what comes `behind` it may read on.
    async fn feed(
        &mut self,
        mut data: Bytes,
        last: bool,
        mut behind: Option<&mut Frames>,
    ) -> Result<(), Fault> {
        if data.is_empty() && last {
            return self.give(data, true, true);
        }
        while !data.is_empty() {
            let room = self.room(data.len(), behind.as_deref_mut()).await?;
            let piece = data.split_to(room);
            self.give(piece, last && data.is_empty(), data.is_empty())?;
        }
        Ok(())
    }

    /// What there is room for, and whether that is the `whole` of what was to go.
    fn give(&mut self, piece: Bytes, last: bool, whole: bool) -> Result<(), Fault> {
        let count = piece.len();
        self.stream.send_data(piece, last).map_err(left_by)?;
        self.ending.sent(count as u64);
        if count >= USEFUL || whole {
            self.link.floods.borrow_mut().give(floods::sent(count));
        }
        if let Some(throttle) = &mut self.throttle {
            throttle.spend(count as u64);
        }
        self.pace.moved(count as u64);
        let rate = self.rate();
        if self.pace.is_below(rate) { Err(self.late(Late::Slow)) } else { Ok(()) }
    }

    /// Waits until some of the `wanted` bytes may go, and tells how many.
    async fn room(&mut self, wanted: usize, mut behind: Option<&mut Frames>) -> Result<usize, Fault> {
        poll_fn(|cx| {
            let room = self.poll_room(cx, wanted);
            if let (Poll::Pending, Some(frames)) = (&room, behind.as_deref_mut()) {
                frames.poll_ahead(cx);
            }
            room
        })
        .await
    }

    fn poll_room(&mut self, cx: &mut Context<'_>, mut wanted: usize) -> Poll<Result<usize, Fault>> {
        if let Some(throttle) = &mut self.throttle {
            let Poll::Ready(most) = throttle.poll_turn(cx, wanted as u64) else {
                return poll_left(&mut self.stream, cx).map(Err);
            };
            wanted = usize::try_from(most).unwrap_or(wanted);
        }
        self.stream.reserve_capacity(wanted.min(share(self.link.streams.get())));
        while self.stream.capacity() == 0 {
            match self.stream.poll_capacity(cx) {
                Poll::Ready(Some(Ok(_))) => {}
                Poll::Ready(_) => return Poll::Ready(Err(Cause::ClientLeft.into())),
                Poll::Pending => return self.poll_late(cx).map(Err),
            }
        }
        let wanted = wanted.min(self.stream.capacity());
        match self.link.gate.poll_take(cx, &mut self.turn, wanted) {
            Poll::Ready(room) => Poll::Ready(Ok(room)),
            Poll::Pending => poll_left(&mut self.stream, cx).map(Err),
        }
    }

    /// The client gives no room in its windows.
    fn poll_late(&mut self, cx: &mut Context<'_>) -> Poll<Fault> {
        let rate = self.rate();
        let late = ready!(self.pace.poll(cx, &mut self.limit, self.limits.send.get(), rate));
        Poll::Ready(self.late(late))
    }

    /// This stream's share of what a client has to take.
    fn rate(&self) -> u64 {
        (RATE / (self.link.streams.get().max(1) as u64)).max(1)
    }

    fn late(&self, late: Late) -> Fault {
        let send = self.limits.send.get();
        match late {
            Late::Silent => Fault::new(Cause::ClientStalled, format!("took nothing for {send:?}")),
            Late::Slow => Fault::new(Cause::ClientTooSlow, format!("less than {RATE} bytes a second")),
        }
    }
}

/// A disk may take any time: nobody waits for it whose client is gone.
async fn until_reset<T>(stream: &mut SendStream<Bytes>, work: impl Future<Output = T>) -> Result<T, Fault> {
    let mut work = pin!(work);
    poll_fn(|cx| match work.as_mut().poll(cx) {
        Poll::Ready(done) => Poll::Ready(Ok(done)),
        Poll::Pending => poll_left(stream, cx).map(Err),
    })
    .await
}

/// Ready when the stream was reset, or the connection has ended.
fn poll_left(stream: &mut SendStream<Bytes>, cx: &mut Context<'_>) -> Poll<Fault> {
    stream.poll_reset(cx).map(|_| Cause::ClientLeft.into())
}

#[expect(clippy::needless_pass_by_value, reason = "what `map_err` is given")]
fn left_by(error: h2::Error) -> Fault {
    Fault::new(Cause::ClientLeft, error.to_string())
}

/// A client of HTTP/2 leaves by a reset, which is waited for besides.
struct Staying;

impl Recipient for Staying {
    fn poll_left(&self, _: &mut Leaving, _: &mut Context<'_>) -> Poll<Cause> {
        Poll::Pending
    }
}
