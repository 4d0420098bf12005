//! What goes wrong is told, and not made worse.

use std::time::Duration;

use super::{DNS, HTTP, pause, proxy, shown};
use crate::clock;
use crate::support::kernel::eventually;
use crate::support::pebble::free_port;
use crate::support::{Pebble, Proxy};

fn is_about_a_minute(pause: Duration) -> bool {
    (40..=80).contains(&pause.as_secs())
}

#[test]
fn a_challenge_that_fails_is_told_with_what_helps() {
    // The authority looks where nobody listens.
    let pebble = Pebble::builder().looks_at(free_port()).start();
    let elsewhere = super::site_at(&pebble, (free_port(), pebble.tls), &["localhost"], HTTP);
    let proxy = super::with(&pebble, &elsewhere).start();
    let line = proxy.wait_for_log("no certificate for localhost: ");
    assert!(line.contains("localhost: the authority refuses (connection): "), "{line}");
    assert!(line.contains("port 80 for http-01"), "{line}");
    assert!(is_about_a_minute(pause(&line)), "{line}");
    assert_eq!(pebble.orders(), 1);
    assert_eq!(shown(pebble.tls, "localhost"), None);
}

#[test]
fn a_name_that_the_authority_refuses_is_told() {
    let pebble = Pebble::start();
    let proxy = proxy(&pebble, &["refused.test"], DNS).start();
    let line =
        proxy.wait_for_log("no certificate for refused.test: the authority refuses (rejectedIdentifier): ");
    assert!(line.contains("take the name out of `hosts`"), "{line}");
    assert_eq!(pebble.orders(), 0);
}

#[test]
fn a_name_that_leads_nowhere_costs_no_request() {
    let pebble = Pebble::start();
    let proxy = proxy(&pebble, &["no-such-name.invalid"], HTTP).start();
    let line = proxy.wait_for_log("no certificate for no-such-name.invalid: ");
    assert!(line.contains("no-such-name.invalid does not resolve here: "), "{line}");
    assert!(line.contains("DNS records (A, AAAA)"), "{line}");
    assert_eq!(pebble.requests(), 0);
}

#[test]
fn a_directory_that_is_not_there_is_told_and_left_alone() {
    let mut pebble = Pebble::start();
    pebble.stop();
    let proxy = proxy(&pebble, &["localhost"], HTTP).start();
    let line = proxy.wait_for_log("no certificate for localhost: ");
    assert!(line.contains(&format!("{}: it cannot be reached: ", pebble.directory())), "{line}");
    assert!(line.contains("Connection refused"), "{line}");
    assert!(is_about_a_minute(pause(&line)), "{line}");
    // Nor does a reload hammer: the pause is for all.
    assert!(proxy.hang_up().contains("no change"));
    proxy.wait_for_log("reload: no change");
    assert_eq!(proxy.log.all().iter().filter(|line| line.contains("no certificate for")).count(), 1);
}

#[test]
fn what_is_no_authority_is_told() {
    let pebble = Pebble::start();
    let directory = pebble.directory();
    let toml = super::site(&pebble, &["localhost"], HTTP)
        .replace(&directory, &directory.replace("/dir", "/nothing"));
    let proxy = super::with(&pebble, &toml).start();
    let line = proxy.wait_for_log("no certificate for localhost: ");
    assert!(line.contains("it answers 404 Not Found"), "{line}");
    assert!(line.contains("see whether `directory` of `acme` is right"), "{line}");
}

#[test]
fn a_hook_that_fails_is_quoted() {
    let pebble = Pebble::start();
    let proxy = proxy(&pebble, &["shop.test"], DNS)
        .file("hook.sh", "#!/bin/sh\necho \"no token for $ACME_DOMAIN\" >&2; exit 3\n")
        .start();
    let line = proxy.wait_for_log("no certificate for shop.test: ");
    let told = "failed at `present _acme-challenge.shop.test`: exit status: 3: no token for shop.test";
    assert!(line.contains(told), "{line}");
}

/// Of a wrong clock nothing can come: certificates of the directory and of the site are judged by it.
#[test]
fn a_wrong_clock_is_told() {
    for (offset, told) in [
        ("+3h", "the clock of this machine says "),
        (
            "-400d",
            "its own certificate is not valid at the time that the clock of this machine says, which is ",
        ),
    ] {
        let pebble = Pebble::start();
        let builder = proxy(&pebble, &["localhost"], HTTP);
        let proxy: Proxy = clock::lie(builder, offset).start();
        let line = proxy.wait_for_log("no certificate for localhost: ");
        assert!(line.contains(told), "{line}");
        assert!(line.contains("set the clock of this machine"), "{line}");
        assert_eq!(pebble.orders(), 0);
    }
}

#[test]
fn a_state_directory_that_cannot_be_written_to_is_told() {
    let pebble = Pebble::start();
    let builder = proxy(&pebble, &["localhost"], HTTP).directory("state").without_privileges();
    let state = builder.dir().join("state");
    std::fs::set_permissions(&state, std::os::unix::fs::PermissionsExt::from_mode(0o500)).unwrap();
    let proxy = builder.start();
    let line = proxy.wait_for_log("no certificate for localhost: ");
    assert!(line.contains("Permission denied"), "{line}");
    assert!(
        line.contains("make `state` of `[server]` a directory that the user rproxy runs as may write to"),
        "{line}"
    );
    assert_eq!(pebble.requests(), 0);
    eventually("the state directory stays empty", || std::fs::read_dir(&state).unwrap().count() == 0);
}
