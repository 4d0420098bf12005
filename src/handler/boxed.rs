//! The one seam of dynamic dispatch on a request's way.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::rc::Rc;

use tower::Service;

use super::Outcome;
use crate::http::{Fault, Request};

type Answer = Pin<Box<dyn Future<Output = Result<Outcome, Fault>>>>;

/// A location's handler, whatever its kind: boxed once per request, here, and not once per layer.
#[derive(Clone)]
pub struct Handler(Rc<dyn Fn(Box<Request>) -> Answer>);

impl Handler {
    /// Any service of requests that is cheap to clone. It is always ready: handlers have no queue.
    pub fn new<S>(service: S) -> Self
    where
        S: Service<Box<Request>, Response = Outcome, Error = Fault> + Clone + 'static,
    {
        Self(Rc::new(move |request| {
            let mut service = service.clone();
            Box::pin(async move { service.call(request).await })
        }))
    }

    pub async fn handle(&self, request: Box<Request>) -> Result<Outcome, Fault> {
        (self.0)(request).await
    }
}

impl fmt::Debug for Handler {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Handler")
    }
}
