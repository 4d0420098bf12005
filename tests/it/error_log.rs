//! What the operator reads when requests fail, one or many.

use rustix::process::Signal;

use crate::support::proxy::ABSENT;
use crate::support::{Proxy, Request};

const FAILURES: usize = 200;

fn lines_about<'a>(log: &'a [String], cause: &str) -> Vec<&'a String> {
    let cause = format!("cause=\"{cause}\"");
    log.iter().filter(|line| line.contains(&cause)).collect()
}

#[test]
fn a_dead_application_does_not_flood_the_log() {
    let mut proxy =
        Proxy::site(&format!("[[site.location]]\nmatch = \"/\"\nproxy = \"absent\"\n{ABSENT}")).start();
    let mut client = proxy.connect();
    for count in 0..FAILURES {
        assert_eq!(client.exchange(&Request::get(&format!("/{count}"))).status, 502);
    }
    // Others are told of as before.
    proxy.connect().send("GARBAGE\r\n\r\n").response();
    let log = proxy.log.all();
    let told = lines_about(&log, "socket-missing");
    assert_eq!(told.len(), 10, "{log:#?}");
    assert!(told[9].contains("/9 HTTP/1.1") && told[9].contains("remedy="), "{}", told[9]);
    proxy.wait_for_log("malformed-request");
    proxy.signal(Signal::TERM);
    proxy.wait();
    // What had no line is told before it ends, with what there is to do.
    let log = proxy.log.all();
    let told = lines_about(&log, "socket-missing");
    assert_eq!(told.len(), 11, "{log:#?}");
    let last = told[10];
    assert!(
        last.contains("(190 more") && last.contains("missing.sock") && last.contains("remedy="),
        "{last}"
    );
}

#[test]
fn what_clients_do_is_no_error() {
    let proxy = Proxy::files().start();
    proxy.connect().send("GARBAGE\r\n\r\n").response();
    let line = proxy.wait_for_log("malformed-request");
    assert!(line.contains("INFO") && line.contains("client=\"127.0.0.1\""), "{line}");
}
