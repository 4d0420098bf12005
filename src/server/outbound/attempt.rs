//! Writes to a client, within the limits of a wait for it.

use std::future::poll_fn;
use std::io::{self, IoSlice};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use crate::http::{Cause, Fault, Limits};
use crate::server::frames::Frames;
use crate::server::io::Io;
use crate::server::pace::{Late, Pace};

/// Bytes a second that a client has to take on average, while it is waited for.
const RATE: u64 = 1024;

/// What that is taken over. The kernel tells of room in lumps of 64 KiB and more
/// ([`crate::net::Bound::new`]): a shorter window could miss them.
const WINDOW: Duration = Duration::from_secs(60);

/// A client that has taken so many bytes of an answer, and was waited for less than this, is fast.
const FAST: u64 = 1024 * 1024;
const FAST_WAIT: Duration = Duration::from_secs(1);

/// A response on its way out.
pub(super) struct Attempts<'a> {
    pub io: &'a Io,
    limits: &'a Limits,
    sent: u64,
    pace: Pace,
}

impl<'a> Attempts<'a> {
    pub fn new(io: &'a Io, limits: &'a Limits) -> Self {
        Self { io, limits, sent: 0, pace: Pace::over(WINDOW) }
    }

    /// How many bytes are out.
    pub const fn sent(&self) -> u64 {
        self.sent
    }

    /// Writes all of `parts`, together as far as the socket takes them. Meanwhile what comes `behind` them
    /// may read on.
    pub async fn write(&mut self, parts: &[&[u8]], mut behind: Option<&mut Frames>) -> Result<(), Fault> {
        let mut slices: smallvec::SmallVec<[IoSlice<'_>; 4]> =
            parts.iter().map(|part| IoSlice::new(part)).collect();
        let mut rest = &mut slices[..];
        IoSlice::advance_slices(&mut rest, 0);
        while !rest.is_empty() {
            let written =
                self.attempt(|io| io.stream.try_write_vectored(rest), behind.as_deref_mut()).await?;
            IoSlice::advance_slices(&mut rest, written);
        }
        Ok(())
    }

    /// Runs a write until it takes something, within the limits of a wait for the client.
    pub async fn attempt(
        &mut self,
        write: impl Fn(&Io) -> io::Result<usize>,
        mut behind: Option<&mut Frames>,
    ) -> Result<usize, Fault> {
        let written = poll_fn(|cx| self.poll_attempt(cx, &write, behind.as_deref_mut())).await?;
        self.sent += written as u64;
        self.pace.moved(written as u64);
        if self.pace.is_below(RATE) {
            return Err(self.late(Late::Slow));
        }
        if self.sent >= FAST && self.pace.waited() < FAST_WAIT && !self.io.fast.replace(true) {
            self.io.stream.take_any_amount();
        }
        Ok(written)
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
                Err(error) => return Poll::Ready(Err(client_left(&error))),
            }
            match self.io.stream.poll_write_ready(cx) {
                Poll::Ready(Ok(())) => {}
                Poll::Ready(Err(error)) => return Poll::Ready(Err(client_left(&error))),
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

fn client_left(error: &io::Error) -> Fault {
    Fault::new(Cause::ClientLeft, error.to_string())
}
