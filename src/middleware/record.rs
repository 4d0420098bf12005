//! What is kept of a request until its end: for its line in the access log, its count, and messages about it.

use std::net::IpAddr;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Instant;

use bytes::Bytes;

use super::access_line::{AccessFormat, AccessLine, Asked};
use super::rescue::report;
use crate::http::{Cause, Connection, Ended, Fault, Handling, Request, Response, Sent, Trace, Unread};
use crate::observe::{Floods, Lines, Shard};

/// Where one event loop's requests are recorded.
#[derive(Debug)]
pub struct Journal {
    pub lines: Lines,
    pub format: Arc<AccessFormat>,
    pub counts: Arc<Shard>,
    pub floods: Arc<Floods>,
}

/// Written and counted when dropped: so is a request whose client left, or which a stop cut off.
#[derive(Debug)]
pub struct Record {
    journal: Rc<Journal>,
    remote: Option<IpAddr>,
    asked: Asked,
    line: AccessLine,
    received: Instant,
    /// `None` until there is a response.
    status: Option<u16>,
    trace: Trace,
    handling: Option<Rc<Handling>>,
    body_bytes: u64,
    bytes: u64,
}

/// nginx's status for a client that closed the connection before there was a response.
const CLIENT_CLOSED: u16 = 499;

impl Record {
    /// Of a request that was understood.
    pub fn of_request(journal: &Rc<Journal>, request: &Request) -> Self {
        let asked = Asked::Request(request.method.clone(), request.target.raw.clone(), request.version);
        let line = if journal.lines.wanted() { journal.format.of_request(request) } else { AccessLine::None };
        let mut record = Self::new(journal, request.client.ip, asked, line, request.received);
        record.handling = Some(Rc::clone(&request.handling));
        record
    }

    /// Of a first line that no request came of.
    pub fn of_line(journal: &Rc<Journal>, connection: &Connection, line: &Bytes, received: Instant) -> Self {
        let unread = Unread { connection, line };
        let asked = Asked::Line(line.clone());
        Self::new(journal, connection.peer.ip(), asked, journal.format.of_unread(unread), received)
    }

    fn new(
        journal: &Rc<Journal>,
        remote: Option<IpAddr>,
        asked: Asked,
        line: AccessLine,
        received: Instant,
    ) -> Self {
        Self {
            journal: Rc::clone(journal),
            remote,
            asked,
            line,
            received,
            status: None,
            trace: Trace::default(),
            handling: None,
            body_bytes: 0,
            bytes: 0,
        }
    }

    /// There is a response, which keeps nothing of how it came about.
    pub fn answered(&mut self, response: &mut Response) {
        self.status = Some(response.status.as_u16());
        self.trace = std::mem::take(&mut response.trace);
    }

    /// The response is over. What had gone wrong before it was sent stays its cause.
    pub fn sent(&mut self, sent: Sent) {
        (self.body_bytes, self.bytes) = (sent.body_bytes, sent.bytes);
        if let Some(fault) = sent.fault {
            self.failed(fault);
        }
    }

    /// Nobody waits for an answer any more.
    fn leave(&mut self) {
        self.trace.upstream = self.handling.as_ref().and_then(|work| work.take());
        let mut detail = Vec::new();
        if let Some(tried) = &self.trace.upstream {
            tried.write_addresses(&mut detail);
        }
        let at = if detail.is_empty() { "" } else { " at " };
        let (waited, servers) = (self.received.elapsed(), String::from_utf8_lossy(&detail));
        let detail = format!("no answer was ready after {waited:.1?}{at}{servers}");
        self.failed(Fault::new(Cause::ClientLeft, detail));
    }

    fn failed(&mut self, fault: Fault) {
        report(&fault, self);
        self.trace.fault.get_or_insert_with(|| Box::new(fault));
    }

    pub(super) fn floods(&self) -> &Floods {
        &self.journal.floods
    }

    /// The request as the access log has it, escaped.
    pub fn request_line(&self) -> String {
        let mut line = Vec::new();
        self.asked.append(&mut line);
        String::from_utf8_lossy(&line).into_owned()
    }

    /// nginx's `$remote_addr`.
    pub fn client_name(&self) -> String {
        self.remote.map_or_else(|| "unix:".to_owned(), |ip| ip.to_string())
    }
}

impl Drop for Record {
    fn drop(&mut self) {
        if self.status.is_none() {
            self.leave();
        }
        let status = self.status.unwrap_or(CLIENT_CLOSED);
        let cause = self.trace.fault.as_ref().map(|fault| fault.cause);
        self.journal.counts.request(status, self.bytes, cause);
        self.journal.lines.push(|out| {
            let Self { trace, body_bytes, bytes, received, .. } = self;
            let (body_bytes, bytes, received) = (*body_bytes, *bytes, *received);
            let ended = Ended { trace, status, body_bytes, bytes, received };
            self.line.append(self.remote, &self.asked, ended, out);
        });
    }
}
