//! One faulty configuration per mistake, each with its report. `RPROXY_BLESS=1` writes the reports anew;
//! read them before you commit them, as a user would.

use std::fs;
use std::path::{Path, PathBuf};

use proptest::prelude::*;
use rproxy::config::load;
use rproxy::explain::tested;

#[test]
fn every_mistake_is_reported_as_expected() {
    let bless = std::env::var_os("RPROXY_BLESS").is_some();
    let cases = cases();
    assert!(cases.len() >= 60, "only {} cases were found", cases.len());
    let mut failures = Vec::new();
    for case in cases {
        let expected = case.with_extension("txt");
        let report = report(&case);
        if bless {
            fs::write(&expected, report).unwrap();
        } else if fs::read_to_string(&expected).unwrap_or_default() != report {
            failures.push(format!("{}:\n{report}", case.display()));
        }
    }
    assert!(failures.is_empty(), "{} reports differ:\n\n{}", failures.len(), failures.join("\n"));
}

#[test]
fn every_report_belongs_to_a_case() {
    let cases = cases();
    for entry in fs::read_dir(fixtures()).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_some_and(|extension| extension == "txt") {
            assert!(cases.contains(&path.with_extension("toml")), "{} has no case", path.display());
        }
    }
}

#[test]
fn a_file_that_is_not_there_is_reported() {
    let report = load(&fixtures().join("none.toml")).unwrap_err();
    assert_eq!(report.len(), 1);
    let text = relative(&report.render(false));
    assert_eq!(text, "error: cannot read `none.toml`: there is no such file\n\n");
}

#[test]
fn color_is_only_drawn_when_asked_for() {
    let report = load(&fixtures().join("unknown_key.toml")).unwrap_err();
    assert!(!report.render(false).contains('\x1b'));
    assert!(report.render(true).contains('\x1b'));
}

#[test]
fn control_characters_of_a_file_do_not_reach_the_terminal() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("site.toml");
    fs::write(&file, "\"\\u001b[2J\" = 1\n[[site]]\nlisten = [\"\\u001b]0;x\\u0007\"]\n").unwrap();
    assert!(!load(&file).unwrap_err().render(false).contains('\x1b'));
}

proptest! {
    #[test]
    fn no_text_upsets_the_loader(text in any::<String>()) {
        load_text(&text);
    }

    #[test]
    fn no_bytes_upset_the_loader(bytes in any::<Vec<u8>>()) {
        load_bytes(&bytes);
    }

    /// Files that are nearly right reach further than noise does.
    #[test]
    fn no_shuffled_configuration_upsets_the_loader(
        lines in prop::collection::vec(prop::sample::select(LINES.to_vec()), 0..30),
        cut in any::<prop::sample::Index>(),
    ) {
        let text = lines.join("\n");
        load_text(&text);
        let cut = text.floor_char_boundary(cut.index(text.len() + 1));
        load_text(&text[..cut]);
    }

    #[test]
    fn no_value_upsets_the_loader(
        key in prop::sample::select(KEYS.to_vec()),
        value in "[ -~é\u{0}]{0,20}",
    ) {
        let value = toml::Value::from(value).to_string();
        load_text(&format!("[[site]]\nlisten = [\":80\"]\n[[site.location]]\nmatch = \"/\"\n{}", key.replace('%', &value)));
    }
}

