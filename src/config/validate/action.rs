//! What a location answers by itself: redirects and fixed answers.

use ::http::{HeaderValue, StatusCode};
use regex::bytes::Regex;

use super::location::before_the_answer;
use super::{required, scalar};
use crate::config::model::Action;
use crate::config::node::At;
use crate::config::raw;
use crate::config::report::{Problem, Report};
use crate::http::Template;

const REDIRECTS: [u16; 5] = [301, 302, 303, 307, 308];

const TYPE: &str = "text/plain; charset=utf-8";

pub fn redirect(at: &At<raw::Redirect>, regex: Option<&Regex>, report: &mut Report) -> Option<Action> {
    let status = at.value.status.as_ref().map_or(Some(StatusCode::FOUND), |at| redirect_status(at, report));
    let help = "write `redirect = { to = \"/new\" }`";
    let to = required("to", at.value.to.as_ref(), at.spot, "`redirect`", help, report)?;
    if to.value.is_empty() {
        report.push(Problem::error(to.spot, "`to` is empty").help(help));
    }
    let to = before_the_answer(to, regex, report);
    Some(Action::Redirect { to: to?, status: status? })
}

fn redirect_status(at: &At<i64>, report: &mut Report) -> Option<StatusCode> {
    let code = u16::try_from(at.value).ok().filter(|code| REDIRECTS.contains(code));
    if code.is_none() {
        let message = format!("{} is not the status of a redirect", at.value);
        report.push(Problem::error(at.spot, message).help("there is 301, 302, 303, 307 and 308"));
    }
    code.and_then(|code| StatusCode::from_u16(code).ok())
}

pub fn respond(at: &At<raw::Respond>, regex: Option<&Regex>, report: &mut Report) -> Option<Action> {
    let raw = &at.value;
    let status = scalar::integer("status", raw.status.as_ref(), 200..=599, 200, report);
    let mut text = |written: &Option<At<String>>, default: &str| match written {
        None => Some(Template::literal(default)),
        Some(at) => before_the_answer(at, regex, report),
    };
    let body = text(&raw.body, "");
    let content_type = text(&raw.content_type, TYPE);
    if let Some(at) = raw
        .content_type
        .as_ref()
        .filter(|at| HeaderValue::from_str(&at.value).is_err() || at.value.is_empty())
    {
        report.push(Problem::error(at.spot, "this is not the value of a header field"));
    }
    if let Some(at) = raw.body.as_ref().filter(|at| matches!(status, 204 | 304) && !at.value.is_empty()) {
        // RFC 9110 15.3.5 and 15.4.5.
        report.push(Problem::error(at.spot, format!("an answer with status {status} has no body")));
    }
    Some(Action::Respond {
        status: StatusCode::from_u16(status).ok()?,
        body: body?,
        content_type: content_type?,
    })
}
