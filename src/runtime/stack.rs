//! The way of a request, outermost first: record, rescue, site, location; then what a location does
//! before and after its handler.

mod failure;
mod journey;
mod secure;
mod sender;
#[cfg(test)]
mod tests;

use std::any::Any;
use std::convert::Infallible;
use std::fmt;
use std::future::Future;
use std::panic::AssertUnwindSafe;
use std::pin::Pin;
use std::rc::Rc;
use std::sync::Arc;
use std::task::{Context, Poll};

use futures_util::FutureExt;
use tower::Service;

use self::journey::Journey;
use super::site::Site;
use crate::handler::{Handler, Outcome};
use crate::http::{
    Cause, Client, Fault, HeaderRules, OnEnd, Request, Response, Step, Template, TrustedProxies, Witness,
};
use crate::middleware::{self, BodyLimit, Delivery, ErrorPages, Journal, Record};
use crate::observe::panic_message;
use crate::router::{Locations, Router};
use crate::server::{Incoming, Refused};
use crate::tls::Challenges;

/// One event loop's copy of the running configuration, as the service that answers.
#[derive(Clone)]
pub struct Stack(Rc<Inner>);

impl Stack {
    pub(super) fn from_parts(
        router: Router<Rc<Location>>,
        sites: Vec<Arc<Site>>,
        trusted: TrustedProxies,
        challenges: Arc<Challenges>,
        journal: Journal,
        witness: Witness,
    ) -> Self {
        let journal = Rc::new(journal);
        Self(Rc::new(Inner { router, sites, trusted, challenges, journal, witness }))
    }
}

impl fmt::Debug for Stack {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Stack")
    }
}

impl Service<Incoming> for Stack {
    type Response = Response;
    type Error = Infallible;
    type Future = Pin<Box<dyn Future<Output = Result<Response, Infallible>>>>;

    fn poll_ready(&mut self, _cx: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, incoming: Incoming) -> Self::Future {
        let inner = Rc::clone(&self.0);
        Box::pin(async move {
            Ok(match incoming {
                Incoming::Request(request) => inner.answer(request).await,
                Incoming::Refused(refused) => inner.refuse(*refused),
            })
        })
    }
}

struct Inner {
    router: Router<Rc<Location>>,
    /// By their index, as in the router.
    sites: Vec<Arc<Site>>,
    trusted: TrustedProxies,
    challenges: Arc<Challenges>,
    journal: Rc<Journal>,
    witness: Witness,
}

/// A compiled `[[site.location]]`.
pub(super) struct Location {
    pub handler: Handler,
    pub limit: BodyLimit,
    /// `file:line`, for messages about its limits.
    pub place: String,
    pub rewrite: Option<(regex::bytes::Regex, Template)>,
    pub response_headers: HeaderRules,
    pub delivery: Delivery,
    /// Not to be reached from outside.
    pub internal: bool,
    /// Whether it serves files.
    pub files: bool,
}

impl Inner {
    /// Record stands outside of everything, so that what matches nothing is logged with its final status.
    async fn answer(&self, mut request: Box<Request>) -> Response {
        request.client = Client::resolve(&request.connection, &request.headers, &self.trusted);
        let record = Record::of_request(&self.journal, &request);
        let response = match self.challenge(&request).await {
            Some(response) => response,
            None => self.respond(request, &record).await,
        };
        close(response, record)
    }

    async fn respond(&self, request: Box<Request>, record: &Record) -> Response {
        let Some((locations, site)) = self.site(&request) else {
            return self.rescue(unknown_host(&request), record);
        };
        if let Some(fault) = Self::misdirected(&request, site) {
            let mut response = self.rescue(fault, record);
            // A client that does not know the status would ask here for ever.
            response.closes = true;
            return response;
        }
        match secure::upgraded(&request, site) {
            Ok(None) => {}
            Ok(Some(response)) => {
                self.witness.note(|| Step::Secure);
                return response;
            }
            Err(fault) => return self.rescue(fault, record),
        }
        let scheme = request.client.scheme;
        let answer = Journey::new(locations, site, record, &self.witness).run(request);
        let mut response = match AssertUnwindSafe(answer).catch_unwind().await {
            Ok(response) => response,
            Err(panic) => self.rescue(bug(&*panic), record),
        };
        secure::strict(&mut response, site, scheme);
        response
    }

    fn site(&self, request: &Request) -> Option<(&Locations<Rc<Location>>, &Site)> {
        let index = self.router.site(&request.connection.listener, &request.authority.host)?;
        self.witness.note(|| Step::Site(index));
        Some((self.router.locations(index)?, self.sites.get(index)?))
    }

    fn refuse(&self, refused: Refused) -> Response {
        let Refused { connection, line, received, .. } = &refused;
        let record = Record::of_line(&self.journal, connection, line, *received);
        let response = self.rescue(refused.fault, &record);
        close(response, record)
    }

    /// For what belongs to no site.
    fn rescue(&self, fault: Fault, record: &Record) -> Response {
        middleware::report(&fault, record);
        self.witness.note(|| failure::step(&fault));
        middleware::rescue(fault, &ErrorPages::default())
    }
}

impl Location {
    async fn answer(&self, mut request: Box<Request>, witness: &Witness) -> Result<Outcome, Fault> {
        // First what can refuse it without looking further.
        middleware::limit_body(&request, &self.limit, &self.place)?;
        if let Some((from, to)) = &self.rewrite {
            let rewritten = request.rewrite(from, to)?;
            witness.note(|| if rewritten { rewrite(&request) } else { Step::Keep });
        }
        let delivered = self.delivery.bind(&request);
        let mut outcome = self.handler.handle(request).await;
        if let Ok(Outcome::Response(response)) = &mut outcome {
            delivered.apply(response);
        }
        outcome
    }
}

fn rewrite(request: &Request) -> Step {
    Step::Rewrite { path: request.target.path.clone(), target: request.target.upstream().clone() }
}

/// What a request is told that a bug of ours has ended. What it held is dropped, and nobody else saw it.
fn bug(panic: &(dyn Any + Send)) -> Fault {
    Fault::new(Cause::Internal, format!("the request ended by a panic: {}", panic_message(panic)))
}

fn unknown_host(request: &Request) -> Fault {
    let host = String::from_utf8_lossy(&request.authority.raw);
    Fault::new(Cause::UnknownHost, format!("no site for {host:?} on {}", request.connection.listener))
}

/// The record is written when the last byte is out, or is known never to be.
fn close(mut response: Response, mut record: Record) -> Response {
    record.answered(&mut response);
    response.on_end = OnEnd::new(move |sent| record.sent(sent));
    response
}
