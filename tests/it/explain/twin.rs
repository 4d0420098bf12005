//! A running site, and the same file to be asked what it would do.

use std::fmt::Write;
use std::fs;

use rproxy::config::{Loaded, load};
use rproxy::explain::{Question, explain};
use serde_json::Value;

use super::corpus::{LOCATIONS, site};
use crate::support::origin::Received;
use crate::support::{Client, Origin, Proxy, Response};

#[derive(Debug)]
pub struct Case<'a> {
    pub method: &'a str,
    pub target: &'a str,
    pub host: &'a str,
    pub fields: &'a [(&'a str, &'a str)],
    pub peer: &'a str,
}

/// A running site, and the same file to be asked.
pub struct Twin {
    proxy: Proxy,
    origin: Origin,
    loaded: Loaded,
}

impl Twin {
    pub fn start() -> Self {
        let origin = Origin::answering("HTTP/1.1 200 OK\r\nContent-Length: 2\r\nX-Origin: yes\r\n\r\nok");
        let proxy = site(&origin).start();
        let loaded = load(&proxy.dir().join("site.toml")).unwrap();
        Self { proxy, origin, loaded }
    }

    /// Asks both, and says where they differ; or else what they agree on.
    pub fn compare(&self, case: &Case<'_>) -> Result<Value, String> {
        let told = explained(&self.loaded, case);
        let before = self.origin.requests().len();
        let live = ask(&self.proxy, case);
        let received = self.origin.requests().split_off(before);
        match differences(case, &told, &live, &received) {
            Ok(()) => Ok(told),
            Err(what) => {
                let received: Vec<&str> = received.iter().map(|one| one.head.as_str()).collect();
                Err(format!(
                    "{case:?}: {what}\nexplained: {told:#}\nlive: {live:#?}\nreceived: {received:#?}"
                ))
            }
        }
    }
}

fn differences(case: &Case<'_>, told: &Value, live: &Response, received: &[Received]) -> Result<(), String> {
    let answer = &told["answer"];
    same("asked", answer["kind"] == "proxy", received.len() == 1)?;
    // What the origin answers.
    let status = if answer["status"].is_null() { Value::from(200) } else { answer["status"].clone() };
    same("status", status, live.status)?;
    if let Some(shown) = live.header("x-location") {
        let pattern = shown.parse::<usize>().map_or("/only", |index| LOCATIONS[index].0);
        same("location", told["location"]["match"].clone(), pattern)?;
    }
    match received {
        [received] => differences_of_sent(answer, live, received),
        _ => differences_of_own(answer, live, case.method == "HEAD"),
    }
}

fn differences_of_own(answer: &Value, live: &Response, is_head: bool) -> Result<(), String> {
    same("fields", answer["headers"].clone(), fields(&live.headers))?;
    let has_body = !is_head && !matches!(live.status, 204 | 304);
    if has_body && !answer["body_length"].is_null() {
        same("length", answer["body_length"].clone(), live.body.len())?;
    }
    let sent = answer["twin"].as_str().or(answer["file"].as_str()).or(answer["page"].as_str());
    let is_coded = live.header("content-encoding").is_some() && answer["twin"].is_null();
    match sent.filter(|_| has_body && !is_coded && live.status != 206) {
        Some(file) => same("content", fs::read(file).unwrap(), live.body.clone()),
        None => Ok(()),
    }
}

fn differences_of_sent(answer: &Value, live: &Response, received: &Received) -> Result<(), String> {
    for field in answer["headers"].as_array().unwrap() {
        let values = live.header_values(field[0].as_str().unwrap());
        same("set field", field[1].clone(), values.join("|"))?;
    }
    let sent = &answer["upstream"];
    same("request line", sent["request_line"].clone(), received.request_line())?;
    let lines = received.head.split("\r\n").skip(1).filter_map(|line| line.split_once(": "));
    let lines: Vec<_> = lines.map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
    same("request fields", without_ids(sent["headers"].clone()), without_ids(listed(&lines)))
}

fn same(what: &str, explained: impl Into<Value>, live: impl Into<Value>) -> Result<(), String> {
    let (explained, live) = (explained.into(), live.into());
    if explained == live { Ok(()) } else { Err(format!("{what} is said to be {explained}, but is {live}")) }
}

pub fn explained(loaded: &Loaded, case: &Case<'_>) -> Value {
    let url = format!("http://{}{}", case.host, case.target);
    let fields: Vec<String> = case.fields.iter().map(|(name, value)| format!("{name}: {value}")).collect();
    let question = Question::read(&[case.method.into(), url], &fields, case.peer.parse().unwrap()).unwrap();
    let explanation = explain(loaded, &question).unwrap();
    assert!(explanation.to_text(true).contains('\x1b') && !explanation.to_text(false).contains('\x1b'));
    serde_json::from_str(&explanation.to_json().unwrap()).unwrap()
}

pub fn ask(proxy: &Proxy, case: &Case<'_>) -> Response {
    let mut head = format!("{} {} HTTP/1.1\r\nHost: {}\r\n", case.method, case.target, case.host);
    let mut body = String::new();
    for (name, value) in case.fields {
        write!(head, "{name}: {value}\r\n").unwrap();
        if *name == "content-length" {
            body = "x".repeat(value.parse().unwrap());
        }
    }
    let mut client = Client::connect_from(case.peer, proxy.addr());
    client.send(format!("{head}\r\n{body}")).response_to(case.method)
}

/// Those that are the answer's own.
fn fields(headers: &[(String, String)]) -> Value {
    let is_own = |(name, _): &&(String, String)| !["Date", "Connection"].contains(&name.as_str());
    listed(&headers.iter().filter(is_own).cloned().collect::<Vec<_>>())
}

fn listed(fields: &[(String, String)]) -> Value {
    fields.iter().map(|(name, value)| Value::from(vec![name.clone(), value.clone()])).collect()
}

/// Each request has others.
fn without_ids(mut fields: Value) -> Value {
    for field in fields.as_array_mut().unwrap() {
        if ["X-Request-Id", "X-Request-Start"].contains(&field[0].as_str().unwrap()) {
            field[1] = "differs".into();
        }
    }
    fields
}
