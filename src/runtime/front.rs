//! The service of one listener in one event loop: whatever configuration is in force.

use std::cell::RefCell;
use std::convert::Infallible;
use std::fmt;
use std::rc::Rc;
use std::task::{Context, Poll};

use tower::Service;

use super::Stack;
use crate::http::Response;
use crate::server::Incoming;

/// Gives each request to the stack of the moment, which it keeps until it has been answered. So a connection
/// outlives any number of reloads, and no request ever sees two of them.
#[derive(Clone)]
pub(super) struct Front(Rc<RefCell<Stack>>);

impl Front {
    pub fn new(stack: Stack) -> Self {
        Self(Rc::new(RefCell::new(stack)))
    }

    /// From the next request on.
    pub fn set(&self, stack: Stack) {
        let former = self.0.replace(stack);
        // Its end may close connections; nothing of this is borrowed by then.
        drop(former);
    }
}

impl fmt::Debug for Front {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Front")
    }
}

impl Service<Incoming> for Front {
    type Response = Response;
    type Error = Infallible;
    type Future = <Stack as Service<Incoming>>::Future;

    fn poll_ready(&mut self, _cx: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, incoming: Incoming) -> Self::Future {
        self.0.borrow_mut().call(incoming)
    }
}
