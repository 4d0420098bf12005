//! `[[test]]`: a request that could be sent, and expectations that could be met.

use std::net::IpAddr;

use ::http::{HeaderName, HeaderValue, Method, StatusCode};

use super::{required, scalar};
use crate::config::model::{Config, Expectation, Expected, Site, Test, WantedHeader};
use crate::config::names;
use crate::config::node::{At, Either, Map};
use crate::config::raw;
use crate::config::report::{ANY, Problem, Report};
use crate::http::Url;
use crate::http::url::parse_method;
use crate::router::{HostPattern, LocationPattern};

/// What a test expects of the site that has no `hosts`.
const DEFAULT: &str = "default";

pub fn test(at: &At<raw::Test>, config: &Config, report: &mut Report) -> Option<Test> {
    let raw = &at.value;
    let help = "write `url = \"http://example.com/\"`, or a path for the default site";
    let url = required("url", raw.url.as_ref(), at.spot, "this `[[test]]`", help, report);
    let url = url.and_then(|url| scalar::parse::<Url>(url, report));
    let method = raw.method.as_ref().map_or(Some(Method::GET), |at| method(at, report));
    let headers = raw.headers.as_ref().map(|at| headers(&at.value, report)).unwrap_or_default();
    let peer = raw.peer.as_ref().and_then(|at| peer(at, report));
    let expected = expected(raw, config, report);
    refuse_contradictions(raw, report);
    if expected.is_empty() && !report.is_unread(at.spot, ANY) && says_nothing(raw) {
        let help = "write what is expected, such as `status = 200` or `location = \"/\"`";
        report.push(Problem::error(at.spot, "this `[[test]]` expects nothing").help(help).absent());
    }
    Some(Test { method: method?, url: url?.value, headers, peer, expected, at: at.spot })
}

fn says_nothing(raw: &raw::Test) -> bool {
    let texts = [&raw.site, &raw.location, &raw.file, &raw.upstream, &raw.uri, &raw.redirect];
    raw.status.is_none() && raw.header.is_none() && texts.iter().all(|text| text.is_none())
}

fn method(at: &At<String>, report: &mut Report) -> Option<Method> {
    parse_method(&at.value).map_err(|message| report.push(Problem::error(at.spot, message))).ok()
}

fn peer(at: &At<String>, report: &mut Report) -> Option<IpAddr> {
    let peer = at.value.parse().ok();
    if peer.is_none() {
        let message = format!("`{}` is not the address of a client", at.value);
        report
            .push(Problem::error(at.spot, message).help("write one like \"203.0.113.9\" or \"2001:db8::9\""));
    }
    peer
}

fn headers(written: &Map<String>, report: &mut Report) -> Vec<(HeaderName, HeaderValue)> {
    written.iter().filter_map(|(name, at)| Some((field(name, at, report)?, value(at, report)?))).collect()
}

/// A field that a test can send: what frames the request is not its to say, and no body is sent.
fn field<T>(name: &str, at: &At<T>, report: &mut Report) -> Option<HeaderName> {
    let parsed = header_name(name, at, report)?;
    let help = match parsed.as_str() {
        "host" => "the host is that of `url`",
        "transfer-encoding" => "no body is sent; `Content-Length` says how long it would be",
        _ => return Some(parsed),
    };
    report.push(Problem::error(at.key, format!("`{name}` cannot stand in `headers`")).help(help));
    None
}

fn header_name<T>(name: &str, at: &At<T>, report: &mut Report) -> Option<HeaderName> {
    let parsed = HeaderName::from_bytes(name.as_bytes()).ok();
    if parsed.is_none() {
        let message = format!("`{name}` is not the name of a header field");
        report.push(Problem::error(at.key, message).help("names are made of letters, digits and `-`"));
    }
    parsed
}

fn value(at: &At<String>, report: &mut Report) -> Option<HeaderValue> {
    let value = HeaderValue::from_str(&at.value).ok();
    if value.is_none() {
        report.push(Problem::error(at.spot, "this is not the value of a header field"));
    }
    value
}

fn expected(raw: &raw::Test, config: &Config, report: &mut Report) -> Vec<Expected> {
    let mut all = Vec::new();
    let mut add = |what: Option<Expectation>, at| all.extend(what.map(|what| Expected { what, at }));
    if let Some(at) = &raw.status {
        add(status(at, report), at.spot);
    }
    if let Some(at) = &raw.site {
        add(site(at, config, report), at.spot);
    }
    if let Some(at) = &raw.location {
        add(location(at, config, report), at.spot);
    }
    for (name, at) in raw.header.iter().flat_map(|map| &map.value) {
        add(header(name, at, report), at.spot);
    }
    if let Some(at) = &raw.file {
        add(scalar::path("file", at, report).map(Expectation::File), at.spot);
    }
    if let Some(at) = &raw.upstream {
        add(upstream(at, config, report), at.spot);
    }
    if let Some(at) = &raw.uri {
        add(uri(at, report), at.spot);
    }
    if let Some(at) = &raw.redirect {
        add(Some(Expectation::Redirect(at.value.clone())), at.spot);
    }
    all
}

