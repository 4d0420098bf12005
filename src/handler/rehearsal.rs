//! Stands in for [`super::Proxy`] where nothing is to be sent: notes what would be.

use std::rc::Rc;

use super::Outcome;
use super::prepare;
use crate::http::{Attempt, HeaderRules, Request, Response, Sending, Step, Witness};
use crate::upstream::Dialer;

/// The handler of a `proxy` location for who asks what would become of a request.
#[derive(Debug)]
pub struct Rehearsal {
    dialer: Rc<Dialer>,
    headers: HeaderRules,
    witness: Witness,
}

impl Rehearsal {
    pub fn new(dialer: Rc<Dialer>, headers: HeaderRules, witness: Witness) -> Self {
        Self { dialer, headers, witness }
    }

    /// An empty answer, for what the location says of any; what the application says is not known.
    pub fn answer(&self, mut request: Box<Request>) -> Outcome {
        let upstream = self.dialer.upstream();
        // As for a request that is sent: the key is made of what the client sent.
        let key = upstream.key(&request);
        prepare::prepare(&mut request, &self.headers);
        let server = self.dialer.destined(&key);
        self.witness.note(|| {
            Step::Send(Box::new(Sending {
                upstream: upstream.name.clone(),
                server: server.map(|server| server.endpoint.label().into()),
                head: self.dialer.preview(&request, server),
            }))
        });
        let mut response = Response::default();
        if let Some(server) = server {
            let tried = response.trace.upstream.get_or_insert_default();
            tried.attempts.push(Attempt::begin(server.endpoint.shared_label()));
        }
        Outcome::Response(response)
    }
}
