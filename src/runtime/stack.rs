//! The way of a request, outermost first: record, rescue, site, location; then what a location does
//! before and after its handler.

use std::convert::Infallible;
use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};

use tower::Service;

use crate::handler::{Handler, Outcome};
use crate::http::{
    Cause, Client, Fault, HeaderRules, OnEnd, Request, Response, Target, Template, TrustedProxies,
};
use crate::middleware::{self, BodyLimit, Delivery, ErrorPages, Journal, Record, ResponseEdits};
use crate::router::Router;
use crate::server::{Incoming, Refused};

/// How often a request may go from location to location, as in nginx.
const MOST_JUMPS: usize = 10;

/// One event loop's copy of the running configuration, as the service that answers.
#[derive(Clone)]
pub struct Stack(Rc<Inner>);

impl Stack {
    pub(super) fn from_parts(
        router: Router<Rc<Location>>,
        pages: Vec<ErrorPages>,
        trusted: TrustedProxies,
        journal: Journal,
    ) -> Self {
        let journal = Rc::new(journal);
        Self(Rc::new(Inner { router, pages, trusted, journal, no_pages: ErrorPages::default() }))
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
    /// Of each site, by its index.
    pages: Vec<ErrorPages>,
    no_pages: ErrorPages,
    trusted: TrustedProxies,
    journal: Rc<Journal>,
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
}

impl Inner {
    /// Record stands outside of everything, so that what matches nothing is logged with its final status.
    async fn answer(&self, mut request: Box<Request>) -> Response {
        request.client = Client::resolve(&request.connection, &request.headers, &self.trusted);
        let record = Record::of_request(&self.journal, &request);
        let response = match self.router.site(&request.connection.listener, &request.authority.host) {
            Some(site) => self.within_site(site, request, &record).await,
            None => rescue(unknown_host(&request), &self.no_pages, &record),
        };
        close(response, record)
    }

    fn refuse(&self, refused: Refused) -> Response {
        let Refused { connection, line, received, .. } = &refused;
        let record = Record::of_line(&self.journal, connection, line, *received);
        let response = rescue(refused.fault, &self.no_pages, &record);
        close(response, record)
    }

    /// From location to location, as `try` may lead.
    async fn within_site(&self, site: usize, mut request: Box<Request>, record: &Record) -> Response {
        let pages = self.pages.get(site).unwrap_or(&self.no_pages);
        let mut named = None;
        for _ in 0..MOST_JUMPS {
            let Some(location) = self.locate(site, &mut request, named.take()) else {
                return rescue(Fault::new(Cause::NotFound, "no location matches"), pages, record);
            };
            let edits = ResponseEdits::new(&location.response_headers, &request);
            let mut response = match location.answer(request).await {
                Ok(Outcome::Response(response)) => response,
                Ok(Outcome::Status(status)) => middleware::error_page(status, "", pages),
                Ok(Outcome::Location(next, index)) => {
                    request = next;
                    named = Some(index);
                    continue;
                }
                Ok(Outcome::Path(next, target)) => match jump(next, target) {
                    Ok(next) => {
                        request = next;
                        continue;
                    }
                    Err(fault) => rescue(fault, pages, record),
                },
                Err(fault) => rescue(fault, pages, record),
            };
            edits.apply(&mut response);
            return response;
        }
        let loops = format!("more than {MOST_JUMPS} locations in a row");
        rescue(Fault::new(Cause::RoutingLoop, loops), pages, record)
    }

    fn locate(&self, site: usize, request: &mut Request, named: Option<usize>) -> Option<&Location> {
        let locations = self.router.locations(site)?;
        if let Some(index) = named {
            request.matched = 0;
            return locations.get(index).map(Rc::as_ref);
        }
        let found = locations.find(&request.target.path)?;
        request.matched = found.matched;
        request.captures = found.captures;
        Some(found.target)
    }
}

impl Location {
    async fn answer(&self, mut request: Box<Request>) -> Result<Outcome, Fault> {
        // First what can refuse it without looking further.
        middleware::limit_body(&request, &self.limit, &self.place)?;
        if let Some((from, to)) = &self.rewrite {
            request.rewrite(from, to)?;
        }
        let delivered = self.delivery.bind(&request);
        let mut outcome = self.handler.handle(request).await;
        if let Ok(Outcome::Response(response)) = &mut outcome {
            delivered.apply(response);
        }
        outcome
    }
}

fn rescue(fault: Fault, pages: &ErrorPages, record: &Record) -> Response {
    middleware::report(&fault, record);
    middleware::rescue(fault, pages)
}

fn unknown_host(request: &Request) -> Fault {
    let host = String::from_utf8_lossy(&request.authority.raw);
    Fault::new(Cause::UnknownHost, format!("no site for {host:?} on {}", request.connection.listener))
}

/// `try` ended in a path: an internal redirect to it.
fn jump(mut request: Box<Request>, target: bytes::Bytes) -> Result<Box<Request>, Fault> {
    let parsed = Target::parse(target)?;
    // What the client asked for stays what `$request_uri` and the log say; an upstream gets the new one.
    let raw = std::mem::replace(&mut request.target, parsed).raw;
    request.target.rewritten = Some(std::mem::replace(&mut request.target.raw, raw));
    Ok(request)
}

/// The record is written when the last byte is out, or is known never to be.
fn close(mut response: Response, mut record: Record) -> Response {
    record.answered(&mut response);
    response.on_end = OnEnd::new(move |sent| record.sent(sent));
    response
}
