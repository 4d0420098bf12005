//! What the answer is, from where the request's way has ended and what was answered there.

use ::http::header::LOCATION;
use bytes::Bytes;

use super::explanation::{Answer, Failure, Kind, Sent};
use super::session::Session;
use super::story::Way;
use super::why;
use crate::config::model::{Action, ErrorPage};
use crate::http::{Response, Sending};

/// `written` is the response with its head; `None` if there is none.
pub(super) fn answer(way: &Way, session: &Session<'_>, written: Option<(Response, Bytes)>) -> Answer {
    let sent = way.sending.as_ref().map(|sending| sent(sending, session));
    let Some((response, head)) = written else { return silent() };
    let kind = kind(way, session, &response);
    let status = response.status.as_u16();
    let location = response.headers.get(LOCATION).map(|value| lossy(value.as_bytes()));
    // Whether an application answers or fails, the page of an error has the status of that error.
    let is_known = kind != Kind::Proxy || way.error.is_some();
    Answer {
        kind,
        status: is_known.then_some(status),
        headers: fields(&head, |name| {
            !is_of_the_connection(name) && (kind != Kind::Proxy || !is_length(name))
        }),
        body_length: response.body.length().filter(|_| kind != Kind::Proxy),
        file: way.file.clone(),
        twin: way.twin.clone(),
        redirect: location.filter(|_| response.status.is_redirection()),
        page: page(way, session, status).filter(|_| kind == Kind::Error),
        error: way.error.as_ref().map(|Failure { status, cause, detail }| Failure {
            status: *status,
            cause: *cause,
            detail: detail.clone(),
        }),
        upstream: sent,
    }
}

/// Nothing has answered in time.
fn silent() -> Answer {
    let detail = "the disk or the mount that the request leads to does not answer".to_owned();
    Answer {
        kind: Kind::Error,
        status: None,
        headers: Vec::new(),
        body_length: None,
        file: None,
        twin: None,
        redirect: None,
        page: None,
        error: Some(Failure { status: 504, cause: None, detail }),
        upstream: None,
    }
}

fn kind(way: &Way, session: &Session<'_>, response: &Response) -> Kind {
    let site = way.site.and_then(|index| session.loaded.config.sites.get(index));
    let location = site.and_then(|site| site.locations.get(way.location?));
    match location.map(|location| &location.action) {
        _ if way.failed => Kind::Error,
        None if way.secured => Kind::Redirect,
        None => Kind::Error,
        Some(Action::Proxy(_)) => Kind::Proxy,
        Some(Action::Redirect { .. }) => Kind::Redirect,
        Some(Action::Respond { .. }) => Kind::Respond,
        Some(Action::Files(_)) if way.file.is_some() => Kind::File,
        // A directory is sent to its slash.
        Some(Action::Files(_)) if response.status.is_redirection() => Kind::Redirect,
        Some(Action::Files(_)) => Kind::Listing,
    }
}

fn sent(sending: &Sending, session: &Session<'_>) -> Sent {
    let upstreams = &session.loaded.config.upstreams;
    let upstream = upstreams.iter().find(|one| *one.name == *sending.upstream);
    let servers = upstream.iter().flat_map(|one| &one.servers).map(|server| server.address.to_string());
    let head = lossy(&sending.head);
    let request_line = head.split("\r\n").next().unwrap_or_default().to_owned();
    Sent {
        name: sending.upstream.to_string(),
        place: upstream.map(|one| why::place(&one.origin)).unwrap_or_default(),
        servers: servers.collect(),
        server: sending.server.as_deref().map(str::to_owned),
        uri: request_line.split(' ').nth(1).unwrap_or_default().to_owned(),
        request_line,
        headers: fields(&sending.head, |_| true),
    }
}

/// The page that the site has for a status, if it can be read.
fn page(way: &Way, session: &Session<'_>, status: u16) -> Option<String> {
    let pages = &session.loaded.config.sites.get(way.site?)?.errors;
    match pages.exact.get(&status).or_else(|| pages.class.get(&(status / 100)))? {
        ErrorPage::File(path) => std::fs::read(path).is_ok().then(|| path.display().to_string()),
        ErrorPage::Location(_) => None,
    }
}

/// The fields of a head, as they are written.
fn fields(head: &[u8], wanted: impl Fn(&str) -> bool) -> Vec<(String, String)> {
    let head = lossy(head);
    let lines = head.split("\r\n").skip(1).filter_map(|line| line.split_once(": "));
    lines.filter(|(name, _)| wanted(name)).map(|(name, value)| (name.to_owned(), value.to_owned())).collect()
}

/// Other answers have others.
fn is_of_the_connection(name: &str) -> bool {
    ["date", "connection"].iter().any(|other| name.eq_ignore_ascii_case(other))
}

fn is_length(name: &str) -> bool {
    name.eq_ignore_ascii_case("content-length")
}

pub(super) fn lossy(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}
