//! The shared connections of one event loop to one server.

use std::cell::{Cell, RefCell};
use std::future::Future;
use std::pin::Pin;
use std::rc::Rc;
use std::sync::Arc;

use futures_util::FutureExt;
use futures_util::future::{Shared, WeakShared};
use tokio::time::{Instant, timeout_at};

use super::driver;
use super::session::{Session, Share};
use crate::http::{Cause, Fault};
use crate::net::Stream;
use crate::upstream::Settings;

type Connecting = Pin<Box<dyn Future<Output = Result<Rc<Session>, Rc<Refusal>>>>>;

/// Why there is no connection, for all who wait for it.
#[derive(Debug)]
struct Refusal {
    cause: Cause,
    detail: String,
}

/// Connections with room are used before others are made.
#[derive(Default)]
pub struct Sessions {
    open: RefCell<Vec<Rc<Session>>>,
    /// A connection that is being made, for everybody who needs one meanwhile.
    connecting: RefCell<Option<WeakShared<Connecting>>>,
    /// How many stay idle.
    idle: Cell<usize>,
}

impl Sessions {
    /// Room on a connection that is there. For a request that cannot be `repeated`, one that nobody uses is
    /// looked at more closely: its server may have closed it at this very moment.
    pub fn share(&self, repeated: bool) -> Option<Share> {
        let mut open = self.open.borrow_mut();
        open.retain(|session| session.is_open());
        let is_good = |session: &&Rc<Session>| repeated || !session.is_idle() || session.is_quiet();
        open.iter().filter(is_good).find_map(Session::share)
    }

    /// Room on a new connection. Requests that need one at the same time share it.
    pub async fn connect<F>(
        self: &Rc<Self>,
        label: &Arc<str>,
        settings: &Settings,
        stream: impl Fn() -> F,
    ) -> Result<Share, Fault>
    where
        F: Future<Output = Result<Stream, Fault>> + 'static,
    {
        self.idle.set(settings.idle);
        loop {
            let connecting = self.joined(label, settings, &stream);
            let session =
                connecting.await.map_err(|refusal| Fault::new(refusal.cause, refusal.detail.as_str()))?;
            // Others who waited may have filled it.
            if let Some(share) = session.share().or_else(|| self.share(true)) {
                return Ok(share);
            }
        }
    }

    /// The connection that is being made, or another one.
    fn joined<F>(
        self: &Rc<Self>,
        label: &Arc<str>,
        settings: &Settings,
        stream: impl Fn() -> F,
    ) -> Shared<Connecting>
    where
        F: Future<Output = Result<Stream, Fault>> + 'static,
    {
        let mut connecting = self.connecting.borrow_mut();
        let known = connecting.as_ref().filter(|_| settings.idle > 0).and_then(WeakShared::upgrade);
        if let Some(known) = known.filter(|known| known.peek().is_none()) {
            return known;
        }
        let made: Connecting = Box::pin(Rc::clone(self).make(Arc::clone(label), *settings, stream()));
        let made = made.shared();
        *connecting = made.downgrade();
        made
    }

    async fn make(
        self: Rc<Self>,
        label: Arc<str>,
        settings: Settings,
        stream: impl Future<Output = Result<Stream, Fault>>,
    ) -> Result<Rc<Session>, Rc<Refusal>> {
        let refusal = |fault: Fault| Rc::new(Refusal { cause: fault.cause, detail: fault.detail });
        let end = Instant::now() + settings.connect;
        let stream = stream.await.map_err(refusal)?;
        let begun = timeout_at(end, driver::begin(stream, Rc::downgrade(&self), settings.idle_timeout)).await;
        let session = begun.unwrap_or_else(|_| Err(driver::silent(settings.connect))).map_err(|fault| {
            Rc::new(Refusal { cause: fault.cause, detail: format!("connect to {label}: {}", fault.detail) })
        })?;
        if settings.idle > 0 {
            self.open.borrow_mut().push(Rc::clone(&session));
        }
        Ok(session)
    }

    /// Whether more are idle than are kept.
    pub(super) fn has_surplus(&self) -> bool {
        let open = self.open.borrow();
        open.iter().filter(|session| session.is_idle() && session.is_open()).count() > self.idle.get()
            || self.idle.get() == 0
    }

    pub(super) fn forget(&self, ended: &Session) {
        self.open.borrow_mut().retain(|session| !std::ptr::eq(Rc::as_ptr(session), ended));
    }
}

impl std::fmt::Debug for Sessions {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Sessions").field("open", &self.open.borrow().len()).finish_non_exhaustive()
    }
}
