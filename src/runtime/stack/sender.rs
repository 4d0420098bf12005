//! An application that has another location answer, by `X-Accel-Redirect` or `X-Sendfile`.

use std::rc::Rc;

use ::http::StatusCode;
use bytes::Bytes;

use super::failure::{Why, go_on};
use super::journey::retarget;
use crate::http::accel::{Handover, Lead};
use crate::http::{Captures, Cause, Fault, Handling, Request, Response, Tried};
use crate::runtime::site::Site;

/// What is kept of it until there is an answer.
pub(super) struct Sender<'a> {
    handover: Box<Handover>,
    /// Where its location is written.
    place: &'a str,
    /// Has what its servers did, for the log to find if the client leaves.
    handling: Rc<Handling>,
}

impl<'a> Sender<'a> {
    pub fn new(handover: Box<Handover>, place: &'a str, request: &Request) -> Self {
        let mut sender = Self { handover, place, handling: Rc::clone(&request.handling) };
        if let Some(tried) = sender.handover.tried.take() {
            sender.handling.put(*tried);
        }
        sender
    }

    /// Another has led to this one.
    pub fn follow(&mut self, earlier: Self) {
        self.handover.follow(*earlier.handover);
    }

    /// Sends the request to where this leads, always within the site: the index of a location, or none
    /// where the path is to be matched anew.
    pub fn lead(&self, site: &Site, request: &mut Request) -> Result<Option<usize>, Fault> {
        request.captures = Captures::default();
        request.said = Some(Box::new(self.handover.said().clone()));
        match self.handover.destination.lead()? {
            Lead::Target(target) => {
                retarget(request, target);
                Ok(None)
            }
            Lead::Named(name) => {
                let unknown = || Fault::new(Cause::NotFound, "no location has that name");
                site.named(&name).map(Some).ok_or_else(unknown)
            }
            Lead::File(path) => {
                let outside = || Fault::new(Cause::SendfileOutside, "no internal location has files there");
                let inside = site.inside(&path, request).ok_or_else(outside)?;
                request.target.path = Bytes::from(inside.path);
                Ok(Some(inside.location))
            }
        }
    }

    /// Has the answer say what the application said.
    pub fn conclude(self, response: &mut Response) {
        go_on(self.handling.take(), &mut response.trace.upstream);
        self.handover.apply(response);
    }

    /// Tells of what fails behind it where that came from; and what is kept for the page of the failure.
    pub fn fail(self, why: &mut Why, tried: &mut Option<Box<Tried>>) -> Box<Handover> {
        if let Why::Status(StatusCode::NOT_FOUND) = why {
            *why = Fault::new(Cause::NotFound, "`try` ends in 404").into();
        }
        if let Why::Fault(fault) = why {
            if matches!(fault.cause, Cause::NotFound | Cause::BadPath) {
                fault.cause = Cause::TargetMissing;
            }
            fault.detail = format!("{} of {}: {}", self.handover.destination, self.place, fault.detail);
        }
        go_on(self.handling.take(), tried);
        self.handover
    }
}
