//! Smuggling and malformed input: every file of `static_fixtures/framing`, byte for byte.

mod application;
mod corpus;
mod exchange;
mod oracle;

use std::panic::{AssertUnwindSafe, catch_unwind};

use crate::support::{Origin, Proxy};

use corpus::{Case, End};

const CONFIG: &str = r#"
hosts = ["a.test", "b.test", "*.wild.test"]
max_body = "64KiB"

[[site.location]]
match = "/echo/"
respond = { status = 200, body = "$request_uri", type = "text/plain" }

[[site.location]]
match = "/files/"
files = "www"

[[site.location]]
match = "= /old"
redirect = { to = "/new", status = 301 }

[[site.location]]
match = "/app/"
proxy = "app"

[[site.location]]
match = "/small/"
proxy = "app"
max_body = 16

[upstream.app]
"#;

macro_rules! each_file {
    ($($test:ident)*) => {
        const FILES: &[&str] = &[$(concat!(stringify!($test), ".txt"),)*];

        $(#[test]
        fn $test() {
            Server::start().run_all(&corpus::load(concat!(stringify!($test), ".txt")), |case| vec![&case.bytes]);
        })*
    };
}

each_file! {
    chunked connection content_length cut_short expect fields forwarding host http10 line_ends
    pipelining request_line target transfer_encoding unread_body upgrade
}

#[test]
fn every_file_has_its_test() {
    assert_eq!(corpus::files(), FILES);
    let names: Vec<String> = all().into_iter().map(|case| case.name).collect();
    assert!(names.len() > 500, "only {} cases were read", names.len());
}

/// Where the bytes were cut on their way must not change what they mean.
#[test]
fn requests_in_pieces() {
    Server::start().run_all(&all(), pieces);
}

#[tokio::test]
async fn hyper_reads_the_same_requests() {
    let mut compared = 0;
    for case in all().iter().filter(|case| is_plain(case)) {
        let (seen, result) = oracle::read(case).await;
        result.unwrap_or_else(|error| panic!("{}: hyper says {error}", case.name));
        assert_eq!(
            seen.len(),
            case.answers.iter().filter(|answer| !answer.optional).count(),
            "{}",
            case.name
        );
        let forwarded = case.upstream.iter().map(|request| {
            let line = String::from_utf8_lossy(&request.line);
            (line.trim_end_matches(" HTTP/1.1").to_owned(), request.body.clone())
        });
        for request in forwarded {
            assert!(seen.contains(&request), "{}: hyper saw {seen:?}", case.name);
            compared += 1;
        }
    }
    assert!(compared > 50, "only {compared} requests were compared");
}

/// Whether nothing but well-formed requests stands in the case.
fn is_plain(case: &Case) -> bool {
    let accepted = |statuses: &[u16]| statuses.iter().all(|status| matches!(status, 100 | 200 | 301 | 404));
    case.end == End::Keep && case.answers.iter().all(|answer| accepted(&answer.statuses))
}

fn all() -> Vec<Case> {
    FILES.iter().flat_map(|file| corpus::load(file)).collect()
}

/// Three cuts that depend on nothing but the bytes.
fn pieces(case: &Case) -> Vec<&[u8]> {
    let length = case.bytes.len();
    let mut seed = length as u64 ^ 0x9e37_79b9_7f4a_7c15;
    let mut cut = || {
        seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(seed >> 33).unwrap() % (length + 1)
    };
    let mut cuts = [cut(), cut(), cut()];
    cuts.sort_unstable();
    let [a, b, c] = cuts;
    let bytes = case.bytes.as_slice();
    vec![&bytes[..a], &bytes[a..b], &bytes[b..c], &bytes[c..]]
}

struct Server {
    proxy: Proxy,
    origin: Origin,
}

impl Server {
    fn start() -> Self {
        let origin = application::start();
        let upstream = format!("servers = [\"{}\"]\n", origin.address());
        let proxy = Proxy::site(&format!("{CONFIG}{upstream}")).file("www/hello.txt", "hello\n").start();
        Self { proxy, origin }
    }

    /// Runs all cases and reports all that failed, each by its name.
    fn run_all(&self, cases: &[Case], cut: impl Fn(&Case) -> Vec<&[u8]>) {
        let mut failures = Vec::new();
        let mut answers = 0;
        for case in cases {
            match catch_unwind(AssertUnwindSafe(|| self.run(case, &cut(case)))) {
                Ok(count) => answers += count,
                Err(reason) => failures.push(format!("{}\n    {}", shortened(&case.name), text(&*reason))),
            }
        }
        assert!(failures.is_empty(), "{} of {}:\n{}", failures.len(), cases.len(), failures.join("\n"));
        self.check_afterwards(cases, answers);
    }

    /// Nothing came late, and each answer has one line in the log, whatever bytes it was an answer to.
    fn check_afterwards(&self, cases: &[Case], answers: usize) {
        self.proxy.access.wait_for_nth("", answers);
        let lines = self.proxy.access.all();
        let unanswered = cases.iter().filter(|case| case.eof).count();
        assert!(lines.len() <= answers + unanswered, "{} lines for {answers} answers", lines.len());
        let odd = lines.iter().find(|line| line.contains(char::is_control));
        assert_eq!(odd, None, "a control byte in the access log");
        let forwarded: usize = cases.iter().map(|case| case.upstream.len()).sum();
        assert_eq!(self.origin.requests().len(), forwarded);
    }

    fn run(&self, case: &Case, pieces: &[&[u8]]) -> usize {
        let before = self.origin.requests().len();
        let answers =
            catch_unwind(AssertUnwindSafe(|| exchange::run(&self.proxy.addresses()[0], case, pieces)));
        application::check(&self.origin.requests()[before..], &case.upstream);
        answers.unwrap_or_else(|reason| panic!("{}", text(&*reason)))
    }
}

fn shortened(name: &str) -> String {
    name.chars().take(160).collect()
}

fn text(reason: &(dyn std::any::Any + Send)) -> String {
    let owned = reason.downcast_ref::<String>().cloned();
    owned.or_else(|| reason.downcast_ref::<&str>().map(|text| (*text).to_owned())).unwrap_or_default()
}
