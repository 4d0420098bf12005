//! How an authority is shown that names are ours.

use std::os::unix::fs::PermissionsExt;

use super::{DNS, HTTP, TLS_ALPN, folder, has_failed, names, proxy, shown, site, wait_for_certificate, with};
use crate::support::kernel::eventually;
use crate::support::{Pebble, Request};

#[test]
fn the_name_alone_gets_a_certificate() {
    let pebble = Pebble::start();
    let proxy = proxy(&pebble, &["localhost"], HTTP).start();
    let certificate = wait_for_certificate(pebble.tls, "localhost", None);
    assert_eq!(names(&certificate), ["localhost"]);
    proxy.wait_for_access("GET /.well-known/acme-challenge/");
    proxy.wait_for_log("a certificate for localhost has been obtained: it is valid until ");
    let file = folder(proxy.dir()).join("identity.pem");
    assert_eq!(std::fs::metadata(file).unwrap().permissions().mode() & 0o777, 0o600);
    // What was shown to the authority is gone again, and the rest of the site is where it was.
    let tokens = proxy.dir().join("state/acme/http-01");
    eventually("no token is left", || std::fs::read_dir(&tokens).unwrap().count() == 0);
    let ask = |path: &str| proxy.connect().exchange(&Request::get(path).header("Host", "localhost"));
    // A token of somebody else's is the site's to answer, as it is asked for by plain HTTP.
    assert_eq!(ask("/.well-known/acme-challenge/aGVsbG8").header("location"), None);
    let place = format!("https://localhost:{}/", pebble.tls);
    assert_eq!(ask("/").header("location"), Some(place.as_str()));
}

#[test]
fn no_client_is_served_before_there_is_a_certificate() {
    let mut pebble = Pebble::start();
    pebble.stop();
    let proxy = proxy(&pebble, &["localhost"], HTTP).start();
    proxy.wait_for_log("no certificate for localhost: ");
    assert_eq!(shown(pebble.tls, "localhost"), None);
    let line = proxy.wait_for_log("there is no certificate for `localhost` yet: ");
    assert!(line.contains("it cannot be reached"), "{line}");
}

#[test]
fn a_certificate_in_the_handshake_shows_it_too() {
    let pebble = Pebble::start();
    let proxy = proxy(&pebble, &["localhost"], TLS_ALPN).start();
    assert_eq!(names(&wait_for_certificate(pebble.tls, "localhost", None)), ["localhost"]);
    assert!(!proxy.access.all().iter().any(|line| line.contains("acme-challenge")));
}

#[test]
fn a_wildcard_is_shown_by_records_that_a_command_sets() {
    let pebble = Pebble::start();
    let proxy = proxy(&pebble, &["shop.test", "*.shop.test"], DNS).start();
    let certificate = wait_for_certificate(pebble.tls, "www.shop.test", None);
    assert_eq!(names(&certificate), ["*.shop.test", "shop.test"]);
    proxy.wait_for_log("the hook of `acme` says: present _acme-challenge.shop.test HTTP/1.0 200 OK");
    proxy.log.wait_for_nth("the hook of `acme` says: cleanup _acme-challenge.shop.test", 2);
}

#[test]
fn nonces_that_are_refused_are_asked_for_again() {
    let pebble = Pebble::builder().refuse_nonces(40).start();
    let proxy = proxy(&pebble, &["localhost"], HTTP).start();
    wait_for_certificate(pebble.tls, "localhost", None);
    assert_eq!(pebble.orders(), 1);
    assert!(!has_failed(&proxy));
}

#[test]
fn an_authority_that_takes_its_time_is_waited_for() {
    let pebble = Pebble::builder().slow(6).start();
    let proxy = proxy(&pebble, &["localhost"], HTTP).start();
    wait_for_certificate(pebble.tls, "localhost", None);
    assert!(!has_failed(&proxy));
}

/// The site goes on with the certificate that it has until there is one for all of its names.
#[test]
fn a_name_that_comes_later_is_added() {
    let pebble = Pebble::start();
    let one = proxy(&pebble, &["a.shop.test"], DNS).start();
    let former = wait_for_certificate(pebble.tls, "a.shop.test", None);
    let told = one.reload(&site(&pebble, &["a.shop.test", "b.shop.test"], DNS));
    assert!(told.starts_with("in force"), "{told}");
    assert!(shown(pebble.tls, "a.shop.test").is_some());
    let next = wait_for_certificate(pebble.tls, "b.shop.test", Some(&former));
    assert_eq!(names(&next), ["a.shop.test", "b.shop.test"]);
}

#[test]
fn an_authority_that_has_forgotten_us_gets_a_new_account() {
    let mut pebble = Pebble::start();
    let proxy = proxy(&pebble, &["a.shop.test"], DNS).start();
    let former = wait_for_certificate(pebble.tls, "a.shop.test", None);
    pebble.restart();
    proxy.reload(&site(&pebble, &["a.shop.test", "b.shop.test"], DNS));
    let next = wait_for_certificate(pebble.tls, "b.shop.test", Some(&former));
    assert_eq!(names(&next), ["a.shop.test", "b.shop.test"]);
    assert_eq!(pebble.accounts(), 1);
    assert!(!has_failed(&proxy));
}

#[test]
fn a_site_that_comes_later_gets_its_certificate() {
    let pebble = Pebble::start();
    let plain = format!(
        "[[site]]\nlisten = [\"127.0.0.1:{}\"]\n[[site.location]]\nmatch = \"/\"\nrespond = {{ status = 200 }}\n",
        pebble.http
    );
    let proxy = with(&pebble, &plain).start();
    let told = proxy.reload(&site(&pebble, &["localhost"], HTTP));
    assert!(told.starts_with("in force"), "{told}");
    wait_for_certificate(pebble.tls, "localhost", None);
}
