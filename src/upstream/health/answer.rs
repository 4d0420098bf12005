//! The answer to a check, read as strictly as any other.

use std::io;

use ::http::{Method, StatusCode};
use bytes::BytesMut;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use super::Question;
use super::body::{Body, Piece, Search};
use super::failure::{Failure, Reason};
use super::over_http2;
use crate::http::Cause;
use crate::http::wire::fields::find_head_end;
use crate::http::wire::{ResponseHead, WireError, check_start, framing};
use crate::net::Stream;

const MAX_HEAD: usize = 64 * 1024;
const MAX_INTERIM: usize = 32;
const READ: usize = 4 * 1024;

/// Asks the server called `label`, and judges its answer.
pub(super) async fn ask(stream: Stream, label: &str, question: &Question) -> Result<(), Failure> {
    if question.http2 {
        return over_http2::ask(stream, label, question).await;
    }
    let mut exchange = Exchange { stream, input: BytesMut::new(), label };
    exchange.send(question).await?;
    let head = exchange.final_head().await?;
    judge(head.status, label, question)?;
    match &question.body {
        Some(text) => exchange.body_with(&head, text, &question.path).await,
        None => Ok(()),
    }
}

/// Whether that status passes.
pub(super) fn judge(status: StatusCode, label: &str, question: &Question) -> Result<(), Failure> {
    let (path, set) = (&question.path, &question.status);
    if set.contains(status) {
        return Ok(());
    }
    let what = format!("{label} answered {} to GET {path}, where {set} passes", status.as_u16());
    Err(Failure::new(Reason::Status, what))
}

/// The body did not have what it should.
pub(super) fn lacks(text: &str, searched: usize, label: &str, path: &str) -> Failure {
    let what =
        format!("{label} answered GET {path} without {text:?} in the first {searched} bytes of its body");
    Failure::new(Reason::Body, what)
}

/// Whom a check asks for.
pub(super) fn host<'a>(label: &'a str, question: &'a Question) -> &'a str {
    match &question.host {
        Some(host) => host,
        None if label.starts_with("unix:") => "localhost",
        None => label,
    }
}

/// One question and its answer on a connection of their own.
struct Exchange<'a> {
    stream: Stream,
    input: BytesMut,
    label: &'a str,
}

impl Exchange<'_> {
    async fn send(&mut self, question: &Question) -> Result<(), Failure> {
        let host = host(self.label, question);
        let (path, version) = (&question.path, env!("CARGO_PKG_VERSION"));
        let head = format!(
            "GET {path} HTTP/1.1\r\nHost: {host}\r\nUser-Agent: rproxy/{version} (health check)\r\n\
             Accept: */*\r\nConnection: close\r\n\r\n"
        );
        self.stream.write_all(head.as_bytes()).await.map_err(|error| self.closed(&error))
    }

    /// Interim answers (RFC 9110 15.2) are skipped.
    async fn final_head(&mut self) -> Result<ResponseHead, Failure> {
        for _ in 0..=MAX_INTERIM {
            let head = self.head().await?;
            match head.status {
                StatusCode::SWITCHING_PROTOCOLS => {
                    return Err(
                        self.fault(Cause::UnaskedUpgrade, "answered 101, but no upgrade was asked for")
                    );
                }
                status if status.is_informational() => {}
                _ => return Ok(head),
            }
        }
        let what = format!("sent more than {MAX_INTERIM} interim (1xx) answers and no final one");
        Err(self.fault(Cause::MalformedResponse, &what))
    }

    async fn head(&mut self) -> Result<ResponseHead, Failure> {
        let mut searched = 0;
        loop {
            let end = find_head_end(&self.input, searched).map_err(|error| self.malformed(error))?;
            if end.unwrap_or(self.input.len()) > MAX_HEAD {
                let what = format!("sent a head of more than {MAX_HEAD} bytes");
                return Err(self.fault(Cause::ResponseHeaderTooLarge, &what));
            }
            if let Some(end) = end {
                let head = self.input.split_to(end).freeze();
                return ResponseHead::parse(&head).map_err(|error| self.malformed(error));
            }
            check_start(&self.input).map_err(|error| self.malformed(error))?;
            searched = self.input.len();
            if self.fill().await.map_err(|error| self.closed(&error))? == 0 {
                return Err(self
                    .fault(Cause::ClosedBeforeAnswer, "closed the connection before an answer to a check"));
            }
        }
    }

    /// Whether the body contains `text`; no more of it is read than that takes.
    async fn body_with(&mut self, head: &ResponseHead, text: &str, path: &str) -> Result<(), Failure> {
        let length = framing::of_response(&Method::GET, head.status, head.version, &head.headers);
        let mut body = Body::new(length.map_err(|error| self.malformed(error))?);
        let mut search = Search::new(text);
        while !search.is_over() {
            match body.take(&mut self.input).map_err(|error| self.malformed(error))? {
                Piece::Data(data) if search.finds(&data) => return Ok(()),
                Piece::Data(_) => {}
                Piece::NeedMore if self.more_of(&body).await? => {}
                Piece::NeedMore | Piece::End => break,
            }
        }
        Err(lacks(text, search.searched(), self.label, path))
    }

    /// Reads on; false at an orderly end.
    async fn more_of(&mut self, body: &Body) -> Result<bool, Failure> {
        let how = match self.fill().await {
            Ok(0) if body.ends_with_connection() => return Ok(false),
            Ok(0) => "closed the connection within its answer".to_owned(),
            Ok(_) => return Ok(true),
            Err(error) => format!("broke the connection within its answer ({error})"),
        };
        Err(self.fault(Cause::ResponseCutShort, &how))
    }

    async fn fill(&mut self) -> io::Result<usize> {
        self.input.reserve(READ);
        self.stream.read_buf(&mut self.input).await
    }

    fn fault(&self, cause: Cause, what: &str) -> Failure {
        Failure::new(Reason::Cause(cause), format!("{} {what}", self.label))
    }

    fn closed(&self, error: &io::Error) -> Failure {
        self.fault(
            Cause::ClosedBeforeAnswer,
            &format!("broke the connection before an answer to a check ({error})"),
        )
    }

    fn malformed(&self, error: WireError) -> Failure {
        self.fault(Cause::MalformedResponse, &format!("sent an answer that is not valid: {error}"))
    }
}