fn status(at: &At<i64>, report: &mut Report) -> Option<Expectation> {
    let code = u16::try_from(at.value).ok().filter(|code| (200..=599).contains(code));
    let status = code.and_then(|code| StatusCode::from_u16(code).ok());
    if status.is_none() {
        let message = format!("{} is not the status of an answer", at.value);
        report.push(Problem::error(at.spot, message).help("they go from 200 to 599"));
    }
    status.map(Expectation::Status)
}

fn site(at: &At<String>, config: &Config, report: &mut Report) -> Option<Expectation> {
    let pattern: At<HostPattern> = scalar::parse(at, report)?;
    let hosts = || config.sites.iter().flat_map(|site| &site.hosts);
    if hosts().any(|host| *host == pattern.value) {
        return Some(Expectation::Site(Some(pattern.value)));
    }
    if at.value == DEFAULT {
        return Some(Expectation::Site(None));
    }
    let known: Vec<String> = hosts().map(ToString::to_string).collect();
    let known: Vec<&str> = known.iter().map(String::as_str).chain([DEFAULT]).collect();
    let message = format!("no site has `{}` among its `hosts`", at.value);
    report.push(
        Problem::error(at.spot, message).maybe_help(names::did_you_mean_or_all(&at.value, &known)).absent(),
    );
    None
}

fn location(at: &At<String>, config: &Config, report: &mut Report) -> Option<Expectation> {
    let wanted = scalar::parse::<LocationPattern>(at, report)?.value.to_string();
    let patterns = |site: &Site| site.locations.iter().map(|one| one.pattern.to_string()).collect::<Vec<_>>();
    let known: Vec<String> = config.sites.iter().flat_map(patterns).collect();
    if known.contains(&wanted) {
        return Some(Expectation::Location(wanted));
    }
    let known: Vec<&str> = known.iter().map(String::as_str).collect();
    let message = format!("there is no location `{wanted}`");
    report.push(
        Problem::error(at.spot, message).maybe_help(names::did_you_mean_or_all(&wanted, &known)).absent(),
    );
    None
}

fn header(name: &str, at: &At<Either<bool, String>>, report: &mut Report) -> Option<Expectation> {
    let name = header_name(name, at, report)?;
    let wanted = match &at.value {
        Either::A(false) => WantedHeader::Absent,
        Either::A(true) => WantedHeader::Present,
        Either::B(text) if text.is_empty() => {
            let message = "no header field is expected to be empty";
            report.push(Problem::error(at.spot, message).help("`false` says that it is not there"));
            return None;
        }
        Either::B(text) => {
            value(&at.with(text.clone()), report)?;
            WantedHeader::Value(text.clone())
        }
    };
    Some(Expectation::Header(name, wanted))
}

fn upstream(at: &At<String>, config: &Config, report: &mut Report) -> Option<Expectation> {
    let known: Vec<&str> = config.upstreams.iter().map(|upstream| upstream.name.as_str()).collect();
    if known.contains(&at.value.as_str()) {
        return Some(Expectation::Upstream(at.value.clone()));
    }
    let message = format!("there is no upstream `{}`", at.value);
    report.push(
        Problem::error(at.spot, message).maybe_help(names::did_you_mean_or_all(&at.value, &known)).absent(),
    );
    None
}

fn uri(at: &At<String>, report: &mut Report) -> Option<Expectation> {
    if !at.value.starts_with('/') {
        let message = format!("`{}` is nothing a server is asked for", at.value);
        report.push(
            Problem::error(at.spot, message).help(format!("a path begins with a slash: \"/{}\"", at.value)),
        );
        return None;
    }
    Some(Expectation::Uri(at.value.clone()))
}

/// One request has one answer.
fn refuse_contradictions(raw: &raw::Test, report: &mut Report) {
    let kinds = [
        ("file", raw.file.as_ref().map(|at| at.key)),
        ("upstream", raw.upstream.as_ref().map(|at| at.key)),
        ("uri", raw.uri.as_ref().filter(|_| raw.upstream.is_none()).map(|at| at.key)),
        ("redirect", raw.redirect.as_ref().map(|at| at.key)),
    ];
    let mut found: Vec<_> = kinds.into_iter().filter_map(|(name, key)| Some((name, key?))).collect();
    found.sort_by_key(|(_, key)| *key);
    if let [(first, key), (second, again), ..] = &found[..] {
        let message = format!("an answer has either `{first}` or `{second}`, not both");
        report.push(Problem::error(*again, message).also(*key, "it expects this"));
    }
}
