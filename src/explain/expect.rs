//! What `[[test]]` expects, held against what becomes of its request.

use super::explanation::{Answer, Explanation, Kind};
use super::{Question, session};
use crate::config::model::{Expectation, Expected, Test, WantedHeader};
use crate::config::{Loaded, Spot};

/// Where an expectation is, what is so instead, and why.
type Mistake = (Spot, String, String);

/// Everything that is not as expected.
pub(super) fn mistakes(loaded: &Loaded) -> Vec<Mistake> {
    let Some(first) = loaded.tests.first() else { return Vec::new() };
    let asked = session::run(loaded, async |session| {
        let mut mistakes = Vec::new();
        for test in &loaded.tests {
            let explanation = session.explain(&Question::from(test)).await;
            mistakes.extend(failures(test, &explanation, loaded));
        }
        mistakes
    });
    asked.unwrap_or_else(|error| {
        let help = "a thread and an event queue are needed for it".to_owned();
        vec![(first.at, format!("the tests cannot be run: {error}"), help)]
    })
}

fn failures<'a>(
    test: &'a Test,
    explanation: &'a Explanation,
    loaded: &'a Loaded,
) -> impl Iterator<Item = Mistake> + use<'a> {
    test.expected.iter().filter_map(move |Expected { what, at }| {
        let (message, help) = failure(what, explanation, loaded)?;
        Some((*at, message, help.unwrap_or_else(|| explanation.summary())))
    })
}

/// What is so instead, with a help of its own if the way of the request is none.
fn failure(
    what: &Expectation,
    explanation: &Explanation,
    loaded: &Loaded,
) -> Option<(String, Option<String>)> {
    let answer = &explanation.answer;
    let plain = |message: Option<String>| message.map(|message| (message, None));
    match what {
        Expectation::Status(wanted) => status(wanted.as_u16(), answer),
        Expectation::Site(wanted) => {
            let hosts = explanation.site.as_ref().map(|site| site.hosts.as_slice());
            let is_it = match (hosts, wanted) {
                (Some(hosts), Some(host)) => hosts.contains(&host.to_string()),
                (Some(hosts), None) => hosts.is_empty(),
                (None, _) => false,
            };
            plain((!is_it).then(|| other_site(explanation)))
        }
        Expectation::Location(wanted) => location(wanted, explanation),
        Expectation::Header(name, wanted) => header(name.as_str(), wanted, explanation, loaded),
        Expectation::File(wanted) => plain(file(wanted, answer)),
        Expectation::Upstream(wanted) => {
            let found = answer.upstream.as_ref().map(|sent| sent.name.as_str());
            plain(other("upstream", wanted, found))
        }
        Expectation::Uri(wanted) => {
            plain(other("uri", wanted, answer.upstream.as_ref().map(|sent| sent.uri.as_str())))
        }
        Expectation::Redirect(wanted) => plain(other("redirect", wanted, answer.redirect.as_deref())),
    }
}

fn status(wanted: u16, answer: &Answer) -> Option<(String, Option<String>)> {
    match (answer.status, &answer.upstream) {
        (Some(status), _) if status == wanted => None,
        (Some(status), _) => Some((format!("the status is {status}, not {wanted}"), None)),
        (None, Some(sent)) => Some((
            format!("the status is the application's to say: the upstream `{}` is asked", sent.name),
            Some(format!("write `upstream = \"{}\"` instead of `status`", sent.name)),
        )),
        (None, None) => Some((format!("there is no answer, and so no status {wanted}"), None)),
    }
}

fn other_site(explanation: &Explanation) -> String {
    match &explanation.site {
        Some(site) if site.hosts.is_empty() => format!("the default site ({}) has the request", site.place),
        Some(site) => format!("the site of {} ({}) has the request", site.hosts.join(", "), site.place),
        None => "no site has the request".into(),
    }
}

fn location(wanted: &str, explanation: &Explanation) -> Option<(String, Option<String>)> {
    let found = explanation.location.as_ref();
    if found.is_some_and(|found| found.r#match == wanted) {
        return None;
    }
    let message = match found {
        Some(found) => format!("`{}` ({}) has the request, not `{wanted}`", found.r#match, found.place),
        None => format!("no location has the request, so not `{wanted}`"),
    };
    let lost = explanation.why_not(wanted);
    Some((message, lost.map(|lost| format!("`{wanted}` ({}) loses: {}", lost.location.place, lost.why))))
}

/// Of an application's answer it is only known what the location makes of it.
fn header(
    name: &str,
    wanted: &WantedHeader,
    explanation: &Explanation,
    loaded: &Loaded,
) -> Option<(String, Option<String>)> {
    let answer = &explanation.answer;
    let named = answer.headers.iter().filter(|(known, _)| known.eq_ignore_ascii_case(name));
    let values: Vec<&str> = named.map(|(_, value)| value.as_str()).collect();
    let shown = || format!("`{name}` is \"{}\"", values.join("\" and \""));
    match wanted {
        WantedHeader::Value(value) if values.contains(&value.as_str()) => return None,
        WantedHeader::Present if !values.is_empty() => return None,
        WantedHeader::Absent if !values.is_empty() => {
            return Some((format!("{}, and should not be there", shown()), None));
        }
        WantedHeader::Value(value) if !values.is_empty() => {
            return Some((format!("{}, not \"{value}\"", shown()), None));
        }
        _ => {}
    }
    let is_told = answer.kind == Kind::Proxy && !is_removed(name, explanation, loaded);
    match (wanted, &answer.upstream) {
        (_, Some(sent)) if is_told => Some((
            format!("`{name}` is the application's to say: the upstream `{}` is asked", sent.name),
            Some("only what `headers.response` and `cache_control` make of its answer is known".into()),
        )),
        (WantedHeader::Absent, _) => None,
        _ => Some((format!("`{name}` is not in the answer"), None)),
    }
}

/// Whether the location takes the field out of whatever is answered.
fn is_removed(name: &str, explanation: &Explanation, loaded: &Loaded) -> bool {
    let Some(found) = &explanation.location else { return false };
    let locations = loaded.config.sites.iter().flat_map(|site| &site.locations);
    let mut same = locations.filter(|one| super::why::place(&one.origin) == found.place);
    same.any(|one| one.response_headers.remove.iter().any(|removed| removed == name))
}

fn file(wanted: &std::path::Path, answer: &Answer) -> Option<String> {
    let Some(found) = answer.file.as_deref().filter(|_| answer.kind == Kind::File) else {
        return Some(format!("no file is sent, so not {}", wanted.display()));
    };
    let real = |path: &std::path::Path| path.canonicalize().unwrap_or_else(|_| path.to_owned());
    (real(wanted) != real(found.as_ref())).then(|| format!("{found} is sent, not {}", wanted.display()))
}

fn other(key: &str, wanted: &str, found: Option<&str>) -> Option<String> {
    match found {
        Some(found) if found == wanted => None,
        Some(found) => Some(format!("`{key}` is {found}, not {wanted}")),
        None => Some(format!("there is no `{key}`, so not {wanted}")),
    }
}
