//! What the stages of one client connection share: the socket, what was read ahead, and its limits.

use std::cell::{Cell, RefCell};
use std::io;
use std::rc::Rc;
use std::task::{Context, Poll, Waker};
use std::time::Instant;

use bytes::BytesMut;

use super::inbound::Inbound;
use crate::net::{Deadline, Stream};

/// How much is read ahead of a request that is still being answered: pipelined requests wait here.
const READ_AHEAD_MAX: usize = 64 * 1024;

/// Room for one read of a head: that of a browser fits.
pub(super) const HEAD_SIZE: usize = 4 * 1024;

/// Room for one read of a body, so that it moves in useful steps.
pub(super) const BODY_SIZE: usize = 16 * 1024;

/// How a client's sending side ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum End {
    /// FIN: it has left, or it only sends no more (RFC 9112 9.6). There is no telling the two apart.
    Closed,
    Reset,
}

/// One client connection, as the loop, the request's body and the response's writer see it.
pub(super) struct Io {
    pub stream: Stream,
    /// Read from the socket, not consumed yet.
    pub input: RefCell<BytesMut>,
    /// Interim responses that did not fit into the socket's buffer; they precede whatever is written next.
    pub owed: RefCell<BytesMut>,
    /// How far the current request's body has come.
    pub inbound: RefCell<Inbound>,
    /// Head, idle and body limits: never two at once.
    pub read_limit: RefCell<Deadline>,
    pub write_limit: RefCell<Deadline>,
    /// The client has proven fast: the kernel may take any amount for it.
    pub fast: Cell<bool>,
    /// Set while the connection waits between two requests, for a drain to wake it.
    idle: Cell<Option<Waker>>,
    /// Since when it waits, if it does.
    waiting_since: Cell<Instant>,
    /// Its place is wanted by others.
    unwanted: Cell<bool>,
}

impl Io {
    pub fn new(stream: Stream) -> Rc<Self> {
        Rc::new(Self {
            stream,
            input: RefCell::new(BytesMut::new()),
            owed: RefCell::new(BytesMut::new()),
            inbound: RefCell::new(Inbound::none()),
            read_limit: RefCell::new(Deadline::none()),
            write_limit: RefCell::new(Deadline::none()),
            fast: Cell::new(false),
            idle: Cell::new(None),
            waiting_since: Cell::new(Instant::now()),
            unwanted: Cell::new(false),
        })
    }

    /// Reads more into `input`; 0 is the client's end of the stream.
    pub fn poll_fill(&self, cx: &mut Context<'_>, room: usize) -> Poll<io::Result<usize>> {
        let mut input = self.input.borrow_mut();
        let read = self.stream.poll_read(cx, &mut input, room);
        if read.is_pending() && input.is_empty() {
            // Waiting costs no memory: ten thousand idle connections hold no buffer.
            *input = BytesMut::new();
        }
        read
    }

    /// What is to be seen of the client's end while its request is being answered.
    ///
    /// Pipelined bytes are read ahead, up to a limit. Past it the client is taken to be there still.
    pub fn poll_end(&self, cx: &mut Context<'_>) -> Poll<End> {
        if !self.inbound.borrow().is_read() {
            return Poll::Pending;
        }
        while self.input.borrow().len() < READ_AHEAD_MAX {
            match self.poll_fill(cx, HEAD_SIZE) {
                Poll::Ready(Ok(0)) => return Poll::Ready(End::Closed),
                Poll::Ready(Err(_)) => return Poll::Ready(End::Reset),
                Poll::Ready(Ok(_)) => {}
                Poll::Pending => return Poll::Pending,
            }
        }
        Poll::Pending
    }

    /// Waits for a request from now on.
    pub fn begin_waiting(&self) {
        self.waiting_since.set(Instant::now());
    }

    /// Since when nothing has come of a request that is waited for.
    pub fn idle_since(&self) -> Option<Instant> {
        let waker = self.idle.take()?;
        self.idle.set(Some(waker));
        (!self.unwanted.get()).then(|| self.waiting_since.get())
    }

    /// Has the connection end if it still waits for a request.
    pub fn give_way(&self) {
        self.unwanted.set(true);
        self.wake_if_idle();
    }

    pub fn is_unwanted(&self) -> bool {
        self.unwanted.get()
    }

    pub fn rest_idle(&self, waker: Waker) {
        self.idle.set(Some(waker));
    }

    /// It waits no more. Whether it had been asked to end.
    pub fn leave_idle(&self) -> bool {
        self.idle.set(None);
        self.unwanted.take()
    }

    /// Wakes the connection if it waits for a request.
    pub fn wake_if_idle(&self) {
        if let Some(waker) = self.idle.take() {
            waker.wake();
        }
    }
}
