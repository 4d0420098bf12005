//! A connection that requests share.

use std::cell::{Cell, RefCell};
use std::rc::{Rc, Weak};
use std::task::{Context, Waker};

use bytes::Bytes;
use h2::client::SendRequest;

use super::sessions::Sessions;
use super::wire::Wire;

/// Requests at once on one connection. All of their windows together are its window, so that no client which
/// takes its answer slowly holds up the others.
pub(super) const STREAMS_MAX: u32 = 64;

/// What the requests on a connection know of it, and its task of them.
#[derive(Debug)]
pub(super) struct Session {
    /// Opens streams; `None` once there are to be no more.
    opener: RefCell<Option<SendRequest<Bytes>>>,
    pub(super) wire: Rc<Wire>,
    streams: Cell<usize>,
    /// Heads and pieces of answers so far.
    progress: Cell<u64>,
    /// Why it ended, where its task knows better than the streams.
    end: RefCell<Option<String>>,
    task: RefCell<Option<Waker>>,
    home: Weak<Sessions>,
}

impl Session {
    pub(super) fn new(opener: SendRequest<Bytes>, wire: Rc<Wire>, home: Weak<Sessions>) -> Rc<Self> {
        Rc::new(Self {
            opener: RefCell::new(Some(opener)),
            wire,
            streams: Cell::new(0),
            progress: Cell::new(0),
            end: RefCell::default(),
            task: RefCell::default(),
            home,
        })
    }

    /// Whether it takes requests: the server has not said goodbye, nor have we.
    pub(super) fn is_open(&self) -> bool {
        let mut opener = self.opener.borrow_mut();
        let mut context = Context::from_waker(Waker::noop());
        opener
            .as_mut()
            .is_some_and(|opener| !matches!(opener.poll_ready(&mut context), std::task::Poll::Ready(Err(_))))
    }

    pub(super) fn is_idle(&self) -> bool {
        self.streams.get() == 0
    }

    /// Whether the server has neither closed it nor said anything that is not heeded yet.
    pub(super) fn is_quiet(&self) -> bool {
        let is_quiet = self.wire.is_quiet();
        if !is_quiet {
            // What TLS has decrypted meanwhile, the socket does not tell of again.
            self.wake();
        }
        is_quiet
    }

    /// Room for one request, if there is any.
    pub(super) fn share(self: &Rc<Self>) -> Option<Share> {
        let most = self.opener.borrow().as_ref()?.current_max_send_streams().min(STREAMS_MAX as usize);
        // A server that wants none at all makes the request wait for that to change.
        let has_room = self.streams.get() < most.max(1) && self.is_open();
        has_room.then(|| {
            self.streams.set(self.streams.get() + 1);
            Share { reused: self.progress.get() > 0, session: Rc::clone(self) }
        })
    }

    /// No request begins on it any more; it ends with its last one.
    pub(super) fn retire(&self) {
        // Dropped outside of the borrow: it may wake the connection's task.
        let opener = self.opener.borrow_mut().take();
        drop(opener);
    }

    /// As many others as are kept are idle already.
    pub(super) fn is_surplus(&self) -> bool {
        self.home.upgrade().is_none_or(|home| home.has_surplus())
    }

    pub(super) fn progress(&self) -> u64 {
        self.progress.get()
    }

    /// It ended, for a reason unless the server just closed it.
    pub(super) fn ended(&self, why: Option<String>) {
        self.retire();
        *self.end.borrow_mut() = why;
        if let Some(home) = self.home.upgrade() {
            home.forget(self);
        }
    }

    pub(super) fn attend(&self, task: &Waker) {
        let mut known = self.task.borrow_mut();
        if !known.as_ref().is_some_and(|known| known.will_wake(task)) {
            *known = Some(task.clone());
        }
    }

    fn wake(&self) {
        if let Some(task) = self.task.borrow().as_ref() {
            task.wake_by_ref();
        }
    }
}

/// One request's room on a shared connection, until it is dropped.
#[derive(Debug)]
pub struct Share {
    session: Rc<Session>,
    /// Whether others were answered on it before.
    pub(super) reused: bool,
}

impl Share {
    /// What opens one stream; `None` when the connection has ended meanwhile.
    pub fn opener(&self) -> Option<SendRequest<Bytes>> {
        self.session.opener.borrow().clone()
    }

    pub(super) fn written(&self) -> u64 {
        self.session.wire.written()
    }

    /// Why the connection ended, where that is known better than by its streams.
    pub(super) fn end(&self) -> Option<String> {
        self.session.end.borrow().clone()
    }

    /// A head or a piece of an answer came.
    pub(super) fn progressed(&self) {
        self.session.progress.set(self.session.progress.get() + 1);
    }

    /// The server does not want more requests on this connection.
    pub(super) fn retire(&self) {
        self.session.retire();
    }
}

impl Drop for Share {
    fn drop(&mut self) {
        self.session.streams.set(self.session.streams.get() - 1);
        if self.session.is_idle() {
            self.session.wake();
        }
    }
}
