//! Templates between request and answer.

use std::time::Instant;

use ::http::HeaderValue;
use bytes::Bytes;
use smallvec::SmallVec;

use super::log_escape::Escape;
use super::template::{Piece, Template, into_header_value};
use super::tried::write_seconds;
use super::variable::{Known, Variable};
use super::{Connection, Request, Scope, Trace, Tried, log_time};

/// A template that has taken what it needs of the request, which may then go, and awaits the answer.
#[derive(Debug)]
pub struct Bound {
    /// All that is known already.
    text: Vec<u8>,
    /// What is not, with its place in the text.
    late: SmallVec<[(usize, Known); 8]>,
    escape: Escape,
}

/// What is known once the last byte is out, or will never be.
#[derive(Clone, Copy, Debug)]
pub struct Ended<'a> {
    pub trace: &'a Trace,
    /// nginx's 499 has no name in HTTP, so this is a number.
    pub status: u16,
    pub body_bytes: u64,
    pub bytes: u64,
    /// When the first byte of the request was here.
    pub received: Instant,
}

/// What stands for a request where none could be read.
#[derive(Clone, Copy, Debug)]
pub struct Unread<'a> {
    pub connection: &'a Connection,
    /// Its first line, as far as it came.
    pub line: &'a [u8],
}

impl Template {
    /// Binds to a request whose answer will be a header field's value.
    pub fn bind(&self, request: &Request) -> Bound {
        self.bind_with(request, Escape::Nothing)
    }

    /// Binds to a request for its line in a log.
    pub fn bind_with(&self, request: &Request, escape: Escape) -> Bound {
        let scope = Scope::from(request);
        self.bind_by(escape, |variable, out| scope.write(variable, out))
    }

    /// Binds to what could not be read as a request, of which most variables are unknown.
    pub fn bind_unread(&self, unread: Unread<'_>, escape: Escape) -> Bound {
        self.bind_by(escape, |variable, out| match variable {
            Variable::Known(Known::RequestLine) => out.extend_from_slice(unread.line),
            Variable::Known(known) => unread.connection.write(*known, out),
            _ => {}
        })
    }

    fn bind_by(&self, escape: Escape, write: impl Fn(&Variable, &mut Vec<u8>)) -> Bound {
        let mut bound = Bound { text: Vec::with_capacity(256), late: SmallVec::new(), escape };
        let mut value = Vec::new();
        for piece in self.pieces() {
            match piece {
                Piece::Literal(text) => bound.text.extend_from_slice(text),
                Piece::Variable(Variable::Known(known)) if known.is_late() => {
                    bound.late.push((bound.text.len(), *known));
                }
                Piece::Variable(variable) => {
                    value.clear();
                    write(variable, &mut value);
                    escape.append(&value, variable.is_number(), &mut bound.text);
                }
            }
        }
        bound
    }
}

impl Bound {
    /// The text as a field's value, by the rules of [`Template::render_header`].
    pub fn render_header(&self, trace: &Trace) -> HeaderValue {
        let mut out = Vec::with_capacity(self.text.len() + 32);
        self.render(&mut out, |known, out| write_answer(trace, known, out));
        into_header_value(&Bytes::from(out))
    }

    /// The text with everything that is known in the end.
    pub fn append(&self, ended: Ended<'_>, out: &mut Vec<u8>) {
        self.render(out, |known, out| ended.write(known, out));
    }

    fn render(&self, out: &mut Vec<u8>, write: impl Fn(Known, &mut Vec<u8>)) {
        let (mut from, mut value) = (0, Vec::new());
        for (place, known) in &self.late {
            out.extend_from_slice(self.text.get(from..*place).unwrap_or_default());
            from = *place;
            value.clear();
            write(*known, &mut value);
            self.escape.append(&value, known.is_number(), out);
        }
        out.extend_from_slice(self.text.get(from..).unwrap_or_default());
    }
}

impl Ended<'_> {
    fn write(self, known: Known, out: &mut Vec<u8>) {
        let mut number = |number: u64| out.extend_from_slice(itoa::Buffer::new().format(number).as_bytes());
        match known {
            Known::Status => number(self.status.into()),
            Known::BodyBytesSent => number(self.body_bytes),
            Known::BytesSent => number(self.bytes),
            Known::RequestTime => write_seconds(self.received.elapsed(), out),
            _ => write_answer(self.trace, known, out),
        }
    }
}

/// What an answer knows before it is sent.
fn write_answer(trace: &Trace, known: Known, out: &mut Vec<u8>) {
    let mut tried = |write: fn(&Tried, &mut Vec<u8>)| {
        if let Some(tried) = &trace.upstream {
            write(tried, out);
        }
    };
    match known {
        Known::UpstreamAddr => tried(Tried::write_addresses),
        Known::UpstreamStatus => tried(Tried::write_statuses),
        Known::UpstreamHeaderTime => tried(Tried::write_header_times),
        Known::UpstreamResponseTime => tried(Tried::write_response_times),
        Known::QueueTime => tried(Tried::write_queue_time),
        Known::Cause => {
            if let Some(fault) = &trace.fault {
                out.extend_from_slice(fault.cause.name().as_bytes());
            }
        }
        Known::TimeLocal => log_time::append_time_local(out),
        Known::TimeIso8601 => log_time::append_time_iso8601(out),
        Known::Msec => log_time::append_msec(out),
        _ => {}
    }
}
