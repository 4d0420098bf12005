//! Writes to a client, within the limits of a wait for it.

use std::future::poll_fn;
use std::io::{self, IoSlice};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use rustix::io::Errno;
use smallvec::SmallVec;

use crate::http::{Cause, Fault, LimitRate, Limits};
use crate::server::frames::Frames;
use crate::server::io::Io;
use crate::server::pace::{Late, Pace};
use crate::server::throttle::Throttle;

/// Bytes a second that a client has to take on average, while it is waited for.
pub(in crate::server) const RATE: u64 = 1024;

/// What that is taken over. The kernel tells of room in lumps of 64 KiB and more
/// ([`crate::net::Bound::new`]): a shorter window could miss them.
pub(in crate::server) const WINDOW: Duration = Duration::from_secs(60);

/// A client that has taken so many bytes of an answer, and was waited for less than this, is fast.
pub(in crate::server) const FAST: u64 = 1024 * 1024;
pub(in crate::server) const FAST_WAIT: Duration = Duration::from_secs(1);

/// A response on its way out.
pub(super) struct Attempts<'a> {
    pub io: &'a Io,
    limits: &'a Limits,
    sent: u64,
    pace: Pace,
    /// Boxed, since few answers have one.
    throttle: Option<Box<Throttle>>,
}

impl<'a> Attempts<'a> {
    pub fn new(io: &'a Io, limits: &'a Limits, rate: Option<LimitRate>) -> Self {
        let throttle = rate.map(|rate| Box::new(Throttle::new(rate)));
        Self { io, limits, sent: 0, pace: Pace::over(WINDOW), throttle }
    }

    /// How many bytes are out.
    pub const fn sent(&self) -> u64 {
        self.sent
    }

    /// Writes all of `parts`, together as far as the socket takes them. Meanwhile what comes `behind` them
    /// may read on.
    pub async fn write(&mut self, parts: &[&[u8]], mut behind: Option<&mut Frames>) -> Result<(), Fault> {
        let mut slices: SmallVec<[IoSlice<'_>; 4]> = parts.iter().map(|part| IoSlice::new(part)).collect();
        let mut rest = &mut slices[..];
        IoSlice::advance_slices(&mut rest, 0);
        while !rest.is_empty() {
            let wanted = rest.iter().map(|slice| slice.len() as u64).sum();
            let write = |io: &Io, most| {
                if most == wanted {
                    io.stream.try_write_vectored(rest)
                } else {
                    io.stream.try_write_vectored(&beginning(rest, most))
                }
            };
            let written = self.attempt(wanted, write, behind.as_deref_mut()).await?;
            IoSlice::advance_slices(&mut rest, written);
        }
        Ok(())
    }

    /// Runs a write until it takes something of the `wanted` bytes, within the limits of a wait for the
    /// client. It is told how many it may take.
    pub async fn attempt(
        &mut self,
        wanted: u64,
        write: impl Fn(&Io, u64) -> io::Result<usize>,
        mut behind: Option<&mut Frames>,
    ) -> Result<usize, Fault> {
        let most = match &mut self.throttle {
            None => wanted,
            Some(throttle) => Box::pin(throttle.turn(self.io, wanted, behind.as_deref_mut())).await?,
        };
        let write = |io: &Io| write(io, most);
        let written = poll_fn(|cx| self.poll_attempt(cx, &write, behind.as_deref_mut())).await?;
        self.count(written as u64)?;
        Ok(written)
    }

    /// Waits until what was written has left, as records may still be on their way to the socket.
    pub async fn finish(&mut self) -> Result<(), Fault> {
        poll_fn(|cx| {
            if let Poll::Ready(flushed) = self.io.stream.poll_flushed(cx) {
                return Poll::Ready(flushed.map_err(|error| failed(&error)));
            }
            let mut limit = self.io.write_limit.borrow_mut();
            let late = ready!(self.pace.poll(cx, &mut limit, self.limits.send.get(), RATE));
            Poll::Ready(Err(self.late(late)))
        })
        .await
    }

    fn count(&mut self, written: u64) -> Result<(), Fault> {
        self.sent += written;
        self.pace.moved(written);
        if self.pace.is_below(RATE) {
            return Err(self.late(Late::Slow));
        }
        match &mut self.throttle {
            Some(throttle) => throttle.spend(written),
            None if self.sent >= FAST && self.pace.waited() < FAST_WAIT && !self.io.fast.replace(true) => {
                self.io.stream.take_any_amount();
            }
            None => {}
        }
        Ok(())
    }

    fn poll_attempt(
        &mut self,
        cx: &mut Context<'_>,
        write: &impl Fn(&Io) -> io::Result<usize>,
        behind: Option<&mut Frames>,
    ) -> Poll<Result<usize, Fault>> {
        loop {
            match write(self.io) {
                Ok(written) => return Poll::Ready(Ok(written)),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                Err(error) => return Poll::Ready(Err(failed(&error))),
            }
            match self.io.stream.poll_write_ready(cx) {
                Poll::Ready(Ok(())) => {}
                Poll::Ready(Err(error)) => return Poll::Ready(Err(failed(&error))),
                Poll::Pending => break,
            }
        }
        if let Some(frames) = behind {
            frames.poll_ahead(cx);
        }
        let mut limit = self.io.write_limit.borrow_mut();
        let late = ready!(self.pace.poll(cx, &mut limit, self.limits.send.get(), RATE));
        Poll::Ready(Err(self.late(late)))
    }

    fn late(&self, late: Late) -> Fault {
        let send = self.limits.send.get();
        match late {
            Late::Silent => Fault::new(Cause::ClientStalled, format!("took nothing for {send:?}")),
            Late::Slow => Fault::new(Cause::ClientTooSlow, format!("less than {RATE} bytes a second")),
        }
    }
}

/// As many of the slices as have `most` bytes, the last of them cut.
fn beginning<'a>(slices: &'a [IoSlice<'_>], most: u64) -> SmallVec<[IoSlice<'a>; 4]> {
    let mut left = usize::try_from(most).unwrap_or(usize::MAX);
    let cut = slices.iter().map(|slice| {
        let taken = slice.get(..left).unwrap_or(slice);
        left -= taken.len();
        IoSlice::new(taken)
    });
    cut.collect()
}

/// A socket knows neither of these: they are of the file that `sendfile(2)` reads.
fn failed(error: &io::Error) -> Fault {
    let cause = match Errno::from_io_error(error) {
        Some(Errno::IO | Errno::STALE) => Cause::FileRead,
        _ => Cause::ClientLeft,
    };
    Fault::new(cause, error.to_string())
}
