//! A check by HTTP/2, on a connection of its own.

use ::http::header::{ACCEPT, USER_AGENT};
use ::http::{Request, Version};
use h2::{Reason as Code, RecvStream};

use super::Question;
use super::answer::{host, judge, lacks};
use super::body::Search;
use super::failure::{Failure, Reason};
use crate::http::{Cause, Fault};
use crate::net::Stream;
use crate::upstream::protocol;

/// Asks the server called `label`, and judges its answer.
pub(super) async fn ask(stream: Stream, label: &str, question: &Question) -> Result<(), Failure> {
    let scheme = if stream.is_secure() { "https" } else { "http" };
    let named = |fault: Fault| Failure::new(Reason::Cause(fault.cause), format!("{label}: {}", fault.detail));
    let share = protocol::open(stream).await.map_err(named)?;
    let head = Request::builder()
        .version(Version::HTTP_2)
        .uri(format!("{scheme}://{}{}", host(label, question), question.path))
        .header(USER_AGENT, concat!("rproxy/", env!("CARGO_PKG_VERSION"), " (health check)"))
        .header(ACCEPT, "*/*")
        .body(())
        .map_err(|error| Failure::new(Reason::Cause(Cause::Internal), format!("no such check: {error}")))?;
    let broken = |error: h2::Error| broken(label, &error);
    let mut opener = share.opener().ok_or_else(|| closed(label))?;
    let (response, _) = opener.send_request(head, true).map_err(broken)?;
    let (head, body) = response.await.map_err(broken)?.into_parts();
    judge(head.status, label, question)?;
    match &question.body {
        Some(text) => body_with(body, text, label, &question.path).await,
        None => Ok(()),
    }
}

/// Whether the body contains `text`; no more of it is read than that takes.
async fn body_with(mut body: RecvStream, text: &str, label: &str, path: &str) -> Result<(), Failure> {
    let mut search = Search::new(text);
    while !search.is_over()
        && let Some(data) = body.data().await
    {
        let data = data.map_err(|error| broken(label, &error))?;
        // It fails where the stream has ended, which is as well.
        let _ = body.flow_control().release_capacity(data.len());
        if search.finds(&data) {
            return Ok(());
        }
    }
    Err(lacks(text, search.searched(), label, path))
}

fn broken(label: &str, error: &h2::Error) -> Failure {
    let (cause, what) = match error.reason() {
        Some(code) if error.is_remote() => (Cause::StreamReset, format!("gave a check up ({code:?})")),
        Some(Code::NO_ERROR) | None => return closed(label),
        Some(code) => {
            (Cause::MalformedResponse, format!("sent an answer that is not valid HTTP/2 ({code:?})"))
        }
    };
    Failure::new(Reason::Cause(cause), format!("{label} {what}"))
}

fn closed(label: &str) -> Failure {
    let what = format!("{label} closed the connection before an answer to a check");
    Failure::new(Reason::Cause(Cause::ClosedBeforeAnswer), what)
}
