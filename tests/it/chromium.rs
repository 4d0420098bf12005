//! A film in a browser: whoever seeks in it gets there by ranges, without the whole of it being sent.

use std::fs;
use std::process::Command;

use rustix::process::Signal;
use serde_json::Value;

use crate::support::origin::Received;
use crate::support::{Chromium, Origin, Proxy, once, repository, venv};

const SITE: &str = r#"
[[site.location]]
match = "/"
files = "www"

[[site.location]]
match = "= /report"
proxy = "reports"

[upstream.reports]
servers = ["{origin}"]
"#;

const SECONDS: f64 = 60.0;
/// Where the page seeks to, in its order.
const POSITIONS: [f64; 3] = [50.0, 10.0, 35.0];

fn served(origin: &Origin) -> Proxy {
    let script = repository("tests/apps/video/make.py");
    let film = once::directory("video", fs::read_to_string(&script).unwrap(), |directory| {
        venv::output(Command::new(venv::python()).arg(&script).arg(directory.join("film.mp4")));
    });
    let page = fs::read(repository("tests/apps/video/player.html")).unwrap();
    let builder = Proxy::site(&SITE.replace("{origin}", origin.address())).file("www/player.html", page);
    // A link out of the directory would not be followed.
    fs::copy(film.join("film.mp4"), builder.dir().join("www/film.mp4")).unwrap();
    builder.start()
}

/// What the page has told, as long as it has not failed.
fn told(request: &Received, what: &str) -> Value {
    let value: Value = serde_json::from_slice(&request.body).unwrap();
    assert_eq!(value["what"], what, "{value}");
    value
}

/// Status and bytes of each answer that sent some of the film.
fn sent(proxy: &Proxy) -> Vec<(u16, u64)> {
    let lines = proxy.access.all();
    let films = lines.iter().filter(|line| line.contains("GET /film.mp4 "));
    // `… "GET /film.mp4 HTTP/1.1" 206 4711 "…`
    let answers = films.map(|line| line.split("HTTP/1.1\" ").nth(1).unwrap().split(' '));
    answers
        .map(|mut words| (words.next().unwrap().parse().unwrap(), words.next().unwrap().parse().unwrap()))
        .collect()
}

#[test]
fn a_browser_seeks_in_a_film_without_taking_all_of_it() {
    let origin = Origin::ok("");
    let mut proxy = served(&origin);
    let size = fs::metadata(proxy.dir().join("www/film.mp4")).unwrap().len();
    assert!(size > 20 << 20, "the film has only {size} bytes");
    let browser = Chromium::open(&proxy.url("/player.html"));
    let ready = told(&origin.wait_for_request(1), "ready");
    assert_eq!(ready["duration"].as_f64(), Some(SECONDS));
    assert_eq!((ready["seekable"][0].as_f64(), ready["seekable"][1].as_f64()), (Some(0.0), Some(SECONDS)));
    for (index, position) in POSITIONS.iter().enumerate() {
        let sought = told(&origin.wait_for_request(2 + index), "sought");
        assert_eq!((sought["position"].as_f64(), sought["now"].as_f64()), (Some(*position), Some(*position)));
        assert!(sought["buffered"].as_f64().unwrap() < SECONDS / 2.0, "{sought}");
    }
    drop(browser);
    // With its end, every answer has its line, also those that the browser broke off.
    proxy.signal(Signal::TERM);
    assert!(proxy.wait().success() && proxy.access.wait_until_closed());
    let answers = sent(&proxy);
    assert!(answers.iter().all(|(status, _)| matches!(status, 206 | 304)), "{answers:?}");
    assert!(answers.iter().filter(|(status, _)| *status == 206).count() > POSITIONS.len(), "{answers:?}");
    let bytes: u64 = answers.iter().map(|(_, bytes)| bytes).sum();
    assert!(bytes < size * 2 / 3, "{bytes} of {size} bytes were sent: {answers:?}");
}
