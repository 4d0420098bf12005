//! A request's way from location to location within its site: as `try` leads, as an application says, and to
//! the page of an error.

use std::rc::Rc;

use ::http::StatusCode;

use super::Location;
use super::failure::{self, Failure, Why};
use super::sender::Sender;
use crate::handler::Outcome;
use crate::http::accel::Handover;
use crate::http::{Cause, Fault, Request, Response, Step as Noted, Target, Witness};
use crate::middleware::{self, Record, ResponseEdits};
use crate::router::Locations;
use crate::runtime::site::Site;

/// How often a request may go from location to location, as in nginx.
const MOST_JUMPS: usize = 10;

/// Where a request has come, and how.
pub(super) struct Journey<'a> {
    locations: &'a Locations<Rc<Location>>,
    site: &'a Site,
    record: &'a Record,
    witness: &'a Witness,
    /// Whether it comes from inside: only for such a request internal locations are there.
    inside: bool,
    /// The application that has led it here.
    sender: Option<Sender<'a>>,
}

/// An answer, and what its location changes of it in the end.
struct Arrival<'a> {
    response: Response,
    edits: ResponseEdits<'a>,
}

/// What follows upon a location's outcome.
enum Step {
    Answer(Response),
    /// On to the location of that index, or else to the one that the path leads to.
    On(Box<Request>, Option<usize>),
}

impl<'a> Journey<'a> {
    pub fn new(
        locations: &'a Locations<Rc<Location>>,
        site: &'a Site,
        record: &'a Record,
        witness: &'a Witness,
    ) -> Self {
        Self { locations, site, record, witness, inside: false, sender: None }
    }

    pub async fn run(mut self, request: Box<Request>) -> Response {
        // A handler consumes its request: only a site that may need it again pays for a copy.
        let spare = self.site.asks_again.then(|| Box::new(request.follow_up()));
        let failure = match self.travel(request, None).await {
            Ok(arrival) => return arrival.finish(),
            Err(failure) => failure,
        };
        failure.report(self.record);
        match (spare, self.site.pages.location(failure.status())) {
            // Boxed, so that a request without an error carries no room for its page.
            (Some(request), Some(page)) => Box::pin(self.show(failure, request, page)).await,
            _ => failure.into_response(&self.site.pages),
        }
    }

    /// Has the location of an error page answer. Where that fails itself, there is a plain page.
    async fn show(mut self, failure: Failure<'a>, request: Box<Request>, page: usize) -> Response {
        self.inside = true;
        let why = match self.travel(request, Some(page)).await {
            Ok(Arrival { mut response, edits }) if is_page(&response) => {
                failure.mark(&mut response);
                return Arrival { response, edits }.finish();
            }
            Ok(arrival) => format!("it answers {}", arrival.response.status.as_u16()),
            Err(failed) => failed.to_string(),
        };
        let detail = format!("the page of status {}: {why}", failure.status().as_u16());
        let fault = Fault::new(Cause::ErrorPageFailed, detail);
        middleware::report(&fault, self.record);
        self.witness.note(|| failure::step(&fault));
        failure.into_response(&self.site.pages)
    }

    async fn travel(
        &mut self,
        mut request: Box<Request>,
        mut index: Option<usize>,
    ) -> Result<Arrival<'a>, Failure<'a>> {
        for _ in 0..MOST_JUMPS {
            let location = match self.locate(&mut request, index) {
                Ok(location) => location,
                Err(fault) => return Err(self.failure(fault.into(), ResponseEdits::default())),
            };
            let edits = ResponseEdits::new(&location.response_headers, &request);
            match self.step(location, location.answer(request, self.witness).await) {
                Ok(Step::Answer(mut response)) => {
                    if let Some(sender) = self.sender.take() {
                        sender.conclude(&mut response);
                    }
                    return Ok(Arrival { response, edits });
                }
                Ok(Step::On(next, named)) => (request, index) = (next, named),
                Err(why) => return Err(self.failure(why, edits)),
            }
        }
        let loops = Fault::new(Cause::RoutingLoop, format!("more than {MOST_JUMPS} locations in a row"));
        Err(self.failure(loops.into(), ResponseEdits::default()))
    }

