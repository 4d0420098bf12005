use std::fmt::Write as _;

use crate::support::{Proxy, Request, Response, kernel};

const CLIENTS: usize = 16;
const REQUESTS: usize = 25;
const SIZE: usize = 200_000;
/// What the process may grow by: less than the ranges of all clients together would be.
const GROWTH: u64 = 24 << 20;

fn content() -> Vec<u8> {
    (0..SIZE).map(|at| u8::try_from(at % 251).unwrap()).collect()
}

fn list(count: usize, member: impl Fn(usize) -> String) -> String {
    let mut text = String::new();
    for index in 0..count {
        write!(text, "{}{}", if index == 0 { "" } else { "," }, member(index)).unwrap();
    }
    text
}

/// From many connections at once. Each answer is given to `check`, and memory stays within its bound.
fn flood(path: &str, requests: &[Request], check: impl Fn(&Response) + Sync) {
    let content = content();
    let proxy =
        Proxy::files().file("www/small.bin", &content[..20_000]).file("www/file.bin", &content).start();
    assert_eq!(proxy.get(path).status, 200);
    let before = kernel::resident(proxy.pid());
    std::thread::scope(|scope| {
        for _ in 0..CLIENTS {
            scope.spawn(|| {
                for round in 0..REQUESTS {
                    let response = proxy.send(&requests[round % requests.len()]);
                    check(&response);
                }
            });
        }
    });
    let grown = kernel::most_resident(proxy.pid()).saturating_sub(before);
    assert!(grown < GROWTH, "grown by {grown} bytes");
    assert_eq!(proxy.get(path).status, 200);
}

/// No answer to a Range is longer than the file and a head for each part that was let through.
fn flood_of_ranges(path: &str, values: &[String]) {
    let requests: Vec<_> = values.iter().map(|value| Request::get(path).header("Range", value)).collect();
    flood(path, &requests, |response| {
        assert!(matches!(response.status, 200 | 206 | 400 | 416 | 431), "{}", response.status);
        assert!(response.body.len() <= SIZE + 64 * 1024, "{} bytes", response.body.len());
    });
}

fn amplifications() -> Vec<String> {
    vec![
        // CVE-2011-3192, Apache's.
        format!("bytes=0-,{}", list(1300, |at| format!("5-{at}"))),
        format!("bytes={}", list(1300, |at| format!("{at}-"))),
        format!("bytes={}", list(1300, |_| "0-".into())),
        format!("bytes={}", list(1300, |_| "-1".into())),
        // Not overlapping: a head for each byte.
        format!("bytes={}", list(1000, |at| format!("{}-{}", at * 2, at * 2))),
        // CVE-2017-7529, nginx's.
        "bytes=-9223372036854775808,-9223372036854775608".into(),
        "bytes=-18446744073709551615,0-18446744073709551615".into(),
    ]
}

#[test]
fn overlapping_ranges_yield_no_more_than_the_file() {
    flood_of_ranges("/file.bin", &amplifications());
    flood_of_ranges("/small.bin", &amplifications());
}

/// More than fits into a field, and into a head.
#[test]
fn eight_thousand_ranges_are_refused() {
    let value = format!("bytes={}", list(8000, |at| format!("{at}-{at}")));
    flood("/file.bin", &[Request::get("/file.bin").header("Range", &value)], |response| {
        assert_eq!(response.status, 431);
    });
}

#[test]
fn many_long_entity_tags_cost_no_memory() {
    let tag = format!("\"{}\"", "t".repeat(7_900));
    let tags = |count| {
        (0..count).fold(Request::get("/file.bin"), |request, _| request.header("If-None-Match", &tag))
    };
    let short = list(2000, |_| "\"t\"".into());
    let requests = [tags(3), tags(100), Request::get("/file.bin").header("If-None-Match", &short), tags(1)];
    flood("/file.bin", &requests, |response| {
        assert!(matches!(response.status, 200 | 431), "{}", response.status);
    });
}
