//! One directory, served by rproxy and by nginx as Debian has it. Both are asked the same, and answer the same but for
//! what `docs/nginx-differences.md` says. `RPROXY_BLESS=1` writes that document anew.

/// What is asked.
mod corpus;
/// What answers have in common, and what not.
mod difference;
/// The differences that are meant, each with its reason.
mod known;
/// What is served.
mod tree;

use std::fmt::Write as _;
use std::fs;

use crate::support::{Client, Nginx, Proxy, repository};
use corpus::Case;
use difference::{Difference, Tags, compare};
use known::KNOWN;

const DOCUMENT: &str = "docs/nginx-differences.md";

#[test]
fn nginx_answers_the_same_but_for_what_is_written_down() {
    let cases = corpus::all();
    assert!(cases.len() >= 600, "only {} requests", cases.len());
    let (proxy, nginx) = both();
    let found = differences(&cases, || proxy.connect(), || nginx.connect("files"));
    let unknown: Vec<String> =
        found.iter().filter(|one| known(one).is_none()).map(ToString::to_string).collect();
    assert!(unknown.is_empty(), "{} unknown differences:\n{}", unknown.len(), unknown.join("\n"));
    check_document(&document(&cases, &found));
}

fn both() -> (Proxy, Nginx) {
    let proxy = tree::grow(Proxy::site(tree::RPROXY)).start();
    let nginx = Nginx::start(&tree::NGINX.replace("{www}", proxy.dir().join("www").to_str().unwrap()));
    (proxy, nginx)
}

/// Each request goes on a connection of its own, since some end theirs.
fn differences(
    cases: &[Case],
    rproxy: impl Fn() -> Client,
    nginx: impl Fn() -> Client,
) -> Vec<Difference<'_>> {
    let (ours, theirs) = (Tags::new(&rproxy), Tags::new(&nginx));
    let compared = cases.iter().flat_map(|case| {
        let theirs = nginx().exchange(&theirs.request(case));
        let ours = rproxy().exchange(&ours.request(case));
        compare(case, &theirs, &ours)
    });
    compared.collect()
}

fn known(difference: &Difference<'_>) -> Option<usize> {
    KNOWN.iter().position(|known| (known.covers)(difference))
}

/// Examples are enough where a difference shows in many requests, but their number has to be right.
const EXAMPLES: usize = 3;

fn document(cases: &[Case], found: &[Difference<'_>]) -> String {
    let mut text = format!(
        "# Where rproxy answers otherwise than nginx\n\n\
         A test sends {} requests to both, for the same directory ([`tests/it/files_nginx`](../tests/it/files_nginx)).\n\
         What differs in status, fields or content is here, and nothing else does: the test fails on a difference that\n\
         is missing here, and on one that is here and no longer there.\n",
        cases.len()
    );
    for (index, entry) in KNOWN.iter().enumerate() {
        let mut its: Vec<_> = found.iter().filter(|one| known(one) == Some(index)).collect();
        assert!(!its.is_empty(), "this difference is gone: {}", entry.title);
        write!(text, "\n## {}\n\n{}\n\n", entry.title, entry.reason).unwrap();
        let count = its.len();
        its.truncate(EXAMPLES);
        text.push_str("| request | | nginx | rproxy |\n|---|---|---|---|\n");
        text.extend(its.iter().map(|one| one.row()));
        if count > its.len() {
            writeln!(text, "\nThis, and {} more.", count - its.len()).unwrap();
        }
    }
    text
}

fn check_document(expected: &str) {
    let path = repository(DOCUMENT);
    if std::env::var_os("RPROXY_BLESS").is_some() {
        fs::write(path, expected).unwrap();
    } else {
        let written = fs::read_to_string(path).unwrap_or_default();
        assert!(written == expected, "{DOCUMENT} does not say what is so, which is:\n{expected}");
    }
}