const LINES: &[&str] = &[
    "[server]",
    "[[site]]",
    "[site]",
    "[[site.location]]",
    "[site.errors]",
    "[site.tls]",
    "[upstream.app.tls]",
    "listen_tls = [\":443\", \":80\", 3]",
    "https_only = true",
    "cert = [\"a.pem\", \"a.pem\"]",
    "key = \"a.pem\"",
    "acme = { challenge = \"dns-01\" }",
    "hsts = { preload = true }",
    "protocol = \"https\"",
    "http2 = true",
    "name = \"é\"",
    "[upstream.app]",
    "[upstream.app.process]",
    "[[test]]",
    "url = \"http://a/x\"",
    "status = 404",
    "header = { A = false, B = \"x\" }",
    "include = [\"*.toml\", \"**\"]",
    "spool = { directory = \"/\", size = \"1GiB\" }",
    "listen = [\":80\", \"unix:a\", 3]",
    "hosts = [\"a\", \"*.a\", \"\"]",
    "match = \"/\"",
    "match = \"~ (?<a>.)\"",
    "match = \"@a\"",
    "files = \"x\"",
    "files = { root = 3 }",
    "try = [\"$uri\", \"@a\"]",
    "proxy = \"app\"",
    "redirect = { to = \"$1\" }",
    "respond = { status = 204, body = \"é\" }",
    "rewrite = { from = \"(\", to = \"\" }",
    "headers.request.set.Host = \"$host\"",
    "\"404\" = \"é.html\"",
    "servers = [\"127.0.0.1:1\", {}, { address = \"unix:{socket}\" }]",
    "command = [\"{port}\", \"{socket}\"]",
    "keep_alive = { idle = -1 }",
    "balance = { hash = \"$remote_addr$1\" }",
    "balance = \"p2c\"",
    "retry = { window = \"0s\" }",
    "health = { path = \"/\", status = \"2xx,404\", timeout = \"9s\" }",
    "max_body = \"9999999999999999999999TiB\"",
    "timeouts = [",
    "x = 1979-05-27",
    "é = 'é",
    "\"\"\"",
    "}",
];

const KEYS: &[&str] = &[
    "match = %",
    "files = %",
    "proxy = %",
    "redirect = { to = % }",
    "respond = { body = %, type = % }",
    "rewrite = { from = %, to = % }",
    "max_body = %",
    "timeouts.body = %",
    "proxy = \"app\"\nbuffer_request = %",
    "try = [%, %]",
    "index = [%]",
    "headers.request = { set = { % = % }, remove = [%] }",
    "[[site]]\nlisten = [%]\nhosts = [%]",
    "[upstream.%]\nservers = [%]\nprocess.command = [%]",
    "[upstream.app]\nservers = [{ address = % }]\nbalance = { hash = % }\nresolve = %",
    "[upstream.app]\nservers = [\"127.0.0.1:1\"]\nhealth = { path = %, status = %, body = %, host = % }",
    "[site.errors]\n% = %",
    "respond = {}\n[[test]]\nurl = %\nmethod = %\npeer = %\nlocation = %\nsite = %\nfile = %\nuri = %",
    "[server]\nadmin = %\n[log]\naccess_format = %",
];

fn load_text(text: &str) {
    load_bytes(text.as_bytes());
}

/// Loads and renders; a panic is the only failure.
fn load_bytes(bytes: &[u8]) {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("site.toml");
    fs::write(&file, bytes).unwrap();
    match load(&file).and_then(tested) {
        Ok(loaded) => {
            loaded.warnings.render(true);
            rproxy::config::print(&loaded.config);
        }
        Err(report) => {
            assert!(!report.is_empty());
            report.render(true);
        }
    }
}

fn fixtures() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("static_fixtures/config_errors")
}

fn cases() -> Vec<PathBuf> {
    let entries = fs::read_dir(fixtures()).unwrap().map(|entry| entry.unwrap().path());
    let mut cases: Vec<_> =
        entries.filter(|path| path.extension().is_some_and(|extension| extension == "toml")).collect();
    cases.sort();
    cases
}

/// What a user reads about the case: the report, or the warnings about a file that can be served.
fn report(case: &Path) -> String {
    let report = match load(case).and_then(tested) {
        Ok(loaded) => loaded.warnings,
        Err(report) => report,
    };
    assert!(!report.is_empty(), "{} is without fault", case.display());
    relative(&report.render(false))
}

/// Without the folder, so that a report is the same on every machine.
fn relative(report: &str) -> String {
    report.replace(&format!("{}/", fixtures().display()), "")
}