    fn locate(&self, request: &mut Request, index: Option<usize>) -> Result<&'a Location, Fault> {
        let missing = || Fault::new(Cause::NotFound, "no location matches");
        if let Some(index) = index {
            self.witness.note(|| Noted::Enter(index));
            request.matched = 0;
            return self.locations.get(index).map(Rc::as_ref).ok_or_else(missing);
        }
        self.witness.note(|| Noted::Search(request.target.path.clone()));
        let found = self.locations.find(&request.target.path).ok_or_else(missing)?;
        self.witness.note(|| Noted::Enter(found.index));
        if found.target.internal && !self.inside {
            let place = &found.target.place;
            return Err(Fault::new(Cause::NotFound, format!("the location is internal ({place})")));
        }
        request.matched = found.matched;
        request.captures = found.captures;
        Ok(found.target)
    }

    fn step(&mut self, location: &'a Location, outcome: Result<Outcome, Fault>) -> Result<Step, Why> {
        Ok(match outcome? {
            Outcome::Response(response) => Step::Answer(accept(location, response)?),
            Outcome::Status(status) => return Err(Why::Status(status)),
            Outcome::Location(request, index) => self.go_on(request, Some(index)),
            Outcome::Path(mut request, target) => {
                retarget(&mut request, Target::parse(target)?);
                self.go_on(request, None)
            }
            Outcome::Handover(request, handover) => self.hand_over(location, request, handover)?,
        })
    }

    fn go_on(&mut self, request: Box<Request>, index: Option<usize>) -> Step {
        self.inside = true;
        Step::On(request, index)
    }

    /// Goes where an application leads, even if that is to nowhere: what comes of it is told as its doing.
    fn hand_over(
        &mut self,
        location: &'a Location,
        mut request: Box<Request>,
        handover: Box<Handover>,
    ) -> Result<Step, Fault> {
        let mut sender = Sender::new(handover, &location.place, &request);
        if let Some(earlier) = self.sender.take() {
            sender.follow(earlier);
        }
        let index = self.sender.insert(sender).lead(self.site, &mut request)?;
        Ok(self.go_on(request, index))
    }

    fn failure(&mut self, mut why: Why, edits: ResponseEdits<'a>) -> Failure<'a> {
        let mut tried = if let Why::Fault(fault) = &mut why { fault.upstream.take() } else { None };
        let handover = self.sender.take().map(|sender| sender.fail(&mut why, &mut tried));
        self.witness.note(|| why.step());
        Failure { why, edits, handover, tried }
    }
}

impl Arrival<'_> {
    fn finish(mut self) -> Response {
        self.edits.apply(&mut self.response);
        self.response
    }
}

/// A directory of an internal location is not sent to its slash: nobody outside could follow.
fn accept(location: &Location, response: Response) -> Result<Response, Fault> {
    if location.internal && location.files && response.status == StatusCode::MOVED_PERMANENTLY {
        return Err(Fault::new(Cause::NotFound, "that is a directory"));
    }
    Ok(response)
}

/// Whether an answer can stand for an error: no redirect, no part, and no application that fails as well.
fn is_page(response: &Response) -> bool {
    let failed = response.status.is_server_error() && response.trace.upstream.is_some();
    !failed && !response.status.is_redirection() && response.status != StatusCode::PARTIAL_CONTENT
}

/// What the client asked for stays what `$request_uri` and the log say; an upstream gets the new one.
pub(super) fn retarget(request: &mut Request, target: Target) {
    let raw = std::mem::replace(&mut request.target, target).raw;
    request.target.rewritten = Some(std::mem::replace(&mut request.target.raw, raw));
}
